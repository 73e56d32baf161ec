// How the convolution of few channels is cut into blocks, and where things lie in their shared
// memory. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "kernels.h"

namespace inkgrad::cuda {

inline constexpr int64_t kSharedBytes = 48 * 1024;  // of a block, on every device
inline constexpr int kOutputsAtOnce = 4;  // output channels that a thread computes together

// An image in shared memory with its padding, zeros, around it.
struct ImageTile {
  int rows, pitch;

  INKGRAD_HD constexpr int64_t elements(int64_t channels) const {
    return channels * rows * int64_t(pitch);
  }
};

// As far as the convolution reaches. Rows are an even number of elements apart: pairs are read.
inline ImageTile image_tile(const ConvGeometry& g) {
  const int64_t height = g.in_height + 2 * g.pad_height, width = g.in_width + 2 * g.pad_width;
  return {int(height), int(width + width % 2)};
}

// ---- forward: a thread makes one pooled place of every output channel; a block one image, part of
// a large one, or several small ones.
struct ForwardTiles {
  int places;            // of an image
  int images, parts;     // images a block, or blocks an image; one of them is 1
  int places_per_block;  // of one image
  int threads;
  ImageTile tile;

  INKGRAD_HD int64_t blocks(int64_t all_images) const {
    return ceil_div(all_images, images) * parts;
  }
  // The image and the place that a thread has; false if it has none.
  INKGRAD_HD bool locate(int64_t block, int thread, int64_t all_images, int* image_in_block,
                         int64_t* image, int* place) const {
    *image_in_block = thread / places_per_block;
    *image = block / parts * images + *image_in_block;
    *place = int(block % parts) * places_per_block + thread % places_per_block;
    return *image_in_block < images && *image < all_images && *place < places;
  }
};

INKGRAD_HD int padded_outputs(const ConvGeometry& g) {
  return int(ceil_div(g.out_channels, kOutputsAtOnce)) * kOutputsAtOnce;
}

inline int64_t forward_shared_bytes(const ConvGeometry& g, const ForwardTiles& t) {
  const int64_t taps = g.in_channels * g.kernel_height * g.kernel_width;
  return 4 * (padded_outputs(g) * (taps + 1) + t.images * t.tile.elements(g.in_channels));
}

inline ForwardTiles forward_tiles(const ConvGeometry& g) {
  constexpr int kMostThreads = 256, kFewestThreads = 128;
  ForwardTiles t;
  t.places = int(g.pooled_height * g.pooled_width);
  t.parts = int(ceil_div(t.places, kMostThreads));
  t.places_per_block = int(ceil_div(t.places, t.parts));
  t.tile = image_tile(g);
  t.images = t.places < kFewestThreads ? kFewestThreads / t.places : 1;
  while (t.images > 1 && forward_shared_bytes(g, t) > kSharedBytes) --t.images;
  t.threads = int(ceil_div(int64_t(t.images) * t.places_per_block, 32) * 32);
  return t;
}

// ---- backward: a thread has one element of the weight's gradient, or of the bias's, over a slice
// of the images; a block as many as it has threads, for each of which one channel's gradients are
// kept in shared memory, kPlacesAtOnce at a time.
inline constexpr int kPlacesAtOnce = 32;

struct BackwardTiles {
  int sums_per_channel;  // taps, and one for the bias
  int threads, blocks;
  int64_t slices;
  int most_channels;  // that the elements of a block belong to
  ImageTile tile;
};

inline BackwardTiles backward_tiles(const ConvGeometry& g) {
  constexpr int kMostThreads = 512;
  constexpr int64_t kMostSlices = 1024;
  BackwardTiles t;
  t.sums_per_channel = int(g.in_channels * g.kernel_height * g.kernel_width + 1);
  const int64_t sums = g.out_channels * t.sums_per_channel;
  t.blocks = int(ceil_div(sums, kMostThreads));
  t.threads = int(ceil_div(ceil_div(sums, t.blocks), 32) * 32);
  t.slices = g.images < kMostSlices ? g.images : kMostSlices;
  const int64_t most = t.threads / t.sums_per_channel + 2;
  t.most_channels = int(most < g.out_channels ? most : g.out_channels);
  t.tile = image_tile(g);
  return t;
}

// A gradient and where in the tile the window of the convolution began that it belongs to.
struct PlacedGrad {
  float grad;
  int at;
};

inline int64_t backward_shared_bytes(const ConvGeometry& g, const BackwardTiles& t) {
  return int64_t(sizeof(PlacedGrad)) * t.most_channels * kPlacesAtOnce +
         4 * t.tile.elements(g.in_channels);
}

}  // namespace inkgrad::cuda
