// conv2d on the CPU: Winograd's filtering where a batch of 3 x 3 or 5 x 5 kernels allows it; our
// direct kernels where an image has few channels, or numbers of them that leave oneDNN's blocks
// unfilled; torch's convolution, which is oneDNN's, elsewhere.
#include "conv2d.h"

#include <ATen/ops/conv2d.h>
#include <torch/library.h>

#include "convolution_forward.h"
#include "half.h"
#include "input_gradient.h"
#include "winograd.h"

namespace inkgrad::cpu {
namespace {

// The geometry, if our kernels take it as it lies.
std::optional<Convolution> row_major_convolution(const Tensor& input, const Tensor& weight,
                                                 const OptionalTensor& bias, IntArrayRef stride,
                                                 IntArrayRef padding, IntArrayRef dilation,
                                                 int64_t groups) {
  if (!is_row_major(input) || !is_row_major(weight)) return std::nullopt;
  return plain_convolution(input, weight, bias, stride, padding, dilation, groups);
}

template <typename T>
void direct_forward(const Convolution& c, const Tensor& input, const Tensor& weight,
                    const OptionalTensor& bias, const Tensor& output) {
  const auto& table = kernels()->of<T>();
  const T* const x = input.const_data_ptr<T>();
  T* const y = output.mutable_data_ptr<T>();
  const ForwardPass<T> pass(c, weight, bias, {});
  const auto single = pass.single();
  pass.for_each(
      [&](const Piece& piece, const ForwardShare<T>& share, T* memory) {
        table.batch_forward(
            share.geometry, piece.images, x + piece.image * c.in_image(), share.weight, share.bias,
            y + piece.image * c.out_image() + piece.begin * c.out_plane(), c.out_image(), memory);
      },
      [&](const Piece& piece, const ForwardShare<T>& share, int64_t image, T* memory) {
        single(share.geometry, x + image * c.in_image(), share.weight, share.bias,
               y + image * c.out_image() + piece.begin * c.out_plane(), memory);
      });
}

Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
               IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  if (goes_through_float(input, weight, bias)) {
    return forward(input.to(at::kFloat), weight.to(at::kFloat), to_float(bias), stride, padding,
                   dilation, groups)
        .to(at::kHalf);
  }
  const auto by_torch = [&](const Tensor& images) {
    return native::conv2d(images, weight, bias, stride, padding, dilation, groups);
  };
  const auto c = row_major_convolution(input, weight, bias, stride, padding, dilation, groups);
  if (!c) return by_torch(input);
  const auto& g = c->geometry;
  return with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const bool filters = prefers_winograd<T>(*c, {});
    if (!filters && !prefers_direct_forward(*c)) return by_torch(input);
    const Tensor output =
        new_tensor({c->images, g.out_channels, g.out_height, g.out_width}, input.scalar_type());
    ImageRanges left;
    if (filters) {
      left = winograd_forward<T>(*c, input, weight, bias, output);
    } else {
      left.add(0, c->images);
    }
    for (const auto& range : left) {
      const Convolution rest{range.count, g};
      if (prefers_direct_forward(rest)) {
        direct_forward<T>(rest, range.of(input), weight, bias, range.of(output));
      } else {
        range.of(output).copy_(by_torch(range.of(input)));
      }
    }
    return output;
  });
}

