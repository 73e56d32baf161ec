// C [m, n] = activation(A B^T + bias) on Hopper's tensor cores.
//
// Of 16-bit matrices: as they are. Of float matrices: of their planes (planes.h), with an error
// below that of a product in float arithmetic and at several times its speed. The tensor cores add
// with a few bits less than a float sum would (they cut off instead of rounding), so the products
// of the high planes, `part`, are moved every 64 elements into `total`, sums in registers with
// ordinary float additions. The products with lower planes, `rest`, count 2^-11 or 2^-8 of the
// others, and so does their error: they stay in the tensor cores from the first element to the
// last.
//
// A block is three warpgroups. The first copies tiles of A and B into a ring of shared memory, the
// other two multiply, 64 rows each, and finish their part of the result; nothing else holds them
// together, so that one multiplies while the other is at its additions. Two blocks make a cluster:
// each copies half of a tile of B, into both.
//
// Written for sm_90a. Elsewhere the kernels are empty, and has_tensor_products() is false.
#include "common.cuh"
#include "fill.h"
#include "gemm_map.h"
#include "hopper.cuh"
#include "math.h"
#include "planes.h"

namespace inkgrad::cuda {
namespace {

constexpr int kGemmThreads = 3 * 128;

constexpr int kMostStages = 4;
constexpr int kSharedGemmBytes = kSwizzleBytes + kRingBytes + (2 * kMostStages + 1) * 8;

struct Ring {
  uint8_t* stages;
  uint64_t *full, *empty, *ahead;
};

struct Cursor {
  int stage = 0, phase = 0;
  template <int kStages>
  __device__ __forceinline__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      phase ^= 1;
    }
  }
};

struct GemmArguments {
  GemmTiles tiles;
  int64_t m, n;
  const Scheme* scheme;  // of float matrices
  int a_operand, b_operand;
  int groups_per_plane;  // of B, if its rows are dealt out
  const void* bias;
  Activation activation;
  void* c;          // or, where the sum is split, the shares, [splits, m, n] float
  bool in_vectors;  // bias and the rows of C lie at multiples of 16 bytes
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define INKGRAD_CLUSTER __cluster_dims__(kBlocksOfCluster, 1, 1)

constexpr int kConsumerWarps = 8;

// ---- copying

// The tile of A, rows from `first` on, at step `step` of the sum.
template <Major kMajor>
__device__ __forceinline__ void copy_a(uint8_t* to, const CUtensorMap* map, uint64_t* barrier,
                                       int64_t first, int step, int plane) {
  if constexpr (kMajor == Major::k) {
    copy_tile(to, map, barrier, step * kTileDepth, int(first), plane);
  } else {
#pragma unroll
    for (int piece = 0; piece < kTileRows / 64; ++piece) {
      copy_tile(to + piece * kPieceBytes, map, barrier, int(first) + piece * 64, step * kTileDepth,
                plane);
    }
  }
}

// kShare columns of the tile of B, into both blocks.
template <Major kMajor, int kShare, int kWide>
__device__ __forceinline__ void copy_b(uint8_t* to, const CUtensorMap* map, uint64_t* barrier,
                                       int64_t first, int step, int plane, int groups_per_plane) {
  if constexpr (kMajor == Major::k) {
    copy_groups_to_all(to, map, barrier, step * kTileDepth,
                       int(first) / dealt_group(kWide) + plane * groups_per_plane);
  } else {
#pragma unroll
    for (int piece = 0; piece < kShare / 64; ++piece) {
      copy_tile_to_all(to + piece * kPieceBytes, map, barrier, int(first) + piece * 64,
                       step * kTileDepth, plane);
    }
  }
}

template <typename S, Major kA, Major kB>
__device__ __forceinline__ void copy_all(const CUtensorMap* map_a, const CUtensorMap* map_b,
                                         const GemmArguments& arguments, Ring ring, uint32_t rank) {
  constexpr int kStages = S::stages, kShare = S::columns / kBlocksOfCluster;
  const GemmTiles& tiles = arguments.tiles;
  Cursor at;
  for (int64_t pair = blockIdx.x / kBlocksOfCluster; pair < tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePlace place = tiles.place(pair, rank);
    for (int step = place.first_step; step < place.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.empty[at.stage], at.phase ^ 1);
      uint64_t* const full = &ring.full[at.stage];
      arrive_expecting(full, S::stage_bytes);
      uint8_t* const stage = ring.stages + at.stage * S::stage_bytes;
#pragma unroll
      for (int plane = 0; plane < S::planes; ++plane) {
        copy_a<kA>(stage + plane * S::a_bytes, map_a, full, place.row, step, plane);
        copy_b<kB, kShare, S::wide>(
            stage + S::planes * S::a_bytes + plane * S::b_bytes + rank * kShare * kRowBytes, map_b,
            full, place.column + rank * kShare, step, plane, arguments.groups_per_plane);
      }
    }
  }
}

