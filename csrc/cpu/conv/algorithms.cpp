#include "algorithms.h"

#include <algorithm>
#include <limits>

#include "../../common/conv_checks.h"
#include "../kernels/conv/winograd_scheme.h"
#include "direct.h"
#include "pooled_gradient.h"
#include "schedule.h"
#include "winograd.h"

namespace inkgrad::cpu {
namespace {

// Figures below: benchmarks/OPTIMIZATION_LOG.md, AVX-512, one thread unless stated otherwise.

// ---- Winograd

// Fewer channels do not pay for transforming patches and outputs: the course's first layer has one.
constexpr int64_t kMinWinogradInputs = 6, kMinWinogradOutputs = 8;
constexpr int64_t kMinWinogradGradChannels = 6;
// Transforms cost about as much as a third of the products: 64x64x7->96 k3, with windows cut off,
// took 1.07 times native's speed by direct kernels, 0.94 by Winograd.
// The weight's gradient adds up the lanes of its sums as well: 32x64x7->64 k3 p1 0.7, x8
// 0.9 (both gradients 1.1).
struct Share {
  int64_t numerator, denominator;
};
constexpr Share kMaxProductsShare{2, 3}, kMaxGradWeightShare{1, 2};
// Transformed filters have to stay in the last-level cache. Where torch has 512-bit vectors, it is
// faster from 256 x 512 channels on (16x512x7->512 k3 0.86; with 256-bit vectors on both sides 1.3).
constexpr int64_t kMaxProducts = 1 << 22, kMaxWideProducts = 1 << 20;
// Half of 512-bit vectors, for batches of 6 to 8 images: 8x32x14->32 k3 1.2 times native's speed,
// 8x64x14->64 0.9, 8x128x14->128 0.9, 8x256x7->256 0.7.
constexpr int64_t kMaxHalfVectorInputs = 48;
// More filters than these have to be transformed for enough windows: 32 windows of 256x4->256 k3
// 0.8 to 1.1, 64 windows 1.15. Torch's own preparations take longer than few filters: 8 windows of
// 64x2->64 1.2 to 1.5.
constexpr int64_t kMaxCheapFilters = 1 << 12, kMinBatchWindows = 48;
// A batch runs as a whole if this part of the lanes is filled: batches of 6 and more with half
// vectors of 8 images.
constexpr int64_t kFilledLanesNumerator = 3, kFilledLanesDenominator = 4;

// ---- direct kernels

// Images are distributed to threads: torch divides a few large ones more finely.
constexpr int64_t kMaxImageOperations = 16 * kGrainOperations;
// oneDNN computes in blocks of 16 channels with AVX-512, of 8 without (4x24x28->24 k3 p1 with AVX2
// both ways 0.75). Unless they are filled, direct kernels are 1.2 to 4 times as fast up to 56
// channels (10, 20, 24, 36, 50: 95 to 105 GFLOP/s for 30 to 60).
constexpr int64_t kMinTorchBlock = 8, kMaxUnfilledInputs = 56;
// Filled, oneDNN reaches 105 GFLOP/s from 8 channels on (3x3), with 25 taps and more later.
constexpr int64_t kMaxFilledInputs = 8, kLargeKernelTaps = 25, kMaxLargeKernelInputs = 32;
// Torch computes 1x1 convolutions of fewer images as matrix products: 8x20x14->40 0.7, 16x10x14->20
// 3.3, 64x20x14->40 2.8.
constexpr int64_t kMinSingleTapImages = 16;
// oneDNN reorders weights at every call. A single image, forward: 1x48x14->64 k3 160 to 145 us; not
// with 64 channels, nor with rows of 5, too short for vectors of pixels. Both gradients are torch's:
// 1x32x64->16 k3 p1 0.8, 1x32x28->64 0.7, with AVX2 0.8 and 0.7.
constexpr int64_t kMaxSingleInputs = 48, kMinSingleWidth = 8;
// With output channels in lanes rows are short enough up to these widths (1x64x7->96 k3 68 to 36
// us); 1x128x14->128 is as fast in torch.
constexpr int64_t kMaxChannelLanesInputs = 256;
constexpr int64_t kNarrowInputs = 64, kMaxNarrowInputsWidth = 24, kMaxWideInputsWidth = 10;
// Sums that hide the latency of an addition.
constexpr int64_t kMinChannelLanesSums = 6;
// A pool behind torch's convolution writes and reads its output again: with one, direct kernels are
// ahead up to 128 channels (64x64x28->64 k3 2.1 times).
constexpr int64_t kMaxPooledInputs = 128;
// A batch in lanes: results have to be worth transposing.
constexpr int64_t kMinBatchLanesTaps = 48;
constexpr int64_t kMaxBatchLanesWorkspace = 4 << 20;
// The input's gradient is summed in a plane, which has to stay in the L2 cache.
constexpr int64_t kMaxGradInputWorkspace = 1 << 19;

// ---- gradients from the pooled gradient

// Smaller windows leave out too little; with fewer channels patches are too short to add to memory.
constexpr int64_t kMinSparseWindow = 3, kMinSparseInputs = 5;
// Elements of packed weights and lists, which have to stay in the L2 cache.
constexpr int64_t kMaxSparseElements = (1 << 18) - 1;

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// ---- predicates of several algorithms

int64_t lanes(const ConvProblem& p) {
  return with_kernels(p, [](const auto& k) { return k.lanes; });
}

// Images of the narrowest vectors that Winograd uses.
int64_t winograd_lanes(const ConvProblem& p) {
  return with_kernels(p, [](const auto& k) { return k.winograd_lanes; });
}

// Whether there are enough images for the threads, or too little work to divide them.
bool divides_among_threads(const ConvProblem& p) {
  return p.images >= p.threads || p.operations_per_image() <= kMaxImageOperations;
}

// The same without a pool, and unless torch computes a product of matrices.
bool may_beat_torch(const ConvProblem& p) {
  const bool has_taps = p.conv.kernel_height * p.conv.kernel_width > 1;
  return divides_among_threads(p) && (has_taps || p.images >= kMinSingleTapImages);
}

// Whether direct kernels are faster than torch forward and backward.
bool prefers_direct(const ConvProblem& p) {
  const auto& g = p.conv;
  if (!may_beat_torch(p)) return false;
  const int64_t block = std::max<int64_t>(kernels()->f32.conv.lanes, kMinTorchBlock);
  const bool is_large = g.kernel_height * g.kernel_width >= kLargeKernelTaps,
             fills_blocks = g.in_channels % block == 0 && g.out_channels % block == 0;
  return g.in_channels <= kMaxFilledInputs ||
         (is_large && g.in_channels <= kMaxLargeKernelInputs) ||
         (g.in_channels <= kMaxUnfilledInputs && !fills_blocks);
}

// Whether they are forward.
bool prefers_direct_forward(const ConvProblem& p) {
  const auto& g = p.conv;
  return prefers_direct(p) || (p.images == 1 && may_beat_torch(p) &&
                               g.in_channels <= kMaxSingleInputs && g.out_width >= kMinSingleWidth);
}

// Whether Winograd takes the convolution and needs at most a share of its products. Windows that
// are cut off, and rows of padding, cost what whole ones do.
bool saves_products(const ConvGeometry& g, const PoolGeometry& pool, int64_t pixels,
                    Share max_share) {
  const bool has_scheme = g.kernel_height == g.kernel_width &&
                          (g.kernel_width == 3 || g.kernel_width == 5) && g.dilation_height == 1 &&
                          g.dilation_width == 1;
  if (!has_scheme) return false;
  const int64_t products = products_of_kernel(g),
                windows = window_rows(g, pool) * window_columns(g, pool);
  return max_share.denominator * products * windows <=
         max_share.numerator * pixels * g.kernel_height * g.kernel_width;
}

// Whether the filters are few enough, and used often enough, to be transformed at every call. With
// a pool they are, since torch's would be a pass of its own.
bool transforms_pay(const ConvProblem& p) {
  const auto& g = p.conv;
  const int64_t filters = g.in_channels * g.out_channels,
                products = filters * products_of_kernel(g);
  if (p.pools()) return products <= kMaxProducts;
  const bool is_wide = winograd_lanes(p) < lanes(p);
  return products <= (is_wide ? kMaxWideProducts : kMaxProducts) &&
         (!is_wide || winograd_images(p) > winograd_lanes(p) ||
          g.in_channels <= kMaxHalfVectorInputs) &&
         (filters <= kMaxCheapFilters ||
          p.images * window_rows(g, {}) * window_columns(g, {}) >= kMinBatchWindows);
}

// The memory that a kernel of the table needs.
template <auto kernel>
ConvMemory memory(const ConvProblem& p) {
  return with_kernels(p, [&](const auto& k) { return kernel(k).memory(p.conv, p.pool); });
}

// ---- forward

// The conditions of Winograd, whatever is in lanes.
bool has_winograd_windows(const ConvProblem& p) {
  return (!p.pools() || (p.pool.window_height == 2 && p.pool.window_width == 2)) &&
         p.conv.in_channels >= kMinWinogradInputs &&
         saves_products(p.conv, p.pool, std::min(p.in_plane(), p.out_plane()), kMaxProductsShare);
}

// Any number of images, if a vector of inputs is filled, and seven eighths of those of outputs:
// 1x48x14->64 k3 1.6 times the speed of direct kernels, 1x64x28->64 2.1 times native's, with AVX2 2.1
// and 2.0. Batches that fill vectors are as fast in lanes themselves, and come first.
bool supports_winograd_channel_lanes(const ConvProblem& p) {
  const auto& g = p.conv;
  const int64_t outputs = at::divup(g.out_channels, lanes(p)) * lanes(p);
  return g.kernel_height == 3 && has_winograd_windows(p) && g.in_channels >= lanes(p) &&
         g.out_channels * 8 >= outputs * 7 &&
         g.in_channels * g.out_channels * products_of_kernel(g) <= kMaxProducts;
}

bool supports_winograd(const ConvProblem& p) {
  const bool half_vectors = winograd_images(p) <= winograd_lanes(p) && winograd_lanes(p) < lanes(p);
  if (half_vectors && p.conv.out_channels > lanes(p) && supports_winograd_channel_lanes(p))
    return false;
  return has_winograd_windows(p) && p.conv.out_channels >= kMinWinogradOutputs &&
         winograd_images(p) > 0 && transforms_pay(p);
}

// Whether the output channels fill vectors of so many lanes, and a register tile has sums enough.
bool fills_channel_lanes(const ConvProblem& p, int64_t lanes) {
  return with_kernels(p, [&](const auto& k) {
    const int64_t vectors = at::divup(p.conv.out_channels, lanes),
                  sums = std::min(vectors, k.channel_tile_vectors) *
                         std::min(p.conv.out_width, k.channel_tile_columns);
    return k.registers == 32 && p.conv.out_channels * 8 >= vectors * lanes * 7 &&
           sums >= kMinChannelLanesSums;
  });
}

bool supports_direct(const ConvProblem& p) {
  if (!p.pools()) return prefers_direct_forward(p);
  // The few images that Winograd leaves are pooled where their outputs belong. Other layouts than
  // row-major have to be copied, which pays where the direct kernels alone do.
  return p.is_remainder || (divides_among_threads(p) && p.conv.in_channels <= kMaxPooledInputs &&
                            (p.row_major || prefers_direct_forward(p)));
}

bool supports_batch_lanes(const ConvProblem& p) {
  const auto& g = p.conv;
  if (!fills_lanes(p.images, lanes(p)) || !supports_direct(p)) return false;
  if (p.pools()) return p.pool.window_height == 2 && p.pool.window_width == 2;
  // Rows that leave more than an eighth of the lanes of half vectors idle.
  const int64_t half = lanes(p) / 2, filled = at::divup(g.out_width, half) * half;
  return p.taps() >= kMinBatchLanesTaps && filled * 8 > g.out_width * 9;
}

bool supports_channel_lanes(const ConvProblem& p) {
  const auto& g = p.conv;
  if (!fills_channel_lanes(p, lanes(p))) return false;
  if (supports_direct(p)) return true;
  // A single image, even where backward is torch's: under one rule for both directions, forward and
  // backward together took 1.06 to 1.25 times native's time, with torch's backward 0.93 to 0.96.
  const int64_t max_width =
      g.in_channels <= kNarrowInputs ? kMaxNarrowInputsWidth : kMaxWideInputsWidth;
  return !p.pools() && p.images == 1 && may_beat_torch(p) &&
         g.in_channels <= kMaxChannelLanesInputs && g.out_width <= max_width &&
         fills_channel_lanes(p, kernels()->f32.conv.lanes);
}

// Alone or with a pool, by the rules above.
constexpr ForwardAlgorithm kForward[] = {
    {"winograd", supports_winograd, memory<[](const auto& k) { return k.winograd; }>, kNoLimit,
     winograd_forward},
    {"winograd:channel_lanes", supports_winograd_channel_lanes,
     memory<[](const auto& k) { return k.winograd_channel_lanes; }>, kNoLimit,
     winograd_channel_lanes_forward},
    {"direct:batch_lanes", supports_batch_lanes,
     memory<[](const auto& k) { return k.batch_lanes_forward; }>, kMaxBatchLanesWorkspace,
     batch_lanes_forward},
    {"direct:channel_lanes", supports_channel_lanes,
     memory<[](const auto& k) { return k.channel_lanes_forward; }>, kNoLimit,
     channel_lanes_forward},
    {"direct", supports_direct, memory<[](const auto& k) { return k.direct_forward; }>, kNoLimit,
     direct_forward},
    {"torch", nullptr, nullptr, 0, nullptr},
};

// ---- gradient of the input

// That is the Winograd convolution of the output's gradient with flipped filters.
template <auto supports>
bool supports_transposed(const ConvProblem& p) {
  const auto& g = p.conv;
  return g.pad_height < g.kernel_height && g.pad_width < g.kernel_width && g.dilation_height == 1 &&
         g.dilation_width == 1 && supports(transposed_problem(p));
}

bool supports_winograd_grad_input(const ConvProblem& p) {
  return winograd_images(p) == p.images && supports_transposed<supports_winograd>(p);
}

bool supports_direct_grad_input(const ConvProblem& p) {
  return prefers_direct(p) && with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
           return k.direct_grad_input.memory(p.conv, {}).workspace * int64_t(sizeof(T)) <=
                  kMaxGradInputWorkspace;
         });
}

