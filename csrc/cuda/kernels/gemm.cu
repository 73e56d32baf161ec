// C [m, n] = activation(A B^T + bias) on Hopper's tensor cores.
//
// 16-bit matrices are multiplied as they are. Float matrices are split into planes (planes.h),
// which gives a smaller error than a product in float arithmetic at several times its speed. The
// tensor cores accumulate with a few bits less than float (they truncate), so every 64 elements the
// products of the high planes, `part`, are added to `total`, float sums in registers. The products
// with lower planes, `rest`, and their errors are smaller by 2^-11 or 2^-8: they stay in the tensor
// cores for the whole sum.
//
// A block is three warpgroups. The first copies tiles of A and B into a ring in shared memory; the
// other two multiply, 64 rows each, and finish their part of the result. They are not synchronized
// otherwise, so that one multiplies while the other adds. Two blocks make a cluster, in which each
// copies half of a tile of B into both.
//
// For sm_90a. Elsewhere the kernels are empty, and has_tensor_products() is false.
#include "entries.h"
#include "gemm_panel.h"
#include "gemm_parts.cuh"
#include "planes.h"
#include "tensor_maps.h"

namespace inkgrad::cuda {
namespace {

constexpr int kGemmThreads = 3 * 128;

constexpr int kMaxStages = 4;
constexpr int kSharedGemmBytes = kSwizzleBytes + kRingBytes + (2 * kMaxStages + 1) * 8;

struct Ring {
  uint8_t* stages;
  uint64_t *full, *empty, *ahead;
};

struct GemmArguments {
  GemmTiles tiles;
  const Scheme* scheme;  // of float matrices
  int a_operand, b_operand;
  int groups_per_plane;  // of B, if its rows are interleaved
  GemmResult result;     // if the sum is split, partial sums [splits, m, n] in float
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
constexpr int kConsumerWarps = 8;

// ---- copying

// Copies the tile of A that begins at row `first` and step `step` of the sum.
template <Major kMajor>
__device__ __forceinline__ void copy_a(uint8_t* to, const CUtensorMap* map, uint64_t* barrier,
                                       int64_t first, int step, int plane) {
  if constexpr (kMajor == Major::k) {
    copy_tile(to, map, barrier, step * kTileDepth, int(first), plane);
  } else {
#pragma unroll
    for (int slice = 0; slice < kTileRows / 64; ++slice) {
      copy_tile(to + slice * kSliceBytes, map, barrier, int(first) + slice * 64, step * kTileDepth,
                plane);
    }
  }
}

// Copies kColumnsPerBlock columns of the tile of B into both blocks.
template <Major kMajor, int kColumnsPerBlock, int kWide>
__device__ __forceinline__ void copy_b(uint8_t* to, const CUtensorMap* map, uint64_t* barrier,
                                       int64_t first, int step, int plane, int groups_per_plane) {
  if constexpr (kMajor == Major::k) {
    copy_groups_to_all(to, map, barrier, step * kTileDepth,
                       int(first) / interleaved_group(kWide) + plane * groups_per_plane);
  } else {
#pragma unroll
    for (int slice = 0; slice < kColumnsPerBlock / 64; ++slice) {
      copy_tile_to_all(to + slice * kSliceBytes, map, barrier, int(first) + slice * 64,
                       step * kTileDepth, plane);
    }
  }
}

template <typename S, Major kA, Major kB>
__device__ __forceinline__ void copy_all(const CUtensorMap* map_a, const CUtensorMap* map_b,
                                         const GemmArguments& arguments, Ring ring, uint32_t rank) {
  constexpr int kStages = S::stages, kColumnsPerBlock = S::columns / kBlocksOfCluster;
  const GemmTiles& tiles = arguments.tiles;
  Cursor at;
  for (int pair = blockIdx.x / kBlocksOfCluster; pair < tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePosition position = tiles.position(pair, rank);
    for (int step = position.first_step; step < position.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.empty[at.stage], at.phase ^ 1);
      uint64_t* const full = &ring.full[at.stage];
      arrive_expecting(full, S::stage_bytes);
      uint8_t* const stage = ring.stages + at.stage * S::stage_bytes;
#pragma unroll
      for (int plane = 0; plane < S::planes; ++plane) {
        copy_a<kA>(stage + plane * S::a_bytes, map_a, full, position.row, step, plane);
        copy_b<kB, kColumnsPerBlock, S::wide>(stage + S::planes * S::a_bytes + plane * S::b_bytes +
                                                  rank * kColumnsPerBlock * kRowBytes,
                                              map_b, full,
                                              position.column + rank * kColumnsPerBlock, step,
                                              plane, arguments.groups_per_plane);
      }
    }
  }
}

// ---- multiplying

// The descriptors of this warpgroup's operands in a stage.
template <typename S, Major kA, Major kB>
struct Operands {
  uint64_t a, b;
  __device__ Operands(const uint8_t* stage, int warpgroup) {
    // 64 rows further down: one slice in either layout.
    a = operand_descriptor(shared_address(stage) + warpgroup * kSliceBytes, kA);
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

// Stores the result, or partial sums, if B's rows are not interleaved: no bias, no activation.
__device__ __forceinline__ void finish_plain(const GemmResult& to, const TilePosition& position,
                                             int warpgroup, const float (&sums)[64]) {
  const int thread = threadIdx.x % 128;
  const int64_t row = position.row + warpgroup * 64 + sum_row(thread, 0);
  const int64_t column = position.column + sum_column(thread, 0);
  float* const c = static_cast<float*>(to.c) + (position.split * to.m + row) * to.n + column;
  const bool whole =
      to.in_vectors && position.row + kTileRows <= to.m && position.column + 128 <= to.n;
#pragma unroll
  for (int i = 0; i < 64; i += 2) {
    const int down = sum_row(0, i), right = sum_column(0, i);
    float* const at = c + down * to.n + right;
    if (whole) {
      *reinterpret_cast<float2*>(at) = float2{sums[i], sums[i + 1]};
    } else if (row + down < to.m) {
      if (column + right < to.n) at[0] = sums[i];
      if (column + right + 1 < to.n) at[1] = sums[i + 1];
    }
  }
}

// Before its first step, the second warpgroup waits until the first is as far ahead as the ring
// allows. It stays behind, and so multiplies while the first finishes its tile.
template <int kStages>
class HeadStart {
 public:
  __device__ HeadStart(uint64_t* ahead, int warpgroup)
      : ahead_(ahead), steps_(warpgroup == 0 ? kStages - 1 : 0) {
    if (warpgroup == 1) wait_barrier(ahead, 0);
  }
  // After every step of the first warpgroup, and when it has finished.
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
  for (int pair = blockIdx.x / kBlocksOfCluster; pair < arguments.tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePosition position = arguments.tiles.position(pair, rank);
    float total[64], part[64], rest[64];
#pragma unroll
    for (int i = 0; i < 64; ++i) total[i] = 0;
    uint64_t* read = nullptr;  // the barrier of the stage whose products are running
    for (int step = position.first_step; step < position.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.full[at.stage], at.phase);
      const Operands<S, kA, kB> operands(ring.stages + at.stage * S::stage_bytes, warpgroup);
      pin(part);
      fence_products();
      multiply_planes<T>(part, operands, 0, 0, false);
      commit_products();
      if (read) {
        wait_products<1>();  // all but the group just started
        release(read);
      }
      pin(rest);
      fence_products();
      multiply_planes<T>(rest, operands, 0, 1, step > position.first_step);
      multiply_planes<T>(rest, operands, 1, 0, true);
      if constexpr (S::planes == 3) {
        multiply_planes<T>(rest, operands, 1, 1, true);
        multiply_planes<T>(rest, operands, 0, 2, true);
        multiply_planes<T>(rest, operands, 2, 0, true);
      }
      commit_products();
      read = &ring.empty[at.stage];
      wait_products<1>();  // part is done, rest may be running
      pin(part);
#pragma unroll
      for (int i = 0; i < 64; ++i) total[i] += part[i];
      head_start.step_done();
    }
    // (Optimized away if B's rows are not interleaved.)
    const BiasVectors<float, 64> bias(arguments.result, interleaved_start<float>(position.column));
    wait_products<0>();
    pin(rest);
    release(read);
#pragma unroll
    for (int i = 0; i < 64; ++i) {
      if constexpr (S::planes == 2) {
        total[i] = fmaf(rest[i], 1 / kLowScale, total[i]) * unscale_a * unscale_b;
      } else if (isfinite(total[i])) {  // of non-finite numbers, lower planes are meaningless
        total[i] += rest[i];
      }
    }
    if constexpr (kB == Major::k) {
      finish_interleaved(arguments.result, position.row + warpgroup * 64, position.column, bias,
                         total);
    } else {
      finish_plain(arguments.result, position, warpgroup, total);
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
  for (int pair = blockIdx.x / kBlocksOfCluster; pair < arguments.tiles.pairs();
       pair += gridDim.x / kBlocksOfCluster) {
    const TilePosition position = arguments.tiles.position(pair, rank);
    float total[128];
    uint64_t* read = nullptr;
    for (int step = position.first_step; step < position.end_step; ++step, at.advance<kStages>()) {
      wait_barrier(&ring.full[at.stage], at.phase);
      const Operands<S, kA, kB> operands(ring.stages + at.stage * S::stage_bytes, warpgroup);
      fence_products();
      multiply_planes<T>(total, operands, 0, 0, step > position.first_step);
      commit_products();
      if (read) {
        wait_products<1>();
        release(read);
      }
      read = &ring.empty[at.stage];
      head_start.step_done();
    }
    const BiasVectors<T, 128> bias(arguments.result, interleaved_start<T>(position.column));
    wait_products<0>();
    pin(total);
    release(read);
    finish_interleaved(arguments.result, position.row + warpgroup * 64, position.column, bias,
                       total);
  }
  head_start.step_done(kStages);
}

__device__ __forceinline__ Ring make_ring(uint8_t* memory) {
  uint8_t* const stages = swizzled(memory);
  uint64_t* const barriers = reinterpret_cast<uint64_t*>(stages + kRingBytes);
  return {stages, barriers, barriers + kMaxStages, barriers + 2 * kMaxStages};
}

__device__ __forceinline__ void init_ring(const Ring& ring) {
  for (int i = 0; i < kMaxStages; ++i) {
    init_barrier(&ring.full[i], 1);
    init_barrier(&ring.empty[i], kConsumerWarps * kBlocksOfCluster);
  }
  init_barrier(ring.ahead, kConsumerWarps / 2);
}

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
  divide_labour<72, 216>([&] { init_ring(ring); },
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
      [&] { init_ring(ring); },
      [&] { copy_all<S, Major::k, Major::k>(&map_a, &map_b, arguments, ring, rank); },
      [&](int warpgroup) {
        multiply_halves<T, S, Major::k, Major::k>(arguments, ring, warpgroup, rank);
      });
#endif
}

// C = the sum of the partial sums, always in the same order.
__global__ void __launch_bounds__(kThreads)
    add_partial_sums_kernel(const float* partial_sums, int splits, int64_t n, float* c) {
  const int64_t i = int64_t(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  double sum = 0;
#pragma unroll 4
  for (int split = 0; split < splits; ++split) sum += __ldg(partial_sums + split * n + i);
  c[i] = static_cast<float>(sum);
}

// ---- launching

bool has_tensor_products() {
#if defined(INKGRAD_WGMMA)
  return attribute(cudaDevAttrComputeCapabilityMajor) == 9 &&
         attribute(cudaDevAttrComputeCapabilityMinor) == 0 && encode_function() != nullptr;
#else
  return false;
#endif
}

CUtensorMap map_of_a(const Stored& stored, Major major) {
  return tile_map(stored, major == Major::k ? kTileRows : kTileDepth);
}
template <typename S>
CUtensorMap map_of_b(const Stored& stored, Major major) {
  return major == Major::k ? interleaved_map(stored, S::wide, S::columns / kBlocksOfCluster)
                           : tile_map(stored, kTileDepth);
}

GemmTiles tiles_of(const Product& p) {
  const bool is_float = p.dtype == Dtype::f32;
  const bool may_split = is_float && !p.bias && p.activation == Activation::none;
  return gemm_tiles(p.m, p.n, p.k, is_float ? 128 : 256, blocks_at_once(), may_split);
}

int64_t product_partial_sums(const Product& p) {
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

void product(const Product& p, float* partial_sums, void* stream) {
  const GemmTiles tiles = tiles_of(p);
  const bool is_float = p.dtype == Dtype::f32, split = tiles.splits > 1;
  const int planes = is_float ? kMaxPlanes : 1;
  const auto stored = [&](const void* data, bool transposed, int64_t extent) {
    const int64_t rows = transposed ? p.k : extent, columns = transposed ? extent : p.k;
    return is_float ? Stored{data, rows, columns, plane_pitch(columns), plane_rows(rows), planes}
                    : Stored{data, rows, columns, columns, rows, planes};
  };
  const Stored a = stored(p.a, p.a_transposed, p.m), b = stored(p.b, p.b_transposed, p.n);
  void* const to = split ? partial_sums : p.c;
  const int wide = is_float ? 4 : 8;
  const GemmResult result{p.m,          p.n, p.bias,
                          p.activation, to,  aligned(to, p.bias) && p.n % wide == 0};
  if (!is_float && panel_supports(p.k)) {
    panel_product(p.dtype, a, b, result, stream);
    return;
  }
  const GemmArguments arguments{
      tiles,       static_cast<const Scheme*>(p.scheme),        p.a_operand,
      p.b_operand, int(b.plane_rows / interleaved_group(wide)), result};
  if (!is_float) {
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
    add_partial_sums_kernel<<<ceil_div(n, kThreads), kThreads, 0, as_stream(stream)>>>(
        partial_sums, tiles.splits, n, static_cast<float*>(p.c));
    INKGRAD_LAUNCH_CHECK();
  }
}

const Entries entries([](Kernels& table) {
  table.has_tensor_products = has_tensor_products;
  table.product_partial_sums = product_partial_sums;
  table.product = product;
});

}  // namespace
}  // namespace inkgrad::cuda