// ---- multiplying

// A stage was read by this warp: both blocks may fill it again.
__device__ __forceinline__ void release(uint64_t* empty) {
  const int lane = threadIdx.x % 32;
  if (lane < kBlocksOfCluster) arrive_at(empty, lane);
}

// The descriptors of this warpgroup's operands in a stage.
template <typename S, Major kA, Major kB>
struct Operands {
  uint64_t a, b;
  __device__ Operands(const uint8_t* stage, int warpgroup) {
    // 64 rows further down: a piece of either layout.
    a = operand_descriptor(shared_address(stage) + warpgroup * kPieceBytes, kA);
    b = operand_descriptor(shared_address(stage) + S::planes * S::a_bytes, kB);
  }
  __device__ uint64_t a_at(int plane, int part) const {
    return a + plane * (S::a_bytes / 16) + part * descriptor_step(kA);
  }
  __device__ uint64_t b_at(int plane, int part) const {
    return b + plane * (S::b_bytes / 16) + part * descriptor_step(kB);
  }
};

// sums = (adds ? sums : 0) + the products of two planes of a stage.
template <typename T, typename S, Major kA, Major kB, int kCount>
__device__ __forceinline__ void multiply_planes(float (&sums)[kCount],
                                                const Operands<S, kA, kB>& operands, int plane_a,
                                                int plane_b, bool adds) {
#pragma unroll
  for (int part = 0; part < kTileDepth / kProductDepth; ++part) {
    multiply<T, kA, kB>(sums, operands.a_at(plane_a, part), operands.b_at(plane_b, part),
                        adds || part > 0);
  }
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

  __device__ __forceinline__ BiasPieces(const GemmArguments& arguments, int64_t column) {
#pragma unroll
    for (int group = 0; group < groups; ++group) {
      const int64_t first = column + group * dealt_group(kLanes<T>);
      const bool there = arguments.bias && arguments.in_vectors && first < arguments.n;
      piece[group] =
          there
              ? __ldg(reinterpret_cast<const int4*>(static_cast<const T*>(arguments.bias) + first))
              : int4{0, 0, 0, 0};
    }
  }
};

template <typename T>
__device__ __forceinline__ int64_t dealt_start(const TilePlace& place) {
  return place.column + threadIdx.x % 4 * kLanes<T>;
}

// The result where B's rows were dealt out: 16 bytes at a time.
template <typename T, int kCount>
__device__ __forceinline__ void finish_dealt(const GemmArguments& arguments, const TilePlace& place,
                                             int warpgroup, const BiasPieces<T, kCount>& bias,
                                             const float (&sums)[kCount]) {
  constexpr int kWide = kLanes<T>, kGroup = dealt_group(kWide), kColumns = 2 * kCount;
  const int thread = threadIdx.x % 128;
  const int64_t row = place.row + warpgroup * 64 + sum_row(thread, 0);
  const int64_t column = dealt_start<T>(place);
  T* const c = static_cast<T*>(arguments.c) + row * arguments.n + column;
  // sum_of(group, down, i): the sum of element i of a group, of the upper or the lower row.
  const auto sum_of = [&](int group, int down, int i) {
    return sums[4 * (kWide / 2 * group + i / 2) + 2 * down + i % 2];
  };
  if (arguments.in_vectors && place.row + kTileRows <= arguments.m &&
      place.column + kColumns <= arguments.n) {
    with_activation<T>(arguments.activation, [&](auto activation) {
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
          *reinterpret_cast<int4*>(c + 8 * down * arguments.n + group * kGroup) = bits;
        }
      }
    });
    return;
  }
  const T* const from = static_cast<const T*>(arguments.bias);
