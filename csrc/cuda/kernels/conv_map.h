// How the convolutions of few channels are cut into blocks, and where things lie in their shared
// memory. Stride and dilation are 1, windows of the pool 2 x 2. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "kernels.h"

namespace inkgrad::cuda {

inline constexpr int64_t kSharedBytes = 80 * 1024;  // of a block
inline constexpr int kLargestBlock = 256;
// About as many as a large device runs at a time: each goes through several shares of the images,
// and loads the weights once.
inline constexpr int64_t kResidentBlocks = 512;

// Planes in shared memory with zeros around them. Rows are an even number of elements apart: pairs
// are read.
struct ImageTile {
  int rows, pitch;

  INKGRAD_HD constexpr int64_t elements(int64_t channels) const {
    return channels * rows * int64_t(pitch);
  }
};

inline ImageTile image_tile(int64_t height, int64_t width) {
  return {int(height), int(width + width % 2)};
}

// The channels that a thread computes together, and how far apart these groups are in shared
// memory, in elements: their weights are read in one or two pieces, the first one of 16 bytes.
struct ChannelGroups {
  int together, pitch, count;

  INKGRAD_HD constexpr int row() const { return count * pitch; }
};

INKGRAD_HD constexpr ChannelGroups channel_groups(int64_t channels) {
  if (channels == 1) return {1, 4, 1};
  if (channels % 5 == 0) return {5, 8, int(channels / 5)};
  return {4, 4, int(ceil_div(channels, 4))};
}

// ---- threads of a block: one for each 2 x 2 places of a plane, of one image of the block, and for
// a share of its groups of channels.
struct PlaneTiles {
  int places;            // of a plane
  int images, parts;     // images a block, or blocks an image; one of them is 1
  int places_per_block;  // of one image
  int channel_shares;    // of the groups; neighbouring threads have the same
  int threads;
  ImageTile tile;

  // Shares of the images, one of which a block takes at a time.
  INKGRAD_HD int64_t shares_of(int64_t all_images) const {
    return ceil_div(all_images, images) * parts;
  }
  INKGRAD_HD int64_t blocks(int64_t all_images) const {
    const int64_t all = shares_of(all_images);
    return all < kResidentBlocks ? all : kResidentBlocks;
  }
  // The channels' share, the image and the place that a thread has; false if it has none.
  INKGRAD_HD bool locate(int64_t share_of_images, int thread, int64_t all_images, int* share,
                         int* image_in_block, int64_t* image, int* place) const {
    const int of_share = images * places_per_block;
    *share = thread / of_share;
    const int rest = thread % of_share;
    *image_in_block = rest / places_per_block;
    *image = share_of_images / parts * images + *image_in_block;
    *place = int(share_of_images % parts) * places_per_block + rest % places_per_block;
    return *share < channel_shares && *image < all_images && *place < places;
  }
};

// `tile_channels` planes of each image are in shared memory, and weights of `weight_bytes`.
inline PlaneTiles plane_tiles(int64_t places, ImageTile tile, int64_t tile_channels, int groups,
                              int64_t weight_bytes) {
  constexpr int kUsualThreads = 64;
  PlaneTiles t{};
  t.tile = tile;
  t.places = int(places);
  t.parts = int(ceil_div(places, kLargestBlock));
  t.places_per_block = int(ceil_div(places, t.parts));
  t.images = t.places < kUsualThreads ? kUsualThreads / t.places : 1;
  while (t.images > 1 &&
         weight_bytes + 4 * t.images * tile.elements(tile_channels) > kSharedBytes) {
    --t.images;
  }
  t.channel_shares = 1;
  while (t.channel_shares * 2 <= groups &&
         t.channel_shares * 2 * t.images * t.places_per_block <= kLargestBlock) {
    t.channel_shares *= 2;
  }
  t.threads = int(ceil_div(int64_t(t.channel_shares) * t.images * t.places_per_block, 32) * 32);
  return t;
}

// ---- forward: a place is one of the pool's output. Shared memory holds the weights
// [taps, channels in groups], the bias [channels in groups] and the images.
inline int64_t forward_weight_bytes(const ConvGeometry& g) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  return 4 * (taps + 1) * channel_groups(g.out_channels).row();
}

inline PlaneTiles forward_tiles(const ConvGeometry& g) {
  const ImageTile tile = image_tile(g.in_height + 2 * g.pad_height, g.in_width + 2 * g.pad_width);
  return plane_tiles(g.pooled_height * g.pooled_width, tile, g.in_channels,
                     channel_groups(g.out_channels).count, forward_weight_bytes(g));
}

