#include "winograd.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <atomic>

#include "../finite.h"
#include "../kernels/conv/winograd_scheme.h"
#include "schedule.h"

namespace inkgrad::cpu {
namespace {

ChannelRange channel_slice(int64_t channels, int64_t slice, int64_t slices) {
  const int64_t first = slice * channels / slices;
  return {first, (slice + 1) * channels / slices - first};
}

// All filters of a weight, transformed and packed.
template <typename T>
Tensor pack(const WinogradForward<T>& kernel, const ConvGeometry& g, const Filters<T>& filters,
            int64_t size) {
  constexpr int64_t kGrainFilters = 1 << 10;
  const Tensor packed = at::empty({size}, at::CppTypeToScalarType<T>::value);
  T* const to = packed.template mutable_data_ptr<T>();
  const int64_t tiles = at::divup(g.out_channels, kernel.tile_channels),
                filters_of_tile = g.out_channels * g.in_channels / tiles;
  parallel_for(0, tiles, kGrainFilters / filters_of_tile + 1, [&](int64_t begin, int64_t end) {
    kernel.pack(g, filters, begin, end - begin, to);
  });
  return packed;
}

// A bit for each image of a group in lanes.
using ImageBits = std::vector<std::atomic<uint64_t>>;

// Calls run(first image, images, rows of windows, workspace) for all groups of `lanes` images, cut
// into so many bands of rows that the threads have equal work. The images for which run returns bits
// are added to not_finite.
template <typename T, typename Run>
void for_each_band(const ConvProblem& p, int64_t images, int64_t lanes, int64_t workspace,
                   ImageBits& not_finite, Run run) {
  const int64_t groups = int64_t(not_finite.size()), rows = window_rows(p.conv, p.pool),
                operations = p.operations_per_image() * std::min(lanes, images);
  const int64_t max_bands = std::clamp<int64_t>(operations / kGrainOperations, 1, rows);
  int64_t bands = 1;
  while (bands < max_bands && groups * bands % p.threads != 0 && groups * bands < 4 * p.threads)
    ++bands;
  parallel_for(0, groups * bands, kGrainOperations * bands / operations + 1,
               [&](int64_t begin, int64_t end) {
                 T* const memory = scratch_of<T>(workspace);
                 for (int64_t k = begin; k < end; ++k) {
                   const int64_t group = k / bands, band = k % bands, image = group * lanes;
                   const int64_t row = band * rows / bands;
                   not_finite[group] |= run(image, std::min(lanes, images - image),
                                            RowRange{row, (band + 1) * rows / bands - row}, memory);
                 }
               });
}

// The images with a bit, of the first ones in groups of `lanes`, and those after them.
std::vector<ImageRange> images_left(const ConvProblem& p, int64_t images, int64_t lanes,
                                    const ImageBits& not_finite) {
  std::vector<ImageRange> left;
  const auto leave = [&](int64_t first, int64_t count) {
    if (!left.empty() && left.back().first + left.back().count == first) {
      left.back().count += count;
    } else {
      left.push_back({first, count});
    }
  };
  for (int64_t n = 0; n < images; ++n) {
    if (not_finite[n / lanes] >> n % lanes & 1) leave(n, 1);
  }
  if (images < p.images) leave(images, p.images - images);
  return left;
}

// Convolves all images of the batch, fewer than threads, one after the other. Each thread packs and
// uses the filters of a slice of the output channels: fetched from another processor's cache, they
// would take longer than the products (1x48x14->64 k3 on two threads, bands of rows: 34 us,
// slices: 22).
template <typename T>
std::vector<ImageRange> convolve_in_slices(const WinogradForward<T>& kernel, const ConvProblem& p,
                                           const T* input, const Filters<T>& filters, const T* bias,
                                           T* output, uint8_t* indices) {
  const int64_t lanes = kernels()->of<T>().conv.lanes, channels = p.conv.out_channels,
                vectors = at::divup(channels, lanes), rows = window_rows(p.conv, p.pool);
  const int64_t slices = std::clamp<int64_t>(
      std::min(p.threads, p.images * p.operations_per_image() / kGrainOperations), 1, vectors);
  ImageBits not_finite(p.images);
  parallel_for(0, slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t slice = begin; slice < end; ++slice) {
      const auto vectors_of_slice = channel_slice(vectors, slice, slices);
      const int64_t first = vectors_of_slice.first * lanes;
      ConvGeometry part = p.conv;
      part.out_channels = std::min(vectors_of_slice.count * lanes, channels - first);
      Filters<T> some = filters;
      some.data += first * filters.out_step;
      const ConvMemory memory = kernel.memory(part, p.pool);
      const Tensor packed = at::empty({memory.packed}, at::CppTypeToScalarType<T>::value);
      T* const w = packed.template mutable_data_ptr<T>();
      kernel.pack(part, some, 0, at::divup(part.out_channels, kernel.tile_channels), w);
      T* const workspace = scratch_of<T>(memory.workspace);
      for (int64_t image = 0; image < p.images; ++image) {
        const int64_t at = image * p.result_image() + first * p.result_plane();
        not_finite[image] |= kernel.run(
            {part, p.pool, 1, input + image * p.in_image(), w, bias ? bias + first : nullptr,
             output + at, indices ? indices + at : nullptr, p.result_image(), workspace},
            {0, rows});
      }
    }
  });
  return images_left(p, p.images, 1, not_finite);
}

