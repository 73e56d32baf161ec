// How the convolutions of few channels are cut into blocks, and where things lie in their shared
// memory. Stride and dilation are 1, windows of the pool 2 x 2. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "kernels.h"

namespace inkgrad::cuda {

inline constexpr int64_t kSharedBytes = 96 * 1024;  // of a block
inline constexpr int kLargestBlock = 256;
// As many as a large device runs at a time: each goes through several shares of the images, and
// loads the weights once.
INKGRAD_HD constexpr int64_t resident_blocks(int64_t threads, int64_t shared_bytes) {
  constexpr int64_t kMultiprocessors = 132, kThreadsOfOne = 1024, kSharedOfOne = 227 * 1024;
  const int64_t by_threads = kThreadsOfOne / threads, by_memory = kSharedOfOne / shared_bytes;
  return kMultiprocessors * (by_threads < by_memory ? by_threads : by_memory);
}

// Planes in shared memory with zeros around them. Rows are an even number of elements apart, for
// pairs are read.
struct ImageTile {
  int rows, pitch;

  INKGRAD_HD constexpr int64_t elements(int64_t channels) const {
    return channels * rows * int64_t(pitch);
  }
};

inline ImageTile image_tile(int64_t height, int64_t width) {
  return {int(height), int(width + width % 2)};
}
// The same, its rows as far apart as lets the 16 threads whose pairs are read at a time meet in no
// bank: with `across` pairs in each second row, they then lie one behind the other.
inline ImageTile spread(ImageTile tile, int64_t across) {
  constexpr int kPairsOfBanks = 16;
  const int beyond = tile.pitch % kPairsOfBanks;
  const int wanted = int(across % kPairsOfBanks) & ~1;
  tile.pitch += (wanted - beyond + kPairsOfBanks) % kPairsOfBanks;
  return tile;
}

// The channels that a thread computes together, and how far apart these groups are in shared
// memory, in elements. Weights are read 16 bytes at a time: four channels of a tap, or of a single
// channel four taps.
struct ChannelGroups {
  int together, pitch, count;

  INKGRAD_HD constexpr int row() const { return count * pitch; }
  // From one plane's K x K rows to the next one's.
  INKGRAD_HD constexpr int plane(int64_t k) const { return int(ceil_div(k * k * row(), 4) * 4); }
};

INKGRAD_HD constexpr ChannelGroups channel_groups(int64_t channels) {
  if (channels == 1) return {1, 1, 1};
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
  INKGRAD_HD int shares_of(int all_images) const {
    return (all_images + images - 1) / images * parts;
  }
  INKGRAD_HD int64_t blocks(int64_t all_images, int64_t shared_bytes) const {
    const int64_t all = shares_of(int(all_images)), most = resident_blocks(threads, shared_bytes);
    return all < most ? all : most;
  }
  // The channels' share, the image and the place that a thread has; false if it has none.
  INKGRAD_HD bool locate(int share_of_images, int thread, int all_images, int* share,
                         int* image_in_block, int* image, int* place) const {
    const int of_share = images * places_per_block;
    *share = thread / of_share;
    const int rest = thread % of_share;
    *image_in_block = rest / places_per_block;
    *image = share_of_images / parts * images + *image_in_block;
    *place = share_of_images % parts * places_per_block + rest % places_per_block;
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
  t.images = t.parts == 1 ? int(ceil_div(kUsualThreads, places)) : 1;
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
  const ChannelGroups groups = channel_groups(g.out_channels);
  return 4 * (g.in_channels * groups.plane(g.kernel_height) + groups.plane(1));
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
  return 4 * g.out_channels * channel_groups(g.in_channels).plane(g.kernel_height);
}

inline PlaneTiles input_grad_tiles(const ConvGeometry& g) {
  // Of an odd extent the last window reaches one further.
  const int64_t down = ceil_div(g.in_height, 2), across = ceil_div(g.in_width, 2);
  const ImageTile close =
      image_tile(2 * down + g.kernel_height - 1, 2 * across + g.kernel_width - 1);
  const ImageTile wide = spread(close, across);
  const int64_t weight_bytes = input_grad_weight_bytes(g);
  const bool fits = weight_bytes + 4 * wide.elements(g.out_channels) <= kSharedBytes;
  return plane_tiles(down * across, fits ? wide : close, g.out_channels,
                     channel_groups(g.in_channels).count, weight_bytes);
}

inline int64_t input_grad_shared_bytes(const ConvGeometry& g, const PlaneTiles& t) {
  return input_grad_weight_bytes(g) + 4 * t.images * t.tile.elements(g.out_channels);
}

}  // namespace inkgrad::cuda