inline int64_t forward_shared_bytes(const ConvGeometry& g, const PlaneTiles& t) {
  return forward_weight_bytes(g) + 4 * t.images * t.tile.elements(g.in_channels);
}

// ---- the input's gradient: places of the image. Shared memory holds the weights, turned round and
// with the roles of the channels exchanged, and the gradient of the convolution's output with
// kernel - 1 - pad zeros around it.
inline int64_t input_grad_weight_bytes(const ConvGeometry& g) {
  return 4 * g.out_channels * g.kernel_height * g.kernel_width *
         channel_groups(g.in_channels).row();
}

inline PlaneTiles input_grad_tiles(const ConvGeometry& g) {
  // Of an odd extent the last window reaches one further.
  const ImageTile tile = image_tile(g.in_height + g.in_height % 2 + g.kernel_height - 1,
                                    g.in_width + g.in_width % 2 + g.kernel_width - 1);
  return plane_tiles(ceil_div(g.in_height, 2) * ceil_div(g.in_width, 2), tile, g.out_channels,
                     channel_groups(g.in_channels).count, input_grad_weight_bytes(g));
}

inline int64_t input_grad_shared_bytes(const ConvGeometry& g, const PlaneTiles& t) {
  return input_grad_weight_bytes(g) + 4 * t.images * t.tile.elements(g.out_channels);
}

// ---- the weight's gradient: a thread has a row of taps of a kernel, or a channel's bias, over a
// slice of the images; several threads have the same one, each for a part of the places. The
// gradients of the channels that the rows of a block belong to are in shared memory, and the
// images, several at once.

// A gradient and where in the tile the window of the convolution began that it belongs to.
struct PlacedGrad {
  float grad;
  int at;
};

struct WeightGradTiles {
  int rows_per_channel;  // those of its kernels, and one for the bias
  int rows, groups;      // of a block; threads with the same row lie `rows` apart
  int blocks;
  int64_t slices;
  int most_channels;  // that the rows of a block belong to
  int images;         // at once
  int grads_pitch;    // of a channel: odd, so that the channels lie in different banks
  ImageTile tile;

  INKGRAD_HD int threads() const { return int(ceil_div(rows * groups, 32) * 32); }
  // The images of a slice.
  INKGRAD_HD int64_t begin(int64_t slice, int64_t all_images) const {
    return slice * all_images / slices;
  }
};

// Also of the sums of the groups, which are added at the end.
inline int64_t weight_grad_shared_bytes(const ConvGeometry& g, const WeightGradTiles& t) {
  const int64_t images = t.images * (int64_t(sizeof(PlacedGrad)) * t.most_channels * t.grads_pitch +
                                     4 * t.tile.elements(g.in_channels));
  const int64_t sums = t.groups > 1 ? t.rows * t.groups * g.kernel_width * 8 : 0;
  return images > sums ? images : sums;
}

inline WeightGradTiles weight_grad_tiles(const ConvGeometry& g) {
  constexpr int kMostThreads = 512, kMostGroups = 8, kMostImages = 4;
  constexpr int64_t kBlocks = 1024, kUsualBytes = 40 * 1024;
  WeightGradTiles t{};
  t.rows_per_channel = int(g.in_channels * g.kernel_height + 1);
  const int64_t rows = g.out_channels * t.rows_per_channel;
  t.blocks = int(ceil_div(rows, kMostThreads));
  t.rows = int(ceil_div(rows, t.blocks));
  t.groups = kMostThreads / t.rows < kMostGroups ? kMostThreads / t.rows : kMostGroups;
  const int64_t slices = ceil_div(kBlocks, t.blocks);
  t.slices = g.images < slices ? g.images : slices;
  const int64_t most = t.rows / t.rows_per_channel + 2;
  t.most_channels = int(most < g.out_channels ? most : g.out_channels);
  t.grads_pitch = int(g.pooled_height * g.pooled_width) | 1;
  t.tile = image_tile(g.in_height + 2 * g.pad_height, g.in_width + 2 * g.pad_width);
  for (t.images = kMostImages; t.images > 1; --t.images) {
    if (weight_grad_shared_bytes(g, t) <= kUsualBytes && t.images * t.slices <= g.images) break;
  }
  return t;
}

}  // namespace inkgrad::cuda
