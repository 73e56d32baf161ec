// The tiles of a matrix product and their layout in shared memory. Without CUDA, as index.h.
#pragma once

#include "index.h"

namespace inkgrad::cuda {

// The contiguous dimension of an operand: the one that is summed over, or the other.
enum class Major { k, mn };

// ---- tiles of the result

inline constexpr int kTileRows = 128;       // of the result: two warpgroups of 64
inline constexpr int kTileDepth = 64;       // of the sum, a step: 128 bytes of 16-bit numbers
inline constexpr int kProductDepth = 16;    // of one instruction
inline constexpr int kBlocksOfCluster = 2;  // their tiles are one above the other, with the same B
inline constexpr int kBandTiles = 8;        // height of a band in pairs of row tiles

// Where a tile begins, and its steps of the sum.
struct TilePosition {
  int64_t row, column;
  int split;
  int first_step, end_step;
};

// A cluster computes every gridDim-th pair of tiles. Pairs are numbered in bands of a few rows,
// column by column, so that concurrent tiles use the same rows of A and columns of B in the cache.
struct GemmTiles {
  int tile_columns;  // of the result, in elements
  int row_pairs, columns;
  int splits, steps, steps_per_split;
  Divider of_split, of_band;

  INKGRAD_HD int pairs() const { return row_pairs * columns * splits; }

  INKGRAD_HD TilePosition position(int pair, int rank) const {
    uint32_t index, in_band;
    const int split = int(of_split.divide(uint32_t(pair), &index));
    const int first_row = int(of_band.divide(index, &in_band)) * kBandTiles;
    const int left = row_pairs - first_row, tall = left < kBandTiles ? left : kBandTiles;
    const int column = int(in_band) / tall, row = first_row + int(in_band) - column * tall;
    const int first_step = split * steps_per_split, end = first_step + steps_per_split;
    return {(int64_t(row) * kBlocksOfCluster + rank) * kTileRows, int64_t(column) * tile_columns,
            split, first_step, end < steps ? end : steps};
  }
};

// `blocks` run at a time. With fewer tiles than that the sum is split, into at least kMinSteps
// each: every split costs a pass over its partial sums.
inline GemmTiles gemm_tiles(int64_t m, int64_t n, int64_t k, int tile_columns, int blocks,
                            bool may_split) {
  constexpr int64_t kMinSteps = 8;
  GemmTiles t;
  t.tile_columns = tile_columns;
  t.row_pairs = int(ceil_div(m, kTileRows * kBlocksOfCluster));
  t.columns = int(ceil_div(n, tile_columns));
  t.steps = int(ceil_div(k, kTileDepth));
  t.of_split = divider(int64_t(t.row_pairs) * t.columns);
  t.of_band = divider(int64_t(kBandTiles) * t.columns);
  const int64_t wanted = blocks / kBlocksOfCluster / t.of_split.divisor;
  const int64_t most = t.steps / kMinSteps;
  const int64_t splits = may_split && wanted > 1 && most > 1 ? (wanted < most ? wanted : most) : 1;
  t.steps_per_split = int(ceil_div(t.steps, splits));
  t.splits = int(ceil_div(t.steps, t.steps_per_split));
  return t;
}

// ---- products whose sums are short: a block keeps a panel of B, kPanelColumns columns of the
// result over the whole sum, and processes tiles of kPanelRows rows. Two blocks of a cluster have
// neighboring panels and the same rows, of which each copies half for both.

inline constexpr int kPanelColumns = 128, kPanelRows = 64;
// Slices of kTileDepth elements of the sum that are copied and multiplied together.
inline constexpr int kSlicesPerStep = 2, kMaxPanelSteps = 4;

struct PanelTiles {
  int rows, panel_pairs;  // tiles of all rows, pairs of panels
  int steps, clusters;
  Divider of_panel;

