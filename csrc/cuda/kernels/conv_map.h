// The blocks of convolutions of few channels and the layout of their shared memory. Stride and
// dilation are 1, windows of the pool 2 x 2. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

inline constexpr int64_t kSharedBytes = 96 * 1024;  // of a block
inline constexpr int kLargestBlock = 256;
inline constexpr int64_t kMultiprocessors = 132;  // of a large device
// The number of blocks that run at a time. Each loads the weights once and processes several slices
// of the images.
INKGRAD_HD constexpr int64_t resident_blocks(int64_t threads, int64_t shared_bytes) {
  constexpr int64_t kThreadsOfOne = 1024, kSharedOfOne = 227 * 1024;
  const int64_t by_threads = kThreadsOfOne / threads, by_memory = kSharedOfOne / shared_bytes;
  return kMultiprocessors * (by_threads < by_memory ? by_threads : by_memory);
}

// Planes in shared memory with zeros around them. The pitch is even, because pairs are read.
struct ImageTile {
  int rows, pitch;

  INKGRAD_HD constexpr int64_t elements(int64_t channels) const {
    return channels * rows * int64_t(pitch);
  }
};

inline ImageTile image_tile(int64_t height, int64_t width) {
  return {int(height), int(width + width % 2)};
}
// Increases the pitch so that the pairs of 16 threads, which are read at a time, are in different
// banks: with `across` pairs in every second row, they are then consecutive.
inline ImageTile spread(ImageTile tile, int64_t across) {
  constexpr int kPairsOfBanks = 16;
  const int beyond = tile.pitch % kPairsOfBanks;
  const int wanted = int(across % kPairsOfBanks) & ~1;
  tile.pitch += (wanted - beyond + kPairsOfBanks) % kPairsOfBanks;
  return tile;
}

// The channels that a thread computes together. In shared memory, the weights of a group and plane
// are contiguous, for 16-byte accesses: four channels of each tap, then the remaining channel.
struct ChannelGroups {
  int together, count;

  INKGRAD_HD constexpr int channels() const { return together * count; }
};

INKGRAD_HD constexpr ChannelGroups channel_groups(int64_t channels) {
  if (channels == 1) return {1, 1};
  if (channels % 5 == 0) return {5, int(channels / 5)};
  return {4, int(ceil_div(channels, 4))};
}

// Elements of a group's weights of one plane.
INKGRAD_HD constexpr int group_elements(int64_t k, int together) {
  const int64_t fours = together / 4 * 4 * k * k, single = together % 4 * ceil_div(k * k, 4) * 4;
  return int(fours + single);
}

inline int64_t weight_bytes(const ChannelGroups& groups, int64_t planes, int64_t k) {
  return 4 * planes * groups.count * group_elements(k, groups.together);
}

// ---- threads of a block: one for each 2 x 2 window of a plane, each image of the block, and each
// slice of the groups of channels.
struct PlaneTiles {
  int positions;            // windows of a plane
  int images, parts;        // images per block, blocks per image; one of them is 1
  int positions_per_block;  // of one image
  int channel_slices;       // of the groups; neighboring threads have the same
  int threads;
  ImageTile tile;

  // Slices of the images, of which a block processes one at a time.
  INKGRAD_HD int image_slices(int all_images) const {
    return (all_images + images - 1) / images * parts;
  }
  INKGRAD_HD int64_t blocks(int64_t all_images, int64_t shared_bytes) const {
    const int64_t all = image_slices(int(all_images)),
                  most = resident_blocks(threads, shared_bytes);
    return all < most ? all : most;
  }
  // Computes a thread's slice of channels, image and position; false if it has none.
  INKGRAD_HD bool locate(int image_slice, int thread, int all_images, int* slice,
                         int* image_in_block, int* image, int* position) const {
    const int of_slice = images * positions_per_block;
    *slice = thread / of_slice;
    const int rest = thread % of_slice;
    *image_in_block = rest / positions_per_block;
    *image = image_slice / parts * images + *image_in_block;
    *position = image_slice % parts * positions_per_block + rest % positions_per_block;
    return *slice < channel_slices && *image < all_images && *position < positions;
  }
};

