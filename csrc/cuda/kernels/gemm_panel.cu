// C [m, n] = activation(A B^T + bias) of 16-bit matrices whose sums are short.
//
// For short sums, activation and stores of a tile take longer than its products. The warpgroups in
// gemm.cu share all tiles, so they can be apart by at most the ring, half of such a sum, and finish
// at the same time while the tensor cores are idle. Here each warpgroup has its own tiles: a panel
// of B stays in shared memory, only A is streamed, and a warpgroup that finishes a tile leaves the
// tensor cores to the two others.
//
// For sm_90a, as gemm.cu.
#include <type_traits>

#include "gemm_panel.h"

namespace inkgrad::cuda {
namespace {

constexpr int kConsumers = 3, kThreadsOfAll = (1 + kConsumers) * 128;
constexpr int kStages = 6;
constexpr int kPanelSlice = kPanelColumns * kRowBytes, kRowsSlice = kPanelRows * kRowBytes;
constexpr int kStepBytes = kSlicesPerStep * kPanelSlice;  // of the panel
constexpr int kStageBytes = kSlicesPerStep * kRowsSlice;
constexpr int kPanelBytes = kMaxPanelSteps * kStepBytes;
constexpr int kBarriers = 2 * kStages + kMaxPanelSteps + 1 + kConsumers;
constexpr int kSharedPanelBytes =
    kSwizzleBytes + kPanelBytes + kStages * kStageBytes + kBarriers * 8;

struct PanelArguments {
  PanelTiles tiles;
  GemmResult result;
};

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

struct PanelMemory {
  uint8_t *panel, *stages;
  // full: a stage is filled. empty: its warpgroup has read it in both blocks. there: a step of the
  // panel is loaded. done: all warpgroups have read the panel. turn: a warpgroup may multiply.
  uint64_t *full, *empty, *there, *done, *turn;

  __device__ explicit PanelMemory(uint8_t* memory)
      : panel(swizzled(memory)),
        stages(panel + kPanelBytes),
        full(reinterpret_cast<uint64_t*>(stages + kStages * kStageBytes)),
        empty(full + kStages),
        there(empty + kStages),
        done(there + kMaxPanelSteps),
        turn(done + 1) {}

  __device__ void init() const {
    constexpr int kWarps = 4;
    for (int i = 0; i < kStages; ++i) {
      init_barrier(&full[i], 1);
      init_barrier(&empty[i], kWarps * kBlocksOfCluster);
    }
    for (int i = 0; i < kMaxPanelSteps; ++i) init_barrier(&there[i], 1);
    init_barrier(done, kWarps * kConsumers);
    for (int i = 0; i < kConsumers; ++i) init_barrier(&turn[i], kWarps);
  }
};

__device__ __forceinline__ void copy_panels(const CUtensorMap* map_a, const CUtensorMap* map_b,
                                            const PanelTiles& tiles, const PanelMemory& memory,
                                            uint32_t rank) {
  constexpr int kRowsPerBlock = kPanelRows / kBlocksOfCluster, kGroup = interleaved_group(8);
  const int cluster = blockIdx.x / kBlocksOfCluster, end = tiles.begin(cluster + 1);
  Cursor at;
  int panel = 0;
  for (int index = tiles.begin(cluster); index < end; ++panel) {
    const int first = index, same = tiles.same_panels_end(index, end);
    const int group = int(tiles.column(index, rank) / kGroup);
    if (panel > 0) wait_barrier(memory.done, (panel - 1) % 2);
    for (; index < same; ++index) {
      const int row = int(tiles.row(index)) + int(rank) * kRowsPerBlock;
      for (int step = 0; step < tiles.steps; ++step, at.advance<kStages>()) {
        const auto of_slice = [&](int slice) {
          return (step * kSlicesPerStep + slice) * kTileDepth;
        };
        if (index == first) {
          arrive_expecting(&memory.there[step], kStepBytes);
#pragma unroll
          for (int slice = 0; slice < kSlicesPerStep; ++slice) {
            copy_groups(memory.panel + step * kStepBytes + slice * kPanelSlice, map_b,
                        &memory.there[step], of_slice(slice), group);
          }
        }
        wait_barrier(&memory.empty[at.stage], at.phase ^ 1);
        arrive_expecting(&memory.full[at.stage], kStageBytes);
        uint8_t* const rows =
            memory.stages + at.stage * kStageBytes + rank * kRowsPerBlock * kRowBytes;
#pragma unroll
        for (int slice = 0; slice < kSlicesPerStep; ++slice) {
          copy_tile_to_all(rows + slice * kRowsSlice, map_a, &memory.full[at.stage],
                           of_slice(slice), row, 0);
        }
      }
    }
  }
}

// Arrives at a barrier of this block, once a warp.
__device__ __forceinline__ void arrive_here(uint64_t* barrier, uint32_t rank) {
  if (threadIdx.x % 32 == 0) arrive_at(barrier, rank);
}

// The warpgroups multiply in turns, so that none waits for a stage that was not yet filled for the
// previous tile: a barrier distinguishes only odd and even phases.
class Turn {
 public:
  __device__ Turn(const PanelMemory& memory, int warpgroup, uint32_t rank)
      : own_(&memory.turn[warpgroup]),
        next_(&memory.turn[warpgroup + 1 == kConsumers ? 0 : warpgroup + 1]),
        rank_(rank),
        phase_(warpgroup == 0) {}  // whose first turn does not wait
  __device__ void wait() {
    wait_barrier(own_, phase_);
    phase_ ^= 1;
  }
  __device__ void pass_on() const { arrive_here(next_, rank_); }

