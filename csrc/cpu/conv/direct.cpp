#include "direct.h"

#include <ATen/ops/empty.h>

#include <optional>

#include "../../common/trace.h"
#include "schedule.h"

namespace inkgrad::cpu {
namespace {

// By `lanes`, if it is not null, for tiles that fill its lanes, and by `single` for the others,
// whose packed weights are the same.
template <typename T>
void forward(const ConvProblem& p, const ForwardTensors& t, const ConvMemory& memory,
             const ConvForward<T>& single, const ConvForward<T>* lanes) {
  // Channels of a slice: fewer would leave register tiles unfilled.
  constexpr int64_t kMinChannels = 8;
  const int64_t channels = p.conv.out_channels;
  const Tiles tiles(p, lanes ? kernels()->of<T>().conv.lanes : 1, channels, kMinChannels);
  const auto geometry = [&](int64_t out_channels) {
    ConvGeometry slice = p.conv;
    slice.out_channels = out_channels;
    return slice;
  };
  ConvMemory of_single = memory;
  if (tiles.slices() > 1 || (lanes && tiles.any_single()))
    of_single = single.memory(geometry(at::divup(channels, tiles.slices())), p.pool);

  const Tensor packed = at::empty({tiles.slices() * of_single.packed}, t.weight.options());
  T* const to_pack = packed.mutable_data_ptr<T>();
  const T* const weight = t.weight.const_data_ptr<T>();
  const auto pack = [&](const Tile& tile) {
    single.pack(geometry(tile.channels()), weight + tile.begin * p.taps(),
                to_pack + tile.slice * of_single.packed);
  };
  // With one tile a slice, its weights are packed by the thread that needs them: reading them from
  // another core's cache takes longer (1x64x7->96 on two threads 36 to 22 us).
  const bool packs_late = tiles.count() == tiles.slices();
  for (int64_t slice = 0; slice < tiles.slices() && !packs_late; ++slice) pack(tiles.tile(slice));

  const T *const x = t.input.const_data_ptr<T>(), *const bias = data_or_null<T>(t.bias);
  T* const y = t.output.mutable_data_ptr<T>();
  uint8_t* const indices = mutable_data_or_null<uint8_t>(t.indices);
  const int64_t workspace = std::max(memory.workspace, of_single.workspace);
  tiles.for_each<T>(workspace, [&](const Tile& tile, T* thread_workspace) {
    if (packs_late) pack(tile);
    const int64_t at = tile.image * p.result_image() + tile.begin * p.result_plane();
    const auto& kernel = tile.in_lanes ? *lanes : single;
    kernel.run({geometry(tile.channels()), p.pool, tile.images, x + tile.image * p.in_image(),
                to_pack + tile.slice * of_single.packed, bias ? bias + tile.begin : nullptr, y + at,
                indices ? indices + at : nullptr, p.result_image(), thread_workspace});
  });
}

// The same of the input's gradient, whose kernels have packed weights of their own.
template <typename T>
class GradInput {
 public:
  GradInput(const ConvProblem& p, const Tensor& weight, const ConvMemory& memory,
            const ConvGradInput<T>* lanes)
      : p_(p),
        kernels_(kernels()->of<T>().conv),
        lanes_(lanes),
        tiles_(p, lanes ? kernels_.lanes : 1, p.conv.in_channels, 1),
        workspace_(memory.workspace),
        result_(new_tensor({p.images, p.conv.in_channels, p.conv.in_height, p.conv.in_width},
                           weight.scalar_type())),
        dx_(result_.template mutable_data_ptr<T>()) {
    const auto pack = [&](const ConvGradInput<T>& kernel, int64_t size) {
      const Tensor packed = at::empty({size}, weight.options());
      kernel.pack(p.conv, weight.const_data_ptr<T>(), packed.template mutable_data_ptr<T>());
      return packed;
    };
    if (lanes_) in_lanes_ = pack(*lanes_, memory.packed);
    if (tiles_.any_single()) {
      const ConvMemory of_single =
          lanes_ ? kernels_.direct_grad_input.memory(p.conv, p.pool) : memory;
      single_ = pack(kernels_.direct_grad_input, of_single.packed);
      workspace_ = std::max(workspace_, of_single.workspace);
    }
  }

  int64_t workspace() const { return workspace_; }
  const Tensor& result() const { return result_; }

  void run_tile(const BackwardTensors& t, const Tile& tile, T* workspace) const {
    ConvGeometry slice = p_.conv;
    slice.in_channels = tile.channels();
    // All packings keep the weights of an input channel together.
    const int64_t channel = p_.conv.out_channels * p_.conv.kernel_height * p_.conv.kernel_width,
                  grad = tile.image * p_.result_image();
    const uint8_t* const indices = data_or_null<uint8_t>(t.indices);
    const Tensor& packed = tile.in_lanes ? in_lanes_ : single_;
    const auto& kernel = tile.in_lanes ? *lanes_ : kernels_.direct_grad_input;
    kernel.run({slice, p_.pool, tile.images, t.grad.template const_data_ptr<T>() + grad,
                indices ? indices + grad : nullptr,
                packed.template const_data_ptr<T>() + tile.begin * channel,
                dx_ + tile.image * p_.in_image() + tile.begin * p_.in_plane(), p_.in_image(),
                workspace});
  }
  // If each image is a tile of its own.
  void run_image(const BackwardTensors& t, int64_t image, T* workspace) const {
    run_tile(t, tiles_.tile(image), workspace);
  }
  Tensor run(const BackwardTensors& t) const {
    tiles_.template for_each<T>(
        workspace_, [&](const Tile& tile, T* workspace) { run_tile(t, tile, workspace); });
    return result_;
  }

