// Parts of the matrix products on Hopper's tensor cores: the end of a tile, and the ring of tiles
// in shared memory.
#pragma once

#include "device.cuh"
#include "gemm_map.h"
#include "hopper.cuh"
#include "scalar_math.h"

namespace inkgrad::cuda {

// C [m, n] = activation(sums + bias)
struct GemmResult {
  int64_t m, n;
  const void* bias;
  Activation activation;
  void* c;
  bool in_vectors;  // bias and the rows of C lie at multiples of 16 bytes
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define INKGRAD_CLUSTER __cluster_dims__(kBlocksOfCluster, 1, 1)

// A position in the ring, and the number of rounds modulo 2.
struct Cursor {
  int stage = 0, phase = 0;
  template <int kStages>
  __device__ __forceinline__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      phase ^= 1;
    }
  }
  // At most one round.
  template <int kStages>
  __device__ __forceinline__ void skip(int stages) {
    stage += stages;
    if (stage >= kStages) {
      stage -= kStages;
      phase ^= 1;
    }
  }
};

// This warp has read a stage, which both blocks may then fill again.
__device__ __forceinline__ void release(uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  if (lane < kBlocksOfCluster) arrive_at(empty, lane);
}

// ---- finishing a tile. Branches are outside of the loops over elements.

// Calls f(activation) with a function of one number.
template <typename T, typename F>
__device__ __forceinline__ void with_activation(Activation activation, F f) {
  switch (activation) {
    case Activation::sigmoid:
      return f([](float z) { return sizeof(T) == 2 ? half_sigmoid(z) : sigmoid(z); });
    case Activation::relu:
      return f([](float z) { return activate(z, Activation::relu); });
    case Activation::none:
      return f([](float z) { return z; });
  }
}

// The 16-byte vectors of the bias for a thread's columns, if B's rows are interleaved; loaded
// before the last products are done, to hide the latency.
template <typename T, int kCount>
struct BiasVectors {
  static constexpr int groups = 2 * kCount / interleaved_group(kLanes<T>);
  int4 vector[groups];

  __device__ __forceinline__ BiasVectors(const GemmResult& result, int64_t column) {
#pragma unroll
    for (int group = 0; group < groups; ++group) {
      const int64_t first = column + group * interleaved_group(kLanes<T>);
      const bool there = result.bias && result.in_vectors && first < result.n;
      vector[group] =
          there ? __ldg(reinterpret_cast<const int4*>(static_cast<const T*>(result.bias) + first))
                : int4{0, 0, 0, 0};
    }
  }
};

// The first column of this thread in a tile that begins at `column`.
template <typename T>
__device__ __forceinline__ int64_t interleaved_start(int64_t column) {
  return column + threadIdx.x % 4 * kLanes<T>;
}

// Stores a warpgroup's 64 rows of the result, 16 bytes at a time, if B's rows are interleaved.
template <typename T, int kCount>
__device__ __forceinline__ void finish_interleaved(const GemmResult& to, int64_t first_row,
                                                   int64_t first_column,
                                                   const BiasVectors<T, kCount>& bias,
                                                   const float (&sums)[kCount]) {
  constexpr int kWide = kLanes<T>, kGroup = interleaved_group(kWide), kColumns = 2 * kCount;
  const int thread = threadIdx.x % 128;
  const int64_t row = first_row + sum_row(thread, 0), column = interleaved_start<T>(first_column);
  T* const c = static_cast<T*>(to.c) + row * to.n + column;
  // sum_of(group, down, i): the sum of element i of a group, of the upper or the lower row.
  const auto sum_of = [&](int group, int down, int i) {
    return sums[4 * (kWide / 2 * group + i / 2) + 2 * down + i % 2];
  };
  if (to.in_vectors && first_row + 64 <= to.m && first_column + kColumns <= to.n) {
    with_activation<T>(to.activation, [&](auto activation) {
#pragma unroll
      for (int group = 0; group < kColumns / kGroup; ++group) {
        T offset[kWide];
        memcpy(offset, &bias.vector[group], sizeof offset);
#pragma unroll
        for (int down = 0; down < 2; ++down) {
          T result[kWide];
#pragma unroll
          for (int i = 0; i < kWide; ++i) {
            result[i] = narrow<T>(activation(sum_of(group, down, i) + widen(offset[i])));
          }
          int4 bits;
          memcpy(&bits, result, sizeof bits);
          *reinterpret_cast<int4*>(c + 8 * down * to.n + group * kGroup) = bits;
        }
      }
    });
    return;
  }
  const T* const from = static_cast<const T*>(to.bias);
#pragma unroll
  for (int group = 0; group < kColumns / kGroup; ++group) {
#pragma unroll
    for (int i = 0; i < kWide; ++i) {
      const int right = group * kGroup + i;
      if (column + right >= to.n) continue;
      const float offset = from ? widen(__ldg(from + column + right)) : 0.0f;
#pragma unroll
      for (int down = 0; down < 2; ++down) {
        if (row + 8 * down < to.m) {
          c[8 * down * to.n + right] =
              narrow<T>(activate(sum_of(group, down, i) + offset, to.activation));
        }
      }
    }
  }
}

// ---- the roles of a block

// The first address with the alignment of tiles.
__device__ __forceinline__ uint8_t* swizzled(uint8_t* memory) {
  const uint32_t past = shared_address(memory) % kSwizzleBytes;
  return memory + (past ? kSwizzleBytes - past : 0);
}

// Calls init() in one thread, then copy() in one thread of the first warpgroup and
// multiply(warpgroup) in all threads of the others; the numbers of their registers follow.
template <int kCopierRegisters, int kConsumerRegisters, typename Init, typename Copy,
          typename Multiply>
__device__ __forceinline__ void divide_labour(Init init, Copy copy, Multiply multiply) {
  if (threadIdx.x == 0) {
    init();
    fence_barrier_init();
  }
  sync_cluster();
  if (threadIdx.x < 128) {
    give_registers<kCopierRegisters>();
    if (threadIdx.x == 0) copy();
  } else {
    take_registers<kConsumerRegisters>();
    // Tells the compiler that it is uniform in a warp.
    multiply(__shfl_sync(0xffffffffu, int(threadIdx.x) / 128 - 1, 0));
  }
  // The other block may still write here and arrive at barriers here.
  __syncwarp();
  sync_cluster();
}

#else
#define INKGRAD_CLUSTER  // other chips have none
#endif

}  // namespace inkgrad::cuda