bool supports_batch_lanes_grad_input(const ConvProblem& p) {
  const int64_t width = p.conv.kernel_width;
  return (width == 3 || width == 5) && p.conv.dilation_width == 1 &&
         fills_lanes(p.images, lanes(p)) && supports_direct_grad_input(p);
}

template <auto kernel>
ConvMemory transposed_memory(const ConvProblem& p) {
  return memory<kernel>(transposed_problem(p));
}

constexpr GradientAlgorithm kGradInput[] = {
    {"winograd", supports_winograd_grad_input,
     transposed_memory<[](const auto& k) { return k.winograd; }>, kNoLimit, winograd_grad_input},
    {"winograd:channel_lanes", supports_transposed<supports_winograd_channel_lanes>,
     transposed_memory<[](const auto& k) { return k.winograd_channel_lanes; }>, kNoLimit,
     winograd_channel_lanes_grad_input},
    {"direct:batch_lanes", supports_batch_lanes_grad_input,
     memory<[](const auto& k) { return k.batch_lanes_grad_input; }>, kMaxBatchLanesWorkspace,
     batch_lanes_grad_input, true},
    {"direct", supports_direct_grad_input,
     memory<[](const auto& k) { return k.direct_grad_input; }>, kNoLimit, direct_grad_input, true},
    {"torch", nullptr, nullptr, 0, nullptr},
};

