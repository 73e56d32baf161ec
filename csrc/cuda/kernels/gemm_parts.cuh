// What the matrix products on Hopper's tensor cores share: where the result goes and how a tile of
// it is finished, and the ring of tiles that are copied ahead.
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

// Where in a ring a role is, and how often it went round, modulo 2.
struct Cursor {
  int stage = 0, phase = 0;
  template <int kStages>
  __device__ __forceinline__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      phase ^= 1;
    }
  }
  // At most once around.
  template <int kStages>
  __device__ __forceinline__ void skip(int stages) {
    stage += stages;
    if (stage >= kStages) {
      stage -= kStages;
      phase ^= 1;
    }
  }
};

// A stage was read by this warp: both blocks may fill it again.
__device__ __forceinline__ void release(uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  if (lane < kBlocksOfCluster) arrive_at(empty, lane);
}

// ---- finishing a tile. What is the same for all elements is decided outside: a branch for each
// would make each of them wait.

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

// The pieces of 16 bytes of the bias that belong to a thread's columns, where B's rows were dealt
// out: read before the last products are done, so that nothing waits for them.
template <typename T, int kCount>
struct BiasPieces {
  static constexpr int groups = 2 * kCount / dealt_group(kLanes<T>);
  int4 piece[groups];

  __device__ __forceinline__ BiasPieces(const GemmResult& result, int64_t column) {
#pragma unroll
    for (int group = 0; group < groups; ++group) {
      const int64_t first = column + group * dealt_group(kLanes<T>);
      const bool there = result.bias && result.in_vectors && first < result.n;
      piece[group] =
          there ? __ldg(reinterpret_cast<const int4*>(static_cast<const T*>(result.bias) + first))
                : int4{0, 0, 0, 0};
    }
  }
};

// The first column of this thread in a tile that begins at `column`.
template <typename T>
__device__ __forceinline__ int64_t dealt_start(int64_t column) {
  return column + threadIdx.x % 4 * kLanes<T>;
}

// A warpgroup's 64 rows of the result where B's rows were dealt out: 16 bytes at a time.
template <typename T, int kCount>
__device__ __forceinline__ void finish_dealt(const GemmResult& to, int64_t first_row,
                                             int64_t first_column,
                                             const BiasPieces<T, kCount>& bias,
                                             const float (&sums)[kCount]) {
  constexpr int kWide = kLanes<T>, kGroup = dealt_group(kWide), kColumns = 2 * kCount;
  const int thread = threadIdx.x % 128;
  const int64_t row = first_row + sum_row(thread, 0), column = dealt_start<T>(first_column);
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
        memcpy(offset, &bias.piece[group], sizeof offset);
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

// The first address that is aligned as tiles are.
__device__ __forceinline__ uint8_t* swizzled(uint8_t* memory) {
  const uint32_t past = shared_address(memory) % kSwizzleBytes;
  return memory + (past ? kSwizzleBytes - past : 0);
}

// init() for one thread, then copy() for one thread and multiply(warpgroup) for the threads of the
// warpgroups but the first; registers of a thread of the first and of the others.
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
    // The same in all threads of a warp, which the compiler is to know.
    multiply(__shfl_sync(0xffffffffu, int(threadIdx.x) / 128 - 1, 0));
  }
  // The other block may still write here, and count on barriers here.
  __syncwarp();
  sync_cluster();
}

#else
#define INKGRAD_CLUSTER  // other chips know none
#endif

}  // namespace inkgrad::cuda