#pragma unroll
  for (int group = 0; group < kColumns / kGroup; ++group) {
#pragma unroll
    for (int i = 0; i < kWide; ++i) {
      const int right = group * kGroup + i;
      if (column + right >= arguments.n) continue;
      const float offset = from ? widen(__ldg(from + column + right)) : 0.0f;
#pragma unroll
      for (int down = 0; down < 2; ++down) {
        if (row + 8 * down < arguments.m) {
          c[8 * down * arguments.n + right] =
              narrow<T>(activate(sum_of(group, down, i) + offset, arguments.activation));
        }
      }
    }
  }
}

// The result, or a share of it, where they were not: no bias, no activation.
__device__ __forceinline__ void finish_plain(const GemmArguments& arguments, const TilePlace& place,
                                             int warpgroup, const float (&sums)[64]) {
  const int thread = threadIdx.x % 128;
  const int64_t row = place.row + warpgroup * 64 + sum_row(thread, 0);
  const int64_t column = place.column + sum_column(thread, 0);
  float* const c =
      static_cast<float*>(arguments.c) + (place.split * arguments.m + row) * arguments.n + column;
  const bool whole = arguments.in_vectors && place.row + kTileRows <= arguments.m &&
                     place.column + 128 <= arguments.n;
#pragma unroll
  for (int i = 0; i < 64; i += 2) {
    const int down = sum_row(0, i), right = sum_column(0, i);
    float* const to = c + down * arguments.n + right;
    if (whole) {
      *reinterpret_cast<float2*>(to) = float2{sums[i], sums[i + 1]};
    } else if (row + down < arguments.m) {
      if (column + right < arguments.n) to[0] = sums[i];
      if (column + right + 1 < arguments.n) to[1] = sums[i + 1];
    }
  }
}

// Before its first step the second warpgroup waits until the first one is as far ahead as the ring
// allows. It stays behind from then on, and so multiplies while the first one finishes its tile.
template <int kStages>
class HeadStart {
 public:
  __device__ HeadStart(uint64_t* ahead, int warpgroup)
      : ahead_(ahead), steps_(warpgroup == 0 ? kStages - 1 : 0) {
    if (warpgroup == 1) wait_barrier(ahead, 0);
  }
  // After every step of the first warpgroup, and when it has no more.
  __device__ void step_done(int steps = 1) {
    if (steps_ > 0 && (steps_ -= steps) <= 0 && threadIdx.x % 32 == 0) {
      arrive_at(ahead_, rank_in_cluster());
    }
  }

 private:
  uint64_t* ahead_;
  int steps_;
};

// Float matrices in S::planes planes.
template <typename S, Major kA, Major kB>
__device__ __forceinline__ void multiply_all(const GemmArguments& arguments, Ring ring,
                                             int warpgroup, uint32_t rank) {
  using T = std::conditional_t<S::planes == 2, __half, __nv_bfloat16>;
  constexpr int kStages = S::stages;
  const float unscale_a = arguments.scheme->unscale[arguments.a_operand];
  const float unscale_b = arguments.scheme->unscale[arguments.b_operand];
  HeadStart<kStages> head_start(ring.ahead, warpgroup);
  Cursor at;
  for (int64_t pair = blockIdx.x / kBlocksOfCluster; pair < arguments.tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePlace place = arguments.tiles.place(pair, rank);
    float total[64], part[64], rest[64];
#pragma unroll
    for (int i = 0; i < 64; ++i) total[i] = 0;
    uint64_t* read = nullptr;  // the barrier of the stage whose products are under way
    for (int step = place.first_step; step < place.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.full[at.stage], at.phase);
      const Operands<S, kA, kB> operands(ring.stages + at.stage * S::stage_bytes, warpgroup);
      pin(part);
      fence_products();
      multiply_planes<T>(part, operands, 0, 0, false);
      commit_products();
      if (read) {
        wait_products<1>();  // all but the group just begun
        release(read);
      }
      pin(rest);
      fence_products();
      multiply_planes<T>(rest, operands, 0, 1, step > place.first_step);
      multiply_planes<T>(rest, operands, 1, 0, true);
      if constexpr (S::planes == 3) {
        multiply_planes<T>(rest, operands, 1, 1, true);
        multiply_planes<T>(rest, operands, 0, 2, true);
        multiply_planes<T>(rest, operands, 2, 0, true);
      }
      commit_products();
      read = &ring.empty[at.stage];
      wait_products<1>();  // part is done, rest may be under way
      pin(part);
#pragma unroll
      for (int i = 0; i < 64; ++i) total[i] += part[i];
      head_start.step_done();
    }
    // (Unused, and gone, where B's rows are not dealt out.)
    const BiasPieces<float, 64> bias(arguments, dealt_start<float>(place));
    wait_products<0>();
    pin(rest);
    release(read);
#pragma unroll
    for (int i = 0; i < 64; ++i) {
      if constexpr (S::planes == 2) {
        total[i] = fmaf(rest[i], 1 / kLowScale, total[i]) * unscale_a * unscale_b;
      } else if (isfinite(total[i])) {  // lower planes of what is not finite say nothing
        total[i] += rest[i];
      }
    }
    if constexpr (kB == Major::k) {
      finish_dealt(arguments, place, warpgroup, bias, total);
    } else {
      finish_plain(arguments, place, warpgroup, total);
    }
  }
  head_start.step_done(kStages);
}

