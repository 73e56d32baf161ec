// The blocks of the weight gradient for convolutions of few channels and the layout of their shared
// memory. Stride and dilation are 1, windows of the pool 2 x 2. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

// Each lane of a warp has an image. Images are interleaved in shared memory, each in its own bank.
inline constexpr int kImageLanes = 32;

// A gradient, and where its window of the convolution begins in the tile of images.
struct PlacedGrad {
  float grad;
  int at;
};

// Input channels per warp, each with K * K sums in registers.
INKGRAD_HD constexpr int channels_of_warp(int64_t k, int64_t in_channels) {
  return in_channels == 1 ? 1 : k == 3 ? 3 : 2;
}

// The sums that a block computes, and the positions of the pool that it sums over.
struct WeightGradPart {
  int row, column;  // the first position
  int tile;
  int in_channel, out_channel;  // the first of each
};

// A block processes a slice of the images, 32 at a time, over a tile of the pool's positions. Its
// warps have one output channel each, and the same input channels.
struct WeightGradTiles {
  int rows, columns;            // positions of a tile
  int down, across;             // tiles of a plane
  int warps, in_channels;       // channels of a block
  int out_groups, in_groups;    // blocks per tile
  int image_rows, image_pitch;  // elements of the images that a tile needs
  int chunk;                    // positions whose gradients are in shared memory at a time
  int64_t slices;

  INKGRAD_HD int tiles() const { return down * across; }
  INKGRAD_HD int blocks() const { return tiles() * in_groups * out_groups; }
  INKGRAD_HD int threads() const { return warps * kImageLanes; }
  INKGRAD_HD int image_elements() const { return in_channels * image_rows * image_pitch; }
  INKGRAD_HD int grad_elements() const { return warps * chunk; }

  INKGRAD_HD WeightGradPart part(int block) const {
    const int tile = block % tiles(), groups = block / tiles();
    return {tile / across * rows, tile % across * columns, tile, groups % in_groups * in_channels,
            groups / in_groups * warps};
  }
  // The first image of a slice.
  INKGRAD_HD int64_t begin(int64_t slice, int64_t all_images) const {
    return slice * ceil_div(all_images, kImageLanes) / slices * kImageLanes;
  }
};

inline int64_t weight_grad_shared_bytes(const WeightGradTiles& t) {
  return int64_t(kImageLanes) *
         (int64_t(sizeof(PlacedGrad)) * t.grad_elements() + 4 * t.image_elements());
}

// The largest tiles with two blocks per multiprocessor; smaller tiles and fewer channels per block
// if there are too few images to occupy it.
inline WeightGradTiles weight_grad_tiles(const PooledConv& g) {
  constexpr int64_t kSharedBytes = 96 * 1024, kImageBytes = 60 * 1024, kBlocks = 264;
  constexpr int kMaxWarps = 10, kMaxChunk = 16;
  WeightGradTiles t{};
  const int k = int(g.kernel_height);
  t.in_channels = channels_of_warp(k, g.in_channels);
  t.in_groups = int(ceil_div(g.in_channels, t.in_channels));
  t.rows = int(g.pool.out_height);
  t.columns = int(g.pool.out_width);
  t.out_groups = int(ceil_div(g.out_channels, kMaxWarps));
  const int64_t batches = ceil_div(g.images, kImageLanes);
  // In an odd extent, the last row is in no window, and belongs to the tile before it.
  const int64_t odd_row = (g.in_height + 2 * g.pad_height - k + 1) % 2;
  const int64_t odd_column = (g.in_width + 2 * g.pad_width - k + 1) % 2;
  const auto fit = [&] {
    t.down = int(ceil_div(g.pool.out_height, t.rows));
    t.across = int(ceil_div(g.pool.out_width, t.columns));
    t.warps = int(ceil_div(g.out_channels, t.out_groups));
    t.image_rows = int(2 * t.rows + k - 1 + odd_row);
    t.image_pitch = int(2 * t.columns + k - 1 + odd_column);
  };
  const auto halve = [](int& extent) { extent = (extent + 1) / 2; };
  for (fit(); 4 * kImageLanes * t.image_elements() > kImageBytes; fit()) {
    halve(t.rows > 2 || t.columns == 1 ? t.rows : t.columns);
  }
  while (t.blocks() * batches < kBlocks / 2 && (t.rows > 1 || t.warps > 4)) {
    if (t.rows > 1) {
      halve(t.rows);
    } else {
      t.out_groups = int(ceil_div(g.out_channels, (t.warps + 1) / 2));
    }
    fit();
  }
  const int positions = t.rows * t.columns;
  t.chunk = positions < kMaxChunk ? positions : kMaxChunk;
  while (t.chunk > 1 && weight_grad_shared_bytes(t) > kSharedBytes) --t.chunk;
  t.chunk =
      int(ceil_div(positions, ceil_div(positions, t.chunk)));  // as many chunks, of equal size
  const int64_t slices = kBlocks / t.blocks();
  t.slices = slices < batches ? slices : batches;
  if (t.slices < 1) t.slices = 1;
  return t;
}

}  // namespace inkgrad::cuda
