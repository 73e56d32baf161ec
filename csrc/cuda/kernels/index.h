// Maps from blocks and threads to elements. Without CUDA, so that tests/cuda/test_maps.py can check
// every element on the host.
#pragma once

#include <cstdint>

#include "host_device.h"

namespace inkgrad::cuda {

INKGRAD_HD constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Threads per block of elementwise kernels.
inline constexpr int kThreads = 256;
// Vectors of 16 bytes per thread.
inline constexpr int kSteps = 8;

// ---- elementwise: a block processes a chunk of consecutive elements, a thread every kThreads-th
// vector of it. Chunks depend only on the number of elements, so sums over them are the same on
// every device.
struct Chunks {
  int lanes;  // elements of a vector

  INKGRAD_HD constexpr int64_t elements() const { return int64_t(kThreads) * kSteps * lanes; }
  INKGRAD_HD constexpr int64_t count(int64_t n) const {
    const int64_t chunks = ceil_div(n, elements());
    return chunks > 0 ? chunks : 1;  // a sum over nothing is still a sum
  }
  INKGRAD_HD constexpr int64_t first_of(int64_t block, int step, int thread) const {
    return block * elements() + (int64_t(step) * kThreads + thread) * lanes;
  }
};

// ---- columns of a row-major matrix: a block is `across` columns wide and kThreads / across rows
// tall, and processes rows_per_slice rows.
struct ColumnTiles {
  int across;
  int64_t rows_per_slice, slices;

  INKGRAD_HD constexpr int tall() const { return kThreads / across; }
};

INKGRAD_HD constexpr ColumnTiles column_tiles(int64_t rows, int64_t columns) {
  constexpr int64_t kRowsPerThread = 32, kMaxSlices = 4096;
  int across = 1;
  while (across < 32 && across < columns) across *= 2;
  const int64_t tall = kThreads / across;
  const int64_t fewest = ceil_div(rows, tall * kMaxSlices);
  const int64_t rows_per_slice = tall * (fewest > kRowsPerThread ? fewest : kRowsPerThread);
  const int64_t slices = ceil_div(rows, rows_per_slice);
  return {across, rows_per_slice, slices > 0 ? slices : 1};
}

// The columns of a thread's elements: its next vector is a fixed distance further along the row, so
// only the first column needs a division.
class ColumnWalk {
 public:
  INKGRAD_HD ColumnWalk(int64_t first, int64_t columns, int64_t step)
      : columns_(columns), step_(step % columns), vector_(first % columns), lane_(vector_) {}
  INKGRAD_HD int64_t column() const { return lane_; }
  INKGRAD_HD void next_lane() { lane_ = lane_ + 1 == columns_ ? 0 : lane_ + 1; }
  INKGRAD_HD void next_vector() {
    vector_ += step_;
    if (vector_ >= columns_) vector_ -= columns_;
    lane_ = vector_;
  }

 private:
  int64_t columns_, step_, vector_, lane_;
};

// ---- division by a number that is known at launch: a multiplication, an addition and a shift.
// Exact for 0 <= n < 2^31 and 1 <= divisor < 2^31.
struct Divider {
  uint32_t divisor, magic, shift;

  INKGRAD_HD uint32_t divide(uint32_t n) const {
    const uint32_t high = uint32_t((uint64_t(n) * magic) >> 32);
    return (high + n) >> shift;
  }
  INKGRAD_HD uint32_t divide(uint32_t n, uint32_t* rest) const {
    const uint32_t quotient = divide(n);
    *rest = n - quotient * divisor;
    return quotient;
  }
};

inline Divider divider(int64_t divisor) {
  uint32_t shift = 0;
  while ((int64_t(1) << shift) < divisor) ++shift;
  const uint64_t one = 1;
  const uint64_t magic = ((one << 32) * ((one << shift) - uint64_t(divisor))) / divisor + 1;
  return {uint32_t(divisor), uint32_t(magic), shift};
}

}  // namespace inkgrad::cuda