// 16-bit matrices.
template <typename T, typename S, Major kA, Major kB>
__device__ __forceinline__ void multiply_halves(const GemmArguments& arguments, Ring ring,
                                                int warpgroup, uint32_t rank) {
  constexpr int kStages = S::stages;
  HeadStart<kStages> head_start(ring.ahead, warpgroup);
  Cursor at;
  for (int64_t pair = blockIdx.x / kBlocksOfCluster; pair < arguments.tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePlace place = arguments.tiles.place(pair, rank);
    float total[128];
    uint64_t* read = nullptr;
    for (int step = place.first_step; step < place.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.full[at.stage], at.phase);
      const Operands<S, kA, kB> operands(ring.stages + at.stage * S::stage_bytes, warpgroup);
      fence_products();
      multiply_planes<T>(total, operands, 0, 0, step > place.first_step);
      commit_products();
      if (read) {
        wait_products<1>();
        release(read);
      }
      read = &ring.empty[at.stage];
      head_start.step_done();
    }
    const BiasPieces<T, 128> bias(arguments, dealt_start<T>(place));
    wait_products<0>();
    pin(total);
    release(read);
    finish_dealt(arguments, place, warpgroup, bias, total);
  }
  head_start.step_done(kStages);
}

// ---- the roles of a block

// copy() for one thread, multiply(warpgroup) for the threads of two warpgroups; registers of a
// thread of the first and of the others, 504 in all.
template <int kCopierRegisters, int kConsumerRegisters, typename Copy, typename Multiply>
__device__ __forceinline__ void divide_labour(Ring ring, Copy copy, Multiply multiply) {
  if (threadIdx.x == 0) {
    for (int i = 0; i < kMostStages; ++i) {
      init_barrier(&ring.full[i], 1);
      init_barrier(&ring.empty[i], kConsumerWarps * kBlocksOfCluster);
    }
    init_barrier(ring.ahead, kConsumerWarps / 2);
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

__device__ __forceinline__ Ring make_ring(uint8_t* memory) {
  const uint32_t past = shared_address(memory) % kSwizzleBytes;
  uint8_t* const stages = memory + (past ? kSwizzleBytes - past : 0);
  uint64_t* const barriers = reinterpret_cast<uint64_t*>(stages + kRingBytes);
  return {stages, barriers, barriers + kMostStages, barriers + 2 * kMostStages};
}

#else
#define INKGRAD_CLUSTER  // other chips know none
#endif

template <Major kA, Major kB>
__global__ void __launch_bounds__(kGemmThreads, 1) INKGRAD_CLUSTER
    float_gemm_kernel(const __grid_constant__ CUtensorMap map_a,
                      const __grid_constant__ CUtensorMap map_b,
                      const __grid_constant__ GemmArguments arguments) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ uint8_t memory[];
  const Ring ring = make_ring(memory);
  const uint32_t rank = rank_in_cluster();
  const bool two = arguments.scheme->planes == 2;
  divide_labour<72, 216>(
      ring,
      [&] {
        if (two) {
          copy_all<Shape<2, 128>, kA, kB>(&map_a, &map_b, arguments, ring, rank);
        } else {
          copy_all<Shape<3, 128>, kA, kB>(&map_a, &map_b, arguments, ring, rank);
        }
      },
      [&](int warpgroup) {
        if (two) {
          multiply_all<Shape<2, 128>, kA, kB>(arguments, ring, warpgroup, rank);
        } else {
          multiply_all<Shape<3, 128>, kA, kB>(arguments, ring, warpgroup, rank);
        }
      });
#endif
}

template <typename T>
__global__ void __launch_bounds__(kGemmThreads, 1) INKGRAD_CLUSTER
    half_gemm_kernel(const __grid_constant__ CUtensorMap map_a,
                     const __grid_constant__ CUtensorMap map_b,
                     const __grid_constant__ GemmArguments arguments) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ uint8_t memory[];
  const Ring ring = make_ring(memory);
  const uint32_t rank = rank_in_cluster();
  using S = Shape<1, 256>;
  divide_labour<40, 232>(
      ring, [&] { copy_all<S, Major::k, Major::k>(&map_a, &map_b, arguments, ring, rank); },
      [&](int warpgroup) {
        multiply_halves<T, S, Major::k, Major::k>(arguments, ring, warpgroup, rank);
      });
#endif
}