// Whether the products that zeros leave out pay for lists of the others.
bool supports_sparse(const ConvProblem& p) {
  return p.pool.window_height * p.pool.window_width >= kMinSparseWindow &&
         with_kernels(p, [&](const auto& k) {
           const ConvMemory weight = k.pooled_grad_weight.memory(p.conv, p.pool),
                            input = k.pooled_grad_input.memory(p.conv, p.pool);
           return std::max({weight.workspace, weight.packed, input.workspace}) <=
                  kMaxSparseElements;
         });
}

bool supports_sparse_grad_input(const ConvProblem& p) {
  return p.conv.in_channels >= kMinSparseInputs && supports_sparse(p);
}

// Torch: from the gradient of the pool's input, by kGradInput.
constexpr GradientAlgorithm kPooledGradInput[] = {
    {"pooled:sparse", supports_sparse_grad_input,
     memory<[](const auto& k) { return k.pooled_grad_input; }>, kNoLimit, sparse_grad_input},
    {"direct:batch_lanes", supports_batch_lanes_grad_input,
     memory<[](const auto& k) { return k.batch_lanes_grad_input; }>, kMaxBatchLanesWorkspace,
     batch_lanes_grad_input},
    {"direct", supports_direct_grad_input,
     memory<[](const auto& k) { return k.direct_grad_input; }>, kNoLimit, direct_grad_input},
    {"torch", nullptr, nullptr, 0, nullptr},
};