 private:
  const ConvProblem& p_;
  const ConvKernels<T>& kernels_;
  const ConvGradInput<T>* const lanes_;
  const Tiles tiles_;
  int64_t workspace_;
  const Tensor result_;
  T* const dx_;
  Tensor in_lanes_, single_;
};

template <typename T>
void add_bias_gradient(const ConvProblem& p, const T* grad, int64_t images, double* sums) {
  kernels()->of<T>().conv.grad_bias(grad, images, p.conv.out_channels, p.result_plane(), sums);
}

template <typename T>
Gradients3 backward(const char* op, const ConvProblem& p, const BackwardTensors& t,
                    const BackwardPlan& plan, std::array<bool, 3> mask) {
  const auto& k = kernels()->of<T>().conv;
  const auto& input = *plan.input.algorithm;
  const auto report = [&](std::array<bool, 3> computed, const char* kernel) {
    return trace::Run{
        op, trace::gradients(computed), kernel, p.dtype, {t.input.sizes(), t.weight.sizes()}};
  };
  // All gradients of a group while it is in the cache, unless there are more threads than groups.
  const bool others = mask[1] || mask[2],
             together = mask[0] && others && input.run == direct_grad_input &&
                        p.threads <= kMaxGroups && Tiles(p, 1, p.conv.in_channels, 1).slices() == 1;
  Tensor grad_input, grad_weight, grad_bias;
  if (mask[0] && !together) {
    grad_input = trace::run(report({true, false, false}, input.name),
                            [&] { return input.run(p, t, plan.input.memory); });
  }
  if (!others) return {grad_input, grad_weight, grad_bias};
  trace::run(report({together, mask[1], mask[2]}, "direct"), [&] {
    const T *const dy = t.grad.const_data_ptr<T>(), *const x = t.input.const_data_ptr<T>();
    std::optional<GradInput<T>> dx;
    std::optional<GroupSums<T>> dw;
    std::optional<GroupSums<double>> db;
    if (together) dx.emplace(p, t.weight, plan.input.memory, nullptr);
    if (mask[1]) dw.emplace(p, t.weight.numel());
    if (mask[2]) db.emplace(p, p.conv.out_channels);
    const int64_t workspace =
        std::max(dx ? dx->workspace() : 0, dw ? plan.weight.memory.workspace : 0);
    for_each_group(p, [&](int64_t group, int64_t first, int64_t images) {
      T* const memory = scratch_of<T>(workspace);
      const T* const grad = dy + first * p.out_image();
      if (dw) {
        k.direct_grad_weight.run({p.conv, p.pool, images, grad, nullptr, x + first * p.in_image(),
                                  dw->of(group), memory});
      }
      if (db) add_bias_gradient(p, grad, images, db->of(group));
      for (int64_t n = first; dx && n < first + images; ++n) dx->run_image(t, n, memory);
    });
    if (dx) grad_input = dx->result();
    if (dw) grad_weight = dw->total().view(t.weight.sizes());
    if (db) grad_bias = db->total().to(p.dtype);
  });
  return {grad_input, grad_weight, grad_bias};
}

}  // namespace

std::vector<ImageRange> direct_forward(const ConvProblem& p, const ForwardTensors& t,
                                       const ConvMemory& memory) {
  with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    forward<T>(p, t, memory, k.direct_forward, nullptr);
  });
  return {};
}

std::vector<ImageRange> batch_lanes_forward(const ConvProblem& p, const ForwardTensors& t,
                                            const ConvMemory& memory) {
  with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    forward<T>(p, t, memory, k.direct_forward, &k.batch_lanes_forward);
  });
  return {};
}

std::vector<ImageRange> channel_lanes_forward(const ConvProblem& p, const ForwardTensors& t,
                                              const ConvMemory& memory) {
  with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    forward<T>(p, t, memory, k.channel_lanes_forward, nullptr);
  });
  return {};
}

Tensor direct_grad_input(const ConvProblem& p, const BackwardTensors& t, const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>&) {
    return GradInput<T>(p, t.weight, memory, nullptr).run(t);
  });
}

Tensor batch_lanes_grad_input(const ConvProblem& p, const BackwardTensors& t,
                              const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    return GradInput<T>(p, t.weight, memory, &k.batch_lanes_grad_input).run(t);
  });
}

Gradients3 direct_backward(const char* op, const ConvProblem& p, const BackwardTensors& t,
                           const BackwardPlan& plan, std::array<bool, 3> output_mask) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>&) {
    return backward<T>(op, p, t, plan, output_mask);
  });
}

Tensor direct_grad_bias(const ConvProblem& p, const Tensor& grad) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>&) {
    const T* const dy = grad.const_data_ptr<T>();
    const GroupSums<double> sums(p, p.conv.out_channels);
    for_each_group(p, [&](int64_t group, int64_t first, int64_t images) {
      add_bias_gradient(p, dy + first * p.result_image(), images, sums.of(group));
    });
    return sums.total().to(p.dtype);
  });
}

}  // namespace inkgrad::cpu