// C = the sum of the shares, always in the same order.
__global__ void __launch_bounds__(kThreads)
    add_shares_kernel(const float* shares, int splits, int64_t n, float* c) {
  const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  double sum = 0;
#pragma unroll 4
  for (int split = 0; split < splits; ++split) sum += __ldg(shares + split * n + i);
  c[i] = static_cast<float>(sum);
}

// ---- launching

int attribute(cudaDeviceAttr which) {
  int device = 0, value = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&value, which, device);
  return value;
}

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function, without linking to the driver, which a machine without a GPU lacks.
Encode encode_function() {
  static const Encode found = [] {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function,
                                                               12000, cudaEnableDefault, &result);
    if (error != cudaSuccess || result != cudaDriverEntryPointSuccess) function = nullptr;
    return reinterpret_cast<Encode>(function);
  }();
  return found;
}

bool has_tensor_products() {
#if defined(INKGRAD_WGMMA)
  return attribute(cudaDevAttrComputeCapabilityMajor) == 9 &&
         attribute(cudaDevAttrComputeCapabilityMinor) == 0 && encode_function() != nullptr;
#else
  return false;
#endif
}

struct Stored {
  const void* data;
  int64_t rows, columns, pitch, plane_rows;  // in elements of 16 bits
  int planes;
};

CUtensorMap encoded(const void* data, int dimensions, const cuuint64_t* sizes,
                    const cuuint64_t* strides, const cuuint32_t* box) {
  CUtensorMap map{};
  const cuuint32_t steps[] = {1, 1, 1, 1, 1};
  const CUresult result = encode_function()(
      &map, CU_TENSOR_MAP_DATA_TYPE_UINT16, cuuint32_t(dimensions), const_cast<void*>(data), sizes,
      strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  check_driver(static_cast<int>(result), "cuTensorMapEncodeTiled");
  return map;
}

// An operand copied in boxes of one row of shared memory by `tall` rows.
CUtensorMap tile_map(const Stored& stored, int tall) {
  const cuuint64_t row = cuuint64_t(stored.pitch) * 2;
  const cuuint64_t sizes[] = {cuuint64_t(stored.columns), cuuint64_t(stored.rows),
                              cuuint64_t(stored.planes)};
  const cuuint64_t strides[] = {row, row * cuuint64_t(stored.plane_rows)};
  const cuuint32_t box[] = {kRowBytes / 2, cuuint32_t(tall), 1};
  return encoded(stored.data, 3, sizes, strides, box);
}

// An operand whose rows are dealt out (gemm_map.h), `share` rows at a time. A row is a place in a
// pair, a thread, a pair and a group; the planes follow each other as groups.
CUtensorMap dealt_map(const Stored& stored, int wide, int share) {
  const int group = dealt_group(wide);
  const cuuint64_t row = cuuint64_t(stored.pitch) * 2;
  const cuuint64_t sizes[] = {
      cuuint64_t(stored.columns), 2, 4, cuuint64_t(wide / 2),
      cuuint64_t(stored.planes) * cuuint64_t(stored.plane_rows) / cuuint64_t(group)};
  const cuuint64_t strides[] = {row, row * cuuint64_t(wide), row * 2, row * cuuint64_t(group)};
  const cuuint32_t box[] = {kRowBytes / 2, 2, 4, cuuint32_t(wide / 2), cuuint32_t(share / group)};
  return encoded(stored.data, 5, sizes, strides, box);
}

CUtensorMap map_of_a(const Stored& stored, Major major) {
  return tile_map(stored, major == Major::k ? kTileRows : kTileDepth);
}
template <typename S>
CUtensorMap map_of_b(const Stored& stored, Major major) {
  return major == Major::k ? dealt_map(stored, S::wide, S::columns / kBlocksOfCluster)
                           : tile_map(stored, kTileDepth);
}

int blocks_at_once() {
  return attribute(cudaDevAttrMultiProcessorCount) / kBlocksOfCluster * kBlocksOfCluster;
}

GemmTiles tiles_of(const Product& p) {
  const bool is_float = p.dtype == Dtype::f32;
  const bool may_split = is_float && !p.bias && p.activation == Activation::none;
  return gemm_tiles(p.m, p.n, p.k, is_float ? 128 : 256, blocks_at_once(), may_split);
}

int64_t product_shares(const Product& p) {
  const int splits = tiles_of(p).splits;
  return splits > 1 ? splits * p.m * p.n : 0;
}

template <typename K>
void launch_gemm(K kernel, const CUtensorMap& a, const CUtensorMap& b,
                 const GemmArguments& arguments, void* stream) {
  const int64_t wanted = arguments.tiles.pairs() * kBlocksOfCluster, most = blocks_at_once();
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedGemmBytes);
  kernel<<<dim3(wanted < most ? wanted : most), kGemmThreads, kSharedGemmBytes,
           as_stream(stream)>>>(a, b, arguments);
  INKGRAD_LAUNCH_CHECK();
}