// A block has as many images as its threads and shared memory allow (image_bytes for each), but no
// more than occupy all multiprocessors, as long as it has enough threads to load the weights.
inline PlaneTiles plane_tiles(int64_t all_images, int64_t positions, ImageTile tile, int groups,
                              int64_t image_bytes, int64_t other_bytes) {
  constexpr int64_t kMinThreads = 128;
  PlaneTiles t{};
  t.tile = tile;
  t.positions = int(positions);
  t.parts = int(ceil_div(positions, kLargestBlock));
  t.positions_per_block = int(ceil_div(positions, t.parts));
  t.channel_slices = 1;
  while (t.channel_slices * 2 <= groups &&
         t.channel_slices * 2 * t.positions_per_block <= kLargestBlock) {
    t.channel_slices *= 2;
  }
  const int64_t of_image = t.channel_slices * t.positions_per_block,
                most = kLargestBlock / of_image;
  const int64_t busy = ceil_div(all_images, kMultiprocessors);
  const int64_t fewest = ceil_div(kMinThreads, of_image), wanted = busy > fewest ? busy : fewest;
  t.images = int(most < wanted ? most : wanted);
  while (t.images > 1 && other_bytes + t.images * image_bytes > kSharedBytes) --t.images;
  if (t.images < 1) t.images = 1;
  t.threads = int(ceil_div(of_image * t.images, 32) * 32);
  return t;
}

// ---- forward: a position is an output of the pool. Shared memory holds weights, bias and images.
inline int64_t forward_weight_bytes(const PooledConv& g) {
  const ChannelGroups groups = channel_groups(g.out_channels);
  return weight_bytes(groups, g.in_channels, g.kernel_height) +
         4 * ceil_div(groups.channels(), 4) * 4;
}

inline int64_t forward_image_bytes(const PooledConv& g, const ImageTile& tile) {
  return 4 * tile.elements(g.in_channels);
}

inline PlaneTiles forward_tiles(const PooledConv& g) {
  const ImageTile tile = image_tile(g.in_height + 2 * g.pad_height, g.in_width + 2 * g.pad_width);
  return plane_tiles(g.images, g.pool.out_height * g.pool.out_width, tile,
                     channel_groups(g.out_channels).count, forward_image_bytes(g, tile),
                     forward_weight_bytes(g));
}

inline int64_t forward_shared_bytes(const PooledConv& g, const PlaneTiles& t) {
  return forward_weight_bytes(g) + t.images * forward_image_bytes(g, t.tile);
}

// ---- input gradient: a position is a 2 x 2 window of the image. Shared memory holds the weights,
// flipped and with input and output channels exchanged, and the gradient of the convolution's
// output: the rows in windows of the pool, padded by kernel - 1 - pad zeros, and one row of zeros
// for all rows above and below.
inline int64_t input_grad_weight_bytes(const PooledConv& g) {
  return weight_bytes(channel_groups(g.in_channels), g.out_channels, g.kernel_height);
}

inline int64_t input_grad_image_bytes(const PooledConv& g, const ImageTile& tile) {
  return 4 * tile.elements(g.out_channels);
}

inline PlaneTiles input_grad_tiles(const PooledConv& g) {
  const int64_t down = ceil_div(g.in_height, 2), across = ceil_div(g.in_width, 2);
  const ImageTile close = image_tile(2 * g.pool.out_height, 2 * across + g.kernel_width - 1);
  const ImageTile wide = spread(close, across);
  const int64_t weights = input_grad_weight_bytes(g);
  const auto other = [&](const ImageTile& tile) { return weights + 4 * tile.pitch; };
  const bool fits = other(wide) + input_grad_image_bytes(g, wide) <= kSharedBytes;
  const ImageTile tile = fits ? wide : close;
  return plane_tiles(g.images, down * across, tile, channel_groups(g.in_channels).count,
                     input_grad_image_bytes(g, tile), other(tile));
}

inline int64_t input_grad_shared_bytes(const PooledConv& g, const PlaneTiles& t) {
  return input_grad_weight_bytes(g) + 4 * t.tile.pitch +
         t.images * input_grad_image_bytes(g, t.tile);
}

}  // namespace inkgrad::cuda
