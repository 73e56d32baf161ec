// The blocks and threads of linear layers of few inputs and outputs, and the layout of their shared
// memory. Without CUDA, as index.h.
#pragma once

#include "index.h"
#include "launches.h"

namespace inkgrad::cuda {

// Inputs are moved and multiplied in groups of four; the last group of a row is padded with zeros.
inline constexpr int kFour = 4;
inline constexpr int64_t kSmallSharedBytes = 48 * 1024;  // of a block, on every device

inline int fours_of(int64_t inputs) { return int(ceil_div(inputs, kFour)); }

inline int power_of_two_from(int least) {
  int power = 1;
  while (power < least) power *= 2;
  return power;
}

// At most four weights per thread, whose sums fit its registers. For larger layers or longer sums a
// tiled product is faster.
inline bool is_small_linear(const LinearShape& s) {
  constexpr int64_t kMaxOutputs = 32, kMaxInputs = 128, kMaxRows = int64_t(1) << 36;
  return s.rows > 0 && s.rows <= kMaxRows && s.outputs > 0 && s.outputs <= kMaxOutputs &&
         s.inputs > 0 && s.inputs <= kMaxInputs && s.outputs * fours_of(s.inputs) <= kThreads;
}

// ---- forward: a thread computes `per_thread` outputs of one row, a block the rows of one tile,
// whose inputs are loaded in chunks.
struct SmallForward {
  int inputs, outputs, fours;
  int per_thread;  // 1 for one output, otherwise 8
  int groups;      // of per_thread outputs, a power of two
  int rows;        // of a tile
  int chunk_shift;
  int pitch;  // groups of four from row to row, odd: eight rows are in different banks

  INKGRAD_HD int chunk() const { return 1 << chunk_shift; }
  // Weights are stored by input, this many outputs each; the bias is one more input.
  INKGRAD_HD int padded_outputs() const { return groups * per_thread; }
  // Elements of the tile of inputs, which is reused for the outputs.
  INKGRAD_HD int tile_elements() const {
    const int ins = rows * pitch * kFour, outs = rows * outputs;
    return ins > outs ? ins : outs;
  }
  INKGRAD_HD int64_t blocks(int64_t all_rows) const { return ceil_div(all_rows, rows); }
};

inline constexpr int kManyPerThread = 8;

// element_bytes: of the compute type.
inline SmallForward small_forward(const LinearShape& s, int element_bytes) {
  const int most_chunk = element_bytes == 4 ? 8 : 2;
  SmallForward f;
  f.inputs = int(s.inputs);
  f.outputs = int(s.outputs);
  f.fours = fours_of(s.inputs);
  f.per_thread = s.outputs == 1 ? 1 : kManyPerThread;
  f.groups = power_of_two_from(int(ceil_div(s.outputs, f.per_thread)));
  f.rows = kThreads / f.groups;
  f.chunk_shift = 0;
  while (f.chunk() < f.fours && f.chunk() < most_chunk) ++f.chunk_shift;
  f.pitch = f.chunk() | 1;
  return f;
}

inline int64_t small_forward_shared_bytes(const SmallForward& f, int element_bytes) {
  return int64_t(element_bytes) * (f.tile_elements() + (f.fours * kFour + 1) * f.padded_outputs());
}

// ---- backward: a block processes the rows of one slice, tile by tile. A unit is the gradient of
// four weights of an output; each group of threads has all units, for every groups-th row.
struct SmallBackward {
  int inputs, outputs, fours;
  int units, groups;  // groups: a power of two
  int rows;           // of a tile
  int64_t rows_per_slice, slices;
  Divider by_fours;

  // Gradients of the weights, then of the bias.
  INKGRAD_HD int64_t sums() const { return int64_t(outputs) * (inputs + 1); }
};

// Sums of a unit: four weights, and the bias if they are the first of an output.
inline constexpr int kSumsOfUnit = kFour + 1;

inline SmallBackward small_backward(const LinearShape& s) {
  constexpr int kTileElements = 4096, kMaxSlices = 512;
  // Up to this size, a second launch to add the slices costs more than using a single block.
  constexpr int64_t kProductsOfOneBlock = 1 << 17;
  SmallBackward b;
  b.inputs = int(s.inputs);
  b.outputs = int(s.outputs);
  b.fours = fours_of(s.inputs);
  b.units = b.outputs * b.fours;
  b.groups = power_of_two_from(kThreads / b.units / 2 + 1);
  const int fitting = kTileElements / (b.fours * kFour + b.outputs);
  b.rows = fitting < kThreads ? fitting : kThreads;
  const bool one_block = s.rows <= kProductsOfOneBlock / (s.outputs * s.inputs);
  const int64_t tiles = ceil_div(s.rows, b.rows);
  const int64_t tiles_per_slice = one_block ? tiles : ceil_div(tiles, kMaxSlices);
  b.rows_per_slice = tiles_per_slice * b.rows;
  b.slices = ceil_div(s.rows, b.rows_per_slice);
  b.by_fours = divider(b.fours);
  return b;
}

inline int64_t small_backward_shared_bytes(const SmallBackward& b, int element_bytes) {
  const int64_t tile =
      int64_t(element_bytes) * ((b.rows + b.outputs) * b.fours * kFour + b.rows * b.outputs);
  const int64_t sums = int64_t(sizeof(double)) * kSumsOfUnit * kThreads;  // after the tiles
  return tile > sums ? tile : sums;
}

}  // namespace inkgrad::cuda