template <Major kA, Major kB>
void launch_float(const Product& p, const Stored& a, const Stored& b,
                  const GemmArguments& arguments, void* stream) {
  launch_gemm(float_gemm_kernel<kA, kB>, map_of_a(a, kA), map_of_b<Shape<2, 128>>(b, kB), arguments,
              stream);
}

void product(const Product& p, float* shares, void* stream) {
  const GemmTiles tiles = tiles_of(p);
  const bool is_float = p.dtype == Dtype::f32, split = tiles.splits > 1;
  const int planes = is_float ? kMostPlanes : 1;
  const auto stored = [&](const void* data, bool transposed, int64_t extent) {
    const int64_t rows = transposed ? p.k : extent, columns = transposed ? extent : p.k;
    return is_float ? Stored{data, rows, columns, plane_pitch(columns), plane_rows(rows), planes}
                    : Stored{data, rows, columns, columns, rows, planes};
  };
  const Stored a = stored(p.a, p.a_transposed, p.m), b = stored(p.b, p.b_transposed, p.n);
  void* const to = split ? shares : p.c;
  const int wide = is_float ? 4 : 8;
  const GemmArguments arguments{tiles,
                                p.m,
                                p.n,
                                static_cast<const Scheme*>(p.scheme),
                                p.a_operand,
                                p.b_operand,
                                int(b.plane_rows / dealt_group(wide)),
                                p.bias,
                                p.activation,
                                to,
                                aligned(to, p.bias) && p.n % wide == 0};
  if (p.dtype == Dtype::f16 || p.dtype == Dtype::bf16) {
    const CUtensorMap map_a = map_of_a(a, Major::k), map_b = map_of_b<Shape<1, 256>>(b, Major::k);
    const auto kernel =
        p.dtype == Dtype::f16 ? half_gemm_kernel<__half> : half_gemm_kernel<__nv_bfloat16>;
    launch_gemm(kernel, map_a, map_b, arguments, stream);
    return;
  }
  const auto launch = p.a_transposed   ? launch_float<Major::mn, Major::mn>
                      : p.b_transposed ? launch_float<Major::k, Major::mn>
                                       : launch_float<Major::k, Major::k>;
  launch(p, a, b, arguments, stream);
  if (split) {
    const int64_t n = p.m * p.n;
    add_shares_kernel<<<ceil_div(n, kThreads), kThreads, 0, as_stream(stream)>>>(
        shares, tiles.splits, n, static_cast<float*>(p.c));
    INKGRAD_LAUNCH_CHECK();
  }
}

}  // namespace

void fill_gemm(Kernels& table) {
  table.has_tensor_products = has_tensor_products;
  table.product_shares = product_shares;
  table.product = product;
}

}  // namespace inkgrad::cuda