// Convolves the first images of the batch, in groups of `lanes`, with as many filters as fit
// kMaxPackedBytes at a time.
template <typename T>
std::vector<ImageRange> convolve(const WinogradForward<T>& kernel, int64_t lanes, int64_t images,
                                 const ConvProblem& p, const T* input, const Filters<T>& filters,
                                 const T* bias, T* output, uint8_t* indices,
                                 const ConvMemory& memory) {
  if (lanes == 1 && images < p.threads)
    return convolve_in_slices<T>(kernel, p, input, filters, bias, output, indices);
  // 8x256x14->256 k3: 2 MB at a time costs another pass over the input, 1 %; half a megabyte 20 %.
  constexpr int64_t kMaxPackedBytes = 2 << 20;
  const int64_t channels = p.conv.out_channels, bytes = memory.packed * int64_t(sizeof(T)),
                slices = std::min(at::divup(bytes, kMaxPackedBytes), channels);
  ImageBits not_finite(at::divup(images, lanes));
  for (int64_t slice = 0; slice < slices; ++slice) {
    const auto [first, count] = channel_slice(channels, slice, slices);
    ConvProblem part = p;
    part.conv.out_channels = count;
    const ConvMemory needed = slices == 1 ? memory : kernel.memory(part.conv, p.pool);
    Filters<T> some = filters;
    some.data += first * filters.out_step;
    const Tensor packed = pack(kernel, part.conv, some, needed.packed);
    const T* const w = packed.template const_data_ptr<T>();
    for_each_band<T>(
        part, images, lanes, needed.workspace, not_finite,
        [&, channel = first](int64_t image, int64_t group, RowRange rows, T* workspace) {
          const int64_t at = image * p.result_image() + channel * p.result_plane();
          return kernel.run({part.conv, p.pool, group, input + image * p.in_image(), w,
                             bias ? bias + channel : nullptr, output + at,
                             indices ? indices + at : nullptr, p.result_image(), workspace},
                            rows);
        });
  }
  return images_left(p, images, lanes, not_finite);
}

// The filters of a weight, [OC, IC, KH, KW].
template <typename T>
Filters<T> filters_of(const ConvProblem& p, const Tensor& weight) {
  return {weight.const_data_ptr<T>(), p.taps(), p.conv.kernel_height * p.conv.kernel_width, false};
}

template <typename T>
std::vector<ImageRange> forward_by(const WinogradForward<T>& kernel, int64_t lanes, int64_t images,
                                   const ConvProblem& p, const ForwardTensors& t,
                                   const ConvMemory& memory) {
  return convolve<T>(kernel, lanes, images, p, t.input.const_data_ptr<T>(),
                     filters_of<T>(p, t.weight), data_or_null<T>(t.bias),
                     t.output.mutable_data_ptr<T>(), mutable_data_or_null<uint8_t>(t.indices),
                     memory);
}

// Undefined if a gradient is not finite.
template <typename T>
Tensor grad_input_by(const WinogradForward<T>& kernel, int64_t lanes, const ConvProblem& p,
                     const BackwardTensors& t, const ConvMemory& memory) {
  const auto& g = p.conv;
  const Tensor result = new_tensor({p.images, g.in_channels, g.in_height, g.in_width}, p.dtype);
  const Filters<T> filters = filters_of<T>(p, t.weight);
  const auto left =
      convolve<T>(kernel, lanes, p.images, transposed_problem(p), t.grad.const_data_ptr<T>(),
                  {filters.data, filters.in_step, filters.out_step, true}, nullptr,
                  result.mutable_data_ptr<T>(), nullptr, memory);
  return left.empty() ? result : Tensor();
}

// The weight's gradient among threads. Groups of images in lanes, and bands of their rows, are
// added to as many sums as fit kMaxBytes, whatever the number of threads. If there are more threads
// than sums, each computes a slice of the output channels, which changes no sum.
template <typename T>
class GradWeight {
 public:
  GradWeight(const ConvProblem& p, const ConvMemory& memory)
      : p_(p), kernels_(kernels()->of<T>().conv), memory_(memory) {
    // 8x256x14->256 k3 both ways: with one sum instead of two 23 to 12 MB, on two threads 7.7 to
    // 6.4 ms.
    constexpr int64_t kMaxBytes = 4 << 20, kMinOutputs = 16;
    const auto& g = p.conv;
    const int64_t groups = at::divup(p.images, kernels_.lanes), rows = window_rows(g, {});
    channel_ = memory.packed / g.out_channels;
    bands_ =
        std::min({at::divup(kMaxGroups, groups), rows, rows * window_columns(g, {}) / kMinWindows});
    parts_ = groups * bands_;
    const int64_t fit = kMaxBytes / (memory.packed * int64_t(sizeof(T)));
    sums_ = std::min(parts_, std::clamp<int64_t>(fit, 1, kMaxGroups));
    slices_ =
        std::clamp<int64_t>(at::divup(p.threads, sums_), 1, at::divup(g.out_channels, kMinOutputs));
  }