// ---- gradient of the weight

bool supports_winograd_grad_weight(const ConvProblem& p) {
  const auto& g = p.conv;
  return winograd_images(p) == p.images &&
         std::min(g.in_channels, g.out_channels) >= kMinWinogradGradChannels &&
         window_rows(g, {}) * window_columns(g, {}) >= kMinWindows &&
         saves_products(g, {}, p.out_plane(), kMaxGradWeightShare) &&
         g.in_channels * g.out_channels * products_of_kernel(g) <= kMaxProducts;
}

constexpr GradientAlgorithm kGradWeight[] = {
    {"winograd", supports_winograd_grad_weight,
     memory<[](const auto& k) { return k.winograd_grad_weight; }>, kNoLimit, winograd_grad_weight},
    {"direct", prefers_direct, memory<[](const auto& k) { return k.direct_grad_weight; }>, kNoLimit,
     nullptr, true},
    {"torch", nullptr, nullptr, 0, nullptr},
};

constexpr GradientAlgorithm kPooledGradWeight[] = {
    {"pooled:sparse", supports_sparse, memory<[](const auto& k) { return k.pooled_grad_weight; }>,
     kNoLimit, sparse_grad_weight},
    {"torch", nullptr, nullptr, 0, nullptr},
};

template <typename A>
Choice<A> choose(const A* algorithm, const ConvProblem& p) {
  for (; algorithm->supports != nullptr; ++algorithm) {
    if (!algorithm->supports(p)) continue;
    const ConvMemory memory = algorithm->memory(p);
    if (memory.workspace <= algorithm->max_workspace / int64_t(c10::elementSize(p.dtype)))
      return {algorithm, memory};
  }
  return {algorithm, {}};
}

}  // namespace

