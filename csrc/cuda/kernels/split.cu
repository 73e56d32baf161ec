// Splits float matrices into planes of 16-bit numbers (planes.h): finds the range of their
// magnitudes, chooses the scheme, writes the planes.
//
// A plane is row-major with plane_pitch(columns) words per row, because the copy engine needs rows
// at multiples of 16 bytes. Padding, also of rows (plane_rows), does not affect results.
#include "device.cuh"
#include "entries.h"
#include "extremes.cuh"
#include "planes.h"

namespace inkgrad::cuda {
namespace {

constexpr int kWords = 8;           // of 16 bits that a thread writes at once
constexpr int kMaxExtremes = 1024;  // blocks of the pass over an operand

// One row of blocks for each operand; operands with known extremes are skipped.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads)
    extremes_kernel(const __grid_constant__ SplitOperands operands, Extremes* parts) {
  if (operands.of[blockIdx.y].extremes) return;
  const float* const data = operands.of[blockIdx.y].data;
  const int64_t n = operands.of[blockIdx.y].rows * operands.of[blockIdx.y].columns;
  const int64_t step = int64_t(gridDim.x) * kThreads * kLanes<float>;
  Extremes own = kNoExtremes;
#pragma unroll 4
  for (int64_t first = (int64_t(blockIdx.x) * kThreads + threadIdx.x) * kLanes<float>; first < n;
       first += step) {
    const Access<float, kAligned> at(first, n, first + kLanes<float> <= n);
    const Vector<float> v = at.load(data);
#pragma unroll
    for (int i = 0; i < kLanes<float>; ++i) own = both(own, extremes_of(v.lane[i]));
  }
  own = block_extremes(own);
  if (threadIdx.x == 0) parts[blockIdx.y * gridDim.x + blockIdx.x] = own;
}

// One block: computes the scheme from the extremes of all operands.
__global__ void __launch_bounds__(kThreads)
    scheme_kernel(const __grid_constant__ SplitOperands operands, const Extremes* parts,
                  int per_operand, Scheme* scheme) {
  Extremes all[kMaxOperands];
#pragma unroll
  for (int k = 0; k < kMaxOperands; ++k) {
    Extremes own = kNoExtremes;
    if (k < operands.count) {
      const auto* const known = static_cast<const Extremes*>(operands.of[k].extremes);
      const Extremes* const from = known ? known : parts + k * per_operand;
      const int64_t count = known ? operands.of[k].extremes_count : per_operand;
      for (int64_t i = threadIdx.x; i < count; i += kThreads) own = both(own, from[i]);
    }
    all[k] = block_extremes(own);
    __syncthreads();
  }
  if (threadIdx.x == 0) *scheme = scheme_of(all, operands.count);
}

__device__ __forceinline__ void store_words(uint16_t* to, const uint16_t (&words)[kWords]) {
  int4 bits;
  memcpy(&bits, words, sizeof bits);
  *reinterpret_cast<int4*>(to) = bits;
}

__device__ __forceinline__ uint16_t word_of(__half v) {
  uint16_t word;
  memcpy(&word, &v, sizeof word);
  return word;
}
__device__ __forceinline__ uint16_t word_of(__nv_bfloat16 v) {
  uint16_t word;
  memcpy(&word, &v, sizeof word);
  return word;
}

// A thread splits kWords elements of a row.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads)
    split_kernel(const __grid_constant__ SplitOperands operands, const Scheme* scheme) {
  const SplitOperand& operand = operands.of[blockIdx.y];
  const int64_t pitch = plane_pitch(operand.columns), per_row = pitch / kWords;
  const int64_t index = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (index >= operand.rows * per_row) return;
  const int64_t row = index / per_row, column = index % per_row * kWords;
  const float* const from = operand.data + row * operand.columns + column;
  const bool whole = column + kWords <= operand.columns;
  float values[kWords];
#pragma unroll
  for (int i = 0; i < kWords; i += kLanes<float>) {
    const Access<float, kAligned> at(i, operand.columns - column, whole);
    const Vector<float> v = at.load(from);
#pragma unroll
    for (int lane = 0; lane < kLanes<float>; ++lane) values[i + lane] = v.lane[lane];
  }

  uint16_t* const to = static_cast<uint16_t*>(operand.planes) + row * pitch + column;
  const int64_t plane = plane_rows(operand.rows) * pitch;
  uint16_t high[kWords], middle[kWords], low[kWords];
  if (scheme->planes == 2) {
    const float scale = scheme->scale[blockIdx.y];
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
      const Halves halves = two_halves(values[i] * scale);
      high[i] = word_of(halves.high);
      low[i] = word_of(halves.low);
    }
    store_words(to, high);
    store_words(to + plane, low);
  } else {
#pragma unroll
    for (int i = 0; i < kWords; ++i) {
      const Thirds thirds = three_bf16(values[i]);
      high[i] = word_of(thirds.high);
      middle[i] = word_of(thirds.middle);
      low[i] = word_of(thirds.low);
    }
    store_words(to, high);
    store_words(to + plane, middle);
    store_words(to + 2 * plane, low);
  }
}

template <typename Of>
int64_t largest_of(const SplitOperands& operands, Of of) {
  int64_t most = 0;
  for (int i = 0; i < operands.count; ++i) {
    const int64_t own = of(operands.of[i]);
    most = own > most ? own : most;
  }
  return most;
}

int64_t workspace_bytes() {
  return sizeof(Scheme) + kMaxOperands * kMaxExtremes * sizeof(Extremes);
}

int64_t plane_bytes(int64_t rows, int64_t columns) {
  return kMaxPlanes * plane_rows(rows) * plane_pitch(columns) * int64_t(sizeof(uint16_t));
}

void split(const SplitOperands& operands, void* workspace, void* stream) {
  Scheme* const scheme = static_cast<Scheme*>(workspace);
  Extremes* const parts = reinterpret_cast<Extremes*>(scheme + 1);
  bool in_vectors = true, split_in_vectors = true;
  for (int i = 0; i < operands.count; ++i) {
    in_vectors = in_vectors && aligned(operands.of[i].data);
    split_in_vectors = split_in_vectors && operands.of[i].columns % kLanes<float> == 0;
  }
  const int64_t elements =
      largest_of(operands, [](const SplitOperand& o) { return o.rows * o.columns; });
  const int64_t wanted = ceil_div(elements, int64_t(kThreads) * kLanes<float> * 4);
  const int64_t blocks = wanted < kMaxExtremes ? wanted : kMaxExtremes;
  with_flag(in_vectors, [&](auto flag) {
    extremes_kernel<flag>
        <<<dim3(blocks, operands.count), kThreads, 0, as_stream(stream)>>>(operands, parts);
    INKGRAD_LAUNCH_CHECK();
  });
  scheme_kernel<<<1, kThreads, 0, as_stream(stream)>>>(operands, parts, int(blocks), scheme);
  INKGRAD_LAUNCH_CHECK();
  const int64_t vectors = largest_of(
      operands, [](const SplitOperand& o) { return o.rows * (plane_pitch(o.columns) / kWords); });
  with_flag(in_vectors && split_in_vectors, [&](auto flag) {
    split_kernel<flag>
        <<<dim3(ceil_div(vectors, kThreads), operands.count), kThreads, 0, as_stream(stream)>>>(
            operands, scheme);
    INKGRAD_LAUNCH_CHECK();
  });
}

const Entries entries([](Kernels& table) {
  table.split_workspace_bytes = workspace_bytes;
  table.plane_bytes = plane_bytes;
  table.split = split;
});

}  // namespace
}  // namespace inkgrad::cuda