  // Over all images, in the order of the kernel.
  Tensor sums(const T* grad, const T* input) const {
    const Tensor each = at::zeros({sums_, memory_.packed}, at::CppTypeToScalarType<T>::value);
    T* const to = each.template mutable_data_ptr<T>();
    parallel_for(0, sums_ * slices_, 1, [&](int64_t begin, int64_t end) {
      T* const workspace = scratch_of<T>(memory_.workspace);
      for (int64_t task = begin; task < end; ++task) {
        const int64_t sum = task / slices_;
        const auto outs = slice(task % slices_);
        for (int64_t part = sum * parts_ / sums_; part < (sum + 1) * parts_ / sums_; ++part) {
          add(part, outs, grad, input, to + sum * memory_.packed + outs.first * channel_,
              workspace);
        }
      }
    });
    const Tensor total = each[0];
    for (int64_t sum = 1; sum < sums_; ++sum) total.add_(each[sum]);
    return total;
  }

  void unpack(const T* sums, T* grad_weight) const {
    parallel_for(0, slices_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        const auto outs = slice(k);
        kernels_.winograd_grad_weight.unpack(p_.conv, outs, sums + outs.first * channel_,
                                             grad_weight);
      }
    });
  }

 private:
  ChannelRange slice(int64_t k) const { return channel_slice(p_.conv.out_channels, k, slices_); }

  void add(int64_t part, ChannelRange outs, const T* grad, const T* input, T* sums,
           T* workspace) const {
    const int64_t rows = window_rows(p_.conv, {}), image = part / bands_ * kernels_.lanes,
                  band = part % bands_;
    const int64_t row = band * rows / bands_;
    kernels_.winograd_grad_weight.run(
        {p_.conv, PoolGeometry{}, std::min(kernels_.lanes, p_.images - image),
         grad + image * p_.out_image(), nullptr, input + image * p_.in_image(), sums, workspace},
        outs, RowRange{row, (band + 1) * rows / bands_ - row});
  }

  const ConvProblem& p_;
  const ConvKernels<T>& kernels_;
  const ConvMemory memory_;
  int64_t channel_, bands_, parts_, sums_, slices_;
};

}  // namespace

std::vector<ImageRange> winograd_forward(const ConvProblem& p, const ForwardTensors& t,
                                         const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    return forward_by(k.winograd, k.lanes, winograd_images(p), p, t, memory);
  });
}

std::vector<ImageRange> winograd_channel_lanes_forward(const ConvProblem& p,
                                                       const ForwardTensors& t,
                                                       const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    return forward_by(k.winograd_channel_lanes, 1, p.images, p, t, memory);
  });
}

ConvProblem transposed_problem(const ConvProblem& p) {
  const auto& g = p.conv;
  ConvProblem transposed = p;
  transposed.conv = {g.out_channels,
                     g.out_height,
                     g.out_width,
                     g.in_channels,
                     g.in_height,
                     g.in_width,
                     g.kernel_height,
                     g.kernel_width,
                     g.kernel_height - 1 - g.pad_height,
                     g.kernel_width - 1 - g.pad_width,
                     1,
                     1};
  return transposed;
}

Tensor winograd_grad_input(const ConvProblem& p, const BackwardTensors& t,
                           const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    return grad_input_by(k.winograd, k.lanes, p, t, memory);
  });
}

Tensor winograd_channel_lanes_grad_input(const ConvProblem& p, const BackwardTensors& t,
                                         const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>& k) {
    return grad_input_by(k.winograd_channel_lanes, 1, p, t, memory);
  });
}

Tensor winograd_grad_weight(const ConvProblem& p, const BackwardTensors& t,
                            const ConvMemory& memory) {
  return with_kernels(p, [&]<typename T>(const ConvKernels<T>&) {
    const GradWeight<T> task(p, memory);
    const Tensor total = task.sums(t.grad.const_data_ptr<T>(), t.input.const_data_ptr<T>());
    const Tensor result = at::empty(t.weight.sizes(), t.grad.options());
    task.unpack(total.template const_data_ptr<T>(), result.mutable_data_ptr<T>());
    return all_finite(result) ? result : Tensor();
  });
}

}  // namespace inkgrad::cpu