 private:
  uint64_t *own_, *next_;
  uint32_t rank_;
  int phase_;
};

// Computes the products of a tile and releases the stages that they have read.
template <typename T>
__device__ __forceinline__ void multiply_tile(const PanelMemory& memory, int steps, bool fresh,
                                              int panel, Turn& turn, Cursor& at,
                                              float (&sums)[64]) {
  uint64_t* read = nullptr;  // the barrier of the stage whose products are running
  turn.wait();
  for (int step = 0; step < steps; ++step, at.advance<kStages>()) {
    if (fresh) wait_barrier(&memory.there[step], panel % 2);
    wait_barrier(&memory.full[at.stage], at.phase);
    const uint64_t a =
        operand_descriptor(shared_address(memory.stages) + at.stage * kStageBytes, Major::k);
    const uint64_t b =
        operand_descriptor(shared_address(memory.panel) + step * kStepBytes, Major::k);
    fence_products();
#pragma unroll
    for (int part = 0; part < kSlicesPerStep * kTileDepth / kProductDepth; ++part) {
      constexpr int kParts = kTileDepth / kProductDepth;
      const uint64_t along = part % kParts * descriptor_step(Major::k);
      multiply<T, Major::k, Major::k>(sums, a + part / kParts * (kRowsSlice / 16) + along,
                                      b + part / kParts * (kPanelSlice / 16) + along,
                                      step > 0 || part > 0);
    }
    commit_products();
    if (read) {
      wait_products<1>();
      release(read);
    }
    read = &memory.empty[at.stage];
  }
  turn.pass_on();
  wait_products<0>();
  pin(sums);
  release(read);
}

template <typename T>
__device__ __forceinline__ void multiply_panels(const PanelArguments& arguments,
                                                const PanelMemory& memory, int warpgroup,
                                                uint32_t rank) {
  const PanelTiles& tiles = arguments.tiles;
  const int cluster = blockIdx.x / kBlocksOfCluster, end = tiles.begin(cluster + 1);
  Turn turn(memory, warpgroup, rank);
  Cursor at;
  int panel = 0, whose = 0;
  for (int index = tiles.begin(cluster); index < end; ++panel) {
    const int same = tiles.same_panels_end(index, end);
    const int64_t column = tiles.column(index, rank);
    const BiasVectors<T, 64> bias(arguments.result, interleaved_start<T>(column));
    // Warpgroups without a tile too: they must not release a panel that is not loaded yet.
    wait_barrier(&memory.there[0], panel % 2);
    bool fresh = true;
    for (; index < same; ++index, whose = whose + 1 == kConsumers ? 0 : whose + 1) {
      if (whose != warpgroup) {
        at.skip<kStages>(tiles.steps);
        continue;
      }
      float sums[64];
      multiply_tile<T>(memory, tiles.steps, fresh, panel, turn, at, sums);
      fresh = false;
      finish_interleaved<T>(arguments.result, tiles.row(index), column, bias, sums);
    }
    arrive_here(memory.done, rank);
  }
}

#endif

template <typename T>
__global__ void __launch_bounds__(kThreadsOfAll, 1) INKGRAD_CLUSTER
    half_panel_kernel(const __grid_constant__ CUtensorMap map_a,
                      const __grid_constant__ CUtensorMap map_b,
                      const __grid_constant__ PanelArguments arguments) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  extern __shared__ uint8_t bytes[];
  const PanelMemory memory(bytes);
  const uint32_t rank = rank_in_cluster();
  divide_labour<40, 152>(
      [&] { memory.init(); }, [&] { copy_panels(&map_a, &map_b, arguments.tiles, memory, rank); },
      [&](int warpgroup) { multiply_panels<T>(arguments, memory, warpgroup, rank); });
#endif
}

}  // namespace

bool panel_supports(int64_t k) { return k <= kMaxPanelSteps * kSlicesPerStep * kTileDepth; }

void panel_product(Dtype dtype, const Stored& a, const Stored& b, const GemmResult& result,
                   void* stream) {
  const PanelArguments arguments{panel_tiles(result.m, result.n, a.columns, blocks_at_once()),
                                 result};
  const CUtensorMap map_a = tile_map(a, kPanelRows / kBlocksOfCluster);
  const CUtensorMap map_b = interleaved_map(b, 8, kPanelColumns);
  const auto kernel =
      dtype == Dtype::f16 ? half_panel_kernel<__half> : half_panel_kernel<__nv_bfloat16>;
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedPanelBytes);
  kernel<<<dim3(arguments.tiles.clusters * kBlocksOfCluster), kThreadsOfAll, kSharedPanelBytes,
           as_stream(stream)>>>(map_a, map_b, arguments);
  INKGRAD_LAUNCH_CHECK();
}

}  // namespace inkgrad::cuda