ForwardChoice choose_forward(const ConvProblem& p, const ForwardAlgorithm* after) {
  return choose(after ? after + 1 : kForward, p);
}
GradientChoice choose_grad_input(const ConvProblem& p, const GradientAlgorithm* after) {
  return choose(after ? after + 1 : p.pools() ? kPooledGradInput : kGradInput, p);
}
GradientChoice choose_grad_weight(const ConvProblem& p, const GradientAlgorithm* after) {
  return choose(after ? after + 1 : p.pools() ? kPooledGradWeight : kGradWeight, p);
}

BackwardPlan plan_backward(const ConvProblem& p, std::array<bool, 3> output_mask) {
  const bool direct = prefers_direct(p);
  const GradientChoice torch{std::end(kGradInput) - 1, {}};
  const GradientChoice input = output_mask[0] ? choose_grad_input(p) : torch,
                       weight = output_mask[1] ? choose_grad_weight(p) : torch;
  // Torch gives both gradients for little more than one of them.
  const bool torch_gives_both =
      output_mask[0] && output_mask[1] && !direct && (input.is_torch() || weight.is_torch());
  return torch_gives_both ? BackwardPlan{torch, torch, true} : BackwardPlan{input, weight, !direct};
}

bool supports_unfused(const Tensor& input, const Tensor& weight, const ConvOptions& options,
                      IntArrayRef kernel_size) {
  const auto [height, width] = output_size(input, weight, options);
  return kernels() && input.is_floating_point() && input.numel() > 0 && weight.numel() > 0 &&
         height >= first(kernel_size) && width >= second(kernel_size);
}

int64_t winograd_images(const ConvProblem& p) {
  const int64_t lanes = winograd_lanes(p);
  return kFilledLanesNumerator * (at::divup(p.images, lanes) * lanes) <=
                 kFilledLanesDenominator * p.images
             ? p.images
             : p.images / lanes * lanes;
}

}  // namespace inkgrad::cpu
