// Instructions of Hopper (sm_90a): barriers in shared memory that count bytes, copies of tiles of
// tensors, and matrix products by a warpgroup (four consecutive warps).
//
// The names are PTX's (Parallel Thread Execution ISA 9.0: mbarrier, cp.async.bulk.tensor, wgmma).
#pragma once

#include <cuda.h>

#include <cstdint>

#include "gemm_map.h"

namespace inkgrad::cuda {

__device__ __forceinline__ uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// ---- the two blocks of a cluster

__device__ __forceinline__ uint32_t rank_in_cluster() {
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ __forceinline__ void sync_cluster() {
  asm volatile(
      "barrier.cluster.arrive.release.aligned;\n"
      "barrier.cluster.wait.acquire.aligned;" ::
          : "memory");
}

// ---- barriers in shared memory, whose phases alternate between 0 and 1

__device__ __forceinline__ void init_barrier(uint64_t* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(arrivals));
}
// Makes the initialization visible to the other block and the copy engine.
__device__ __forceinline__ void fence_barrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void wait_barrier(uint64_t* barrier, int phase) {
  asm volatile(
      "{\n"
      ".reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@!done bra again;\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(phase)
      : "memory");
}
// Arrives at the same barrier of a block of the cluster. It does not order this thread's memory
// accesses beyond its block: it signals that products have read.
__device__ __forceinline__ void arrive_at(uint64_t* barrier, uint32_t rank) {
  asm volatile(
      "{\n"
      ".reg .b32 there;\n"
      "mapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
}
// Arrives; the phase also waits for this many bytes to be copied.
__device__ __forceinline__ void arrive_expecting(uint64_t* barrier, int bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
      "r"(bytes)
      : "memory");
}

// ---- copies of a tile: its first element's coordinates are x (consecutive in memory), y, plane.
// Elements outside of the tensor are zero.

__device__ __forceinline__ void copy_tile(void* to, const CUtensorMap* map, uint64_t* barrier,
                                          int x, int y, int plane) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3, %4}], [%5];" ::"r"(shared_address(to)),
      "l"(map), "r"(x), "r"(y), "r"(plane), "r"(shared_address(barrier))
      : "memory");
}
// To the same address in every block of the cluster; each block's barrier counts the bytes.
__device__ __forceinline__ void copy_tile_to_all(void* to, const CUtensorMap* map,
                                                 uint64_t* barrier, int x, int y, int plane) {
  constexpr uint16_t everyone = (1 << kBlocksOfCluster) - 1;
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%2, %3, %4}], [%5], %6;" ::"r"(shared_address(to)),
      "l"(map), "r"(x), "r"(y), "r"(plane), "r"(shared_address(barrier)), "h"(everyone)
      : "memory");
}

// From a tensor of five dimensions: all of them but the first, x, and the last, group.
__device__ __forceinline__ void copy_groups(void* to, const CUtensorMap* map, uint64_t* barrier,
                                            int x, int group) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3, %3, %3, %4}], [%5];" ::"r"(shared_address(to)),
      "l"(map), "r"(x), "r"(0), "r"(group), "r"(shared_address(barrier))
      : "memory");
}
__device__ __forceinline__ void copy_groups_to_all(void* to, const CUtensorMap* map,
                                                   uint64_t* barrier, int x, int group) {
  constexpr uint16_t everyone = (1 << kBlocksOfCluster) - 1;
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%2, %3, %3, %3, %4}], [%5], %6;" ::"r"(shared_address(to)),
      "l"(map), "r"(x), "r"(0), "r"(group), "r"(shared_address(barrier)), "h"(everyone)
      : "memory");
}

// ---- products by a warpgroup: D [64, N] += A [64, 16] B [16, N], operands in shared memory

__device__ __forceinline__ void fence_products() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void commit_products() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Waits until at most kPending of the committed groups are running.
template <int kPending>
__device__ __forceinline__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}
// Keeps the compiler from moving accesses to sums of running products across it.
template <int kCount>
__device__ __forceinline__ void pin(float (&sums)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(sums[i])::"memory");
}

#define INKGRAD_SUMS_4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define INKGRAD_SUMS_16(d, i)                                               \
  INKGRAD_SUMS_4(d, i), INKGRAD_SUMS_4(d, i + 4), INKGRAD_SUMS_4(d, i + 8), \
      INKGRAD_SUMS_4(d, i + 12)
#define INKGRAD_SUMS_64(d, i)                                                    \
  INKGRAD_SUMS_16(d, i), INKGRAD_SUMS_16(d, i + 16), INKGRAD_SUMS_16(d, i + 32), \
      INKGRAD_SUMS_16(d, i + 48)

// sums = (adds ? sums : 0) + A B. T: bf16 or half; the majors say which dimension of an operand is
// consecutive in memory.
#define INKGRAD_PRODUCT_128(type)                                                                  \
  asm volatile(                                                                                    \
      "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"                                                 \
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." type "." type                                 \
      " {"                                                                                         \
      "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24," \
      "%25,%26,%27,%28,%29,%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,"   \
      "%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63}, %64, %65, p, 1, 1, "  \
      "%67, %68;\n}"                                                                               \
      : INKGRAD_SUMS_64(sums, 0)                                                                   \
      : "l"(a), "l"(b), "r"(int(adds)), "n"(int(kA == Major::mn)), "n"(int(kB == Major::mn)))

#define INKGRAD_PRODUCT_256(type)                                                                  \
  asm volatile(                                                                                    \
      "{\n.reg .pred p;\nsetp.ne.b32 p, %130, 0;\n"                                                \
      "wgmma.mma_async.sync.aligned.m64n256k16.f32." type "." type                                 \
      " {"                                                                                         \
      "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24," \
      "%25,%26,%27,%28,%29,%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,"   \
      "%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63,%64,%65,%66,%67,%68,"   \
      "%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,"   \
      "%91,%92,%93,%94,%95,%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,"     \
      "%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127}" \
      ","                                                                                          \
      " %128, %129, p, 1, 1, %131, %132;\n}"                                                       \
      : INKGRAD_SUMS_64(sums, 0), INKGRAD_SUMS_64(sums, 64)                                        \
      : "l"(a), "l"(b), "r"(int(adds)), "n"(int(kA == Major::mn)), "n"(int(kB == Major::mn)))

template <typename T, Major kA, Major kB>
__device__ __forceinline__ void multiply(float (&sums)[64], uint64_t a, uint64_t b, bool adds) {
  if constexpr (std::is_same_v<T, __half>) {
    INKGRAD_PRODUCT_128("f16");
  } else {
    INKGRAD_PRODUCT_128("bf16");
  }
}
template <typename T, Major kA, Major kB>
__device__ __forceinline__ void multiply(float (&sums)[128], uint64_t a, uint64_t b, bool adds) {
  if constexpr (std::is_same_v<T, __half>) {
    INKGRAD_PRODUCT_256("f16");
  } else {
    INKGRAD_PRODUCT_256("bf16");
  }
}

#undef INKGRAD_PRODUCT_128
#undef INKGRAD_PRODUCT_256
#undef INKGRAD_SUMS_4
#undef INKGRAD_SUMS_16
#undef INKGRAD_SUMS_64

// ---- registers, moved between the warpgroups of a block

template <int kRegisters>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

}  // namespace inkgrad::cuda