template <typename T>
Gradients3 direct_backward(const Convolution& c, const Tensor& grad, const Tensor& input,
                           const Tensor& weight, std::array<bool, 3> output_mask) {
  const auto& table = kernels()->of<T>();
  const auto& g = c.geometry;
  const T *const dy = grad.const_data_ptr<T>(), *const x = data_or_null<T>(input);
  std::optional<InputGradient<T>> dx;
  std::optional<GroupSums<T>> dw;
  std::optional<GroupSums<double>> db;
  Tensor grad_input;
  if (output_mask[0] && takes_direct_grad_input<T>(c)) {
    dx.emplace(c, weight, PoolGeometry{});
  } else if (output_mask[0]) {
    grad_input = std::get<0>(
        native::conv2d_backward(grad, input, weight, {1, 1}, {g.pad_height, g.pad_width},
                                {g.dilation_height, g.dilation_width}, 1, {true, false, false}));
  }
  if (output_mask[1]) dw.emplace(c, weight.sizes(), weight.options());
  if (output_mask[2]) db.emplace(c, g.out_channels, grad.options().dtype(at::kDouble));

  // All gradients of a group while it is in the cache, unless there are more threads than groups.
  const bool goes_along =
      dx && dx->goes_image_by_image() && (dw || db) && at::get_num_threads() <= kMaxGroups;
  if (dx && !goes_along) grad_input = dx->from(dy);
  if (dw || db) {
    const int64_t elements = std::max(table.conv_backward_weight_workspace(g),
                                      goes_along ? dx->workspace() : int64_t(0));
    for_each_group(c, [&](int64_t group, int64_t n, int64_t images) {
      T* const workspace = scratch_of<T>(elements);
      const T* const of_group = dy + n * c.out_image();
      if (dw) {
        table.conv_backward_weight(g, images, of_group, x + n * c.in_image(), dw->of(group),
                                   workspace);
      }
      if (db) table.conv_backward_bias(g, images, of_group, db->of(group));
      for (int64_t image = n; goes_along && image < n + images; ++image)
        dx->write(image, dy + image * c.out_image(), workspace);
    });
  }
  if (goes_along) grad_input = dx->result();
  return {grad_input, dw ? dw->total() : Tensor(),
          db ? db->total().to(grad.scalar_type()) : Tensor()};
}

}  // namespace

bool computes_conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                     IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                     int64_t groups) {
  if (goes_through_float(input, weight, bias)) return true;
  const auto c = row_major_convolution(input, weight, bias, stride, padding, dilation, groups);
  return c && with_kernel_dtype(input.scalar_type(), [&](auto zero) {
           return prefers_winograd<decltype(zero)>(*c, {}) || prefers_direct_forward(*c);
         });
}

Gradients3 conv2d_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                           IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                           int64_t groups, std::array<bool, 3> output_mask) {
  if (goes_through_float(input, weight, std::nullopt) && is_plain(grad_output) &&
      grad_output.scalar_type() == at::kHalf) {
    return to_half(conv2d_backward(grad_output.to(at::kFloat), input.to(at::kFloat),
                                   weight.to(at::kFloat), stride, padding, dilation, groups,
                                   output_mask));
  }
  const auto c =
      row_major_convolution(input, weight, std::nullopt, stride, padding, dilation, groups);
  if (!c || !is_plain(grad_output) || grad_output.scalar_type() != input.scalar_type() ||
      grad_output.sizes() != IntArrayRef({c->images, c->geometry.out_channels,
                                          c->geometry.out_height, c->geometry.out_width})) {
    return native::conv2d_backward(grad_output, input, weight, stride, padding, dilation, groups,
                                   output_mask);
  }
  const Tensor grad = grad_output.contiguous();
  return with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const bool direct = prefers_direct(*c);
    const bool filters = output_mask[0] && winograd_takes_grad_input<T>(*c);
    Tensor grad_input, grad_weight;
    // Torch gives both gradients for little more than one of them. The weight's comes first: it
    // takes more memory, and so the input's is not there yet.
    if (output_mask[1] && (direct || filters || !output_mask[0]))
      grad_weight = winograd_grad_weight<T>(*c, grad, input);
    if (filters) grad_input = winograd_grad_input<T>(*c, grad, weight);
    const std::array<bool, 3> rest{output_mask[0] && !grad_input.defined(),
                                   output_mask[1] && !grad_weight.defined(), output_mask[2]};
    const bool only_bias = !rest[0] && !rest[1];
    Gradients3 result =
        direct || only_bias
            ? direct_backward<T>(*c, grad, input, weight, rest)
            : native::conv2d_backward(grad, input, weight, stride, padding, dilation, groups, rest);
    if (grad_input.defined()) std::get<0>(result) = grad_input;
    if (grad_weight.defined()) std::get<1>(result) = grad_weight;
    return result;
  });
}

}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("conv2d", inkgrad::cpu::forward);
  m.impl("conv2d_backward", inkgrad::cpu::conv2d_backward);
}