  INKGRAD_HD int tiles() const { return rows * panel_pairs; }
  // Tiles of a cluster are consecutive: all rows of one pair of panels, then of the next.
  INKGRAD_HD int begin(int cluster) const { return int(int64_t(cluster) * tiles() / clusters); }
  // The end of the tiles with the panels of tile `index`.
  INKGRAD_HD int same_panels_end(int index, int end) const {
    const int next = (int(of_panel.divide(uint32_t(index))) + 1) * rows;
    return next < end ? next : end;
  }
  INKGRAD_HD int64_t row(int index) const {
    uint32_t row;
    of_panel.divide(uint32_t(index), &row);
    return int64_t(row) * kPanelRows;
  }
  INKGRAD_HD int64_t column(int index, int rank) const {
    const int64_t pair = of_panel.divide(uint32_t(index));
    return (pair * kBlocksOfCluster + rank) * kPanelColumns;
  }
};

inline PanelTiles panel_tiles(int64_t m, int64_t n, int64_t k, int blocks) {
  PanelTiles t;
  t.rows = int(ceil_div(m, kPanelRows));
  t.panel_pairs = int(ceil_div(n, kPanelColumns * kBlocksOfCluster));
  t.steps = int(ceil_div(k, kSlicesPerStep * kTileDepth));
  t.of_panel = divider(t.rows);
  const int most = blocks / kBlocksOfCluster;
  t.clusters = most < t.tiles() ? most : t.tiles();
  return t;
}

// ---- an operand's tile in shared memory: rows of 128 bytes, in groups of 8 (1024 bytes, and
// aligned to that) within which the copy engine permutes the 16-byte chunks of row r by r % 8.
//
// Major::k: row r holds the 64 elements of the sum of row r of the tile. Major::mn: slices of 64
// columns of the tile, kTileDepth rows each; row r holds the columns of one element of the sum.

inline constexpr int kSwizzleBytes = 1024;
inline constexpr int kRowBytes = 128;
inline constexpr int kSliceBytes = kTileDepth * kRowBytes;

// The ring of shared memory: stages of a tile of A and one of B, in each of their planes.
inline constexpr int kRingBytes = 192 * 1024;

template <int kPlanes, int kTileColumns>
struct Shape {
  static constexpr int columns = kTileColumns, planes = kPlanes;
  static constexpr int wide = kPlanes == 1 ? 8 : 4;  // elements of the result in 16 bytes
  static constexpr int a_bytes = kTileRows * kRowBytes, b_bytes = kTileColumns * kRowBytes;
  static constexpr int stage_bytes = kPlanes * (a_bytes + b_bytes);
  static constexpr int stages = kRingBytes / stage_bytes;
};

// The descriptor of an operand for wgmma, PTX ISA, "Matrix descriptor format": address, distance of
// the slices (Major::mn), distance of the groups of 8 rows, swizzle of 128 bytes. All / 16.
INKGRAD_HD constexpr uint64_t operand_descriptor(uint32_t address, Major major) {
  const uint64_t slices = major == Major::mn ? kSliceBytes / 16 : 1;
  return uint64_t((address & 0x3ffff) >> 4) | slices << 16 | uint64_t(kSwizzleBytes / 16) << 32 |
         uint64_t(1) << 62;
}
// The increment for the next kProductDepth elements of the sum.
INKGRAD_HD constexpr uint64_t descriptor_step(Major major) {
  return (major == Major::mn ? kProductDepth * kRowBytes : kProductDepth * 2) / 16;
}

// ---- the result of a warpgroup in registers: sum i of a thread, of 64 rows. The column is that of
// the tile of B in shared memory.

INKGRAD_HD constexpr int sum_row(int thread, int i) {
  return thread / 32 * 16 + thread % 32 / 4 + i / 2 % 2 * 8;
}
INKGRAD_HD constexpr int sum_column(int thread, int i) {
  return i / 4 * 8 + thread % 4 * 2 + i % 2;
}

// A thread has pairs of columns, 8 apart. If B's rows are copied one by one (Major::k), they are
// interleaved so that its pairs are `wide` consecutive columns of B, 16 bytes of the result: four
// neighboring threads have `wide` columns each of a group of 4 * wide.
INKGRAD_HD constexpr int interleaved_group(int wide) { return 4 * wide; }
// The column of B whose row is that of shared memory.
INKGRAD_HD constexpr int interleaved_column(int row, int wide) {
  const int group = row / interleaved_group(wide), in_group = row % interleaved_group(wide);
  const int pair = in_group / 8, thread = in_group % 8 / 2;
  return group * interleaved_group(wide) + thread * wide + pair * 2 + in_group % 2;
}

}  // namespace inkgrad::cuda
