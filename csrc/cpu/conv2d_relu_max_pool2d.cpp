// conv2d_relu_max_pool2d on the CPU: in one pass where the direct kernels take the convolution,
// behind torch's elsewhere; backward straight from the maxima where that leaves out enough.
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <atomic>

#include "conv2d.h"
#include "convolution_forward.h"
#include "input_gradient.h"
#include "winograd.h"

namespace inkgrad::cpu {
namespace {

// Straight from a pooled gradient: below this many places in a window there is too little to leave
// out, and below this many channels a patch is too short to add to in memory.
constexpr int64_t kFewestPlaces = 3;
constexpr int64_t kFewestScatteredChannels = 5;
// Packed weights and lists have to stay in the second-level cache.
constexpr int64_t kMostPooledElements = 1 << 18;

// Calls f(first, count) for pieces of the first dimension of a tensor of a half type, which go
// through float, as it holds them exactly: not all at once, for the memory's sake.
template <typename F>
void for_each_float_piece(const Tensor& half, F f) {
  constexpr int64_t kPieceElements = 1 << 17;
  const int64_t rows = half.size(0), row = half.numel() / std::max<int64_t>(rows, 1),
                at_once = kPieceElements / std::max<int64_t>(row, 1) + 1;
  for (int64_t first = 0; first < rows; first += at_once) f(first, std::min(at_once, rows - first));
}

at::MemoryFormat format_of(const Tensor& t) {
  return t.suggest_memory_format() == at::MemoryFormat::ChannelsLast
             ? at::MemoryFormat::ChannelsLast
             : at::MemoryFormat::Contiguous;
}

// relu(max_pool2d(from)) and the places of the maxima, all in one layout.
void relu_pool(const Tensor& from, const PoolGeometry& pool, const Tensor& output,
               const Tensor& indices) {
  const int64_t height = from.size(-2), width = from.size(-1);
  // What a call of a kernel takes: a plane, or an image of all its channels.
  const bool channels_last = format_of(from) == at::MemoryFormat::ChannelsLast;
  const int64_t channels = channels_last ? from.size(1) : 1;
  const int64_t piece = height * width * channels,
                pooled = pool.out_height * pool.out_width * channels;
  with_kernel_dtype(from.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const T* const x = from.const_data_ptr<T>();
    T* const y = output.mutable_data_ptr<T>();
    uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
    at::parallel_for(0, from.numel() / piece, kGrainElements / piece + 1,
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         if (channels_last) {
                           table.relu_pool_channels_last(pool, x + i * piece, channels, width,
                                                         y + i * pooled, places + i * pooled);
                         } else {
                           table.relu_pool(pool, x + i * piece, height, width, y + i * pooled,
                                           places + i * pooled);
                         }
                       }
                     });
  });
}

// The same of what torch convolved, in the layout that it has.
Gradients2 relu_pool_convolved(const Tensor& convolved, IntArrayRef kernel_size) {
  const auto format = format_of(convolved);
  const auto pool = pool_geometry(convolved.size(-2), convolved.size(-1), kernel_size);
  auto sizes = convolved.sizes().vec();
  sizes[sizes.size() - 2] = pool.out_height;
  sizes[sizes.size() - 1] = pool.out_width;
  const Tensor output = at::empty(sizes, convolved.options(), format);
  const Tensor indices = at::empty(sizes, convolved.options().dtype(at::kByte), format);
  if (is_kernel_dtype(convolved.scalar_type())) {
    relu_pool(convolved.contiguous(format), pool, output, indices);
  } else {
    for_each_float_piece(convolved, [&](int64_t first, int64_t count) {
      const Tensor from = convolved.narrow(0, first, count).to(at::kFloat).contiguous(format),
                   to = output.narrow(0, first, count),
                   pooled = at::empty(to.sizes(), from.options(), format);
      relu_pool(from, pool, pooled, indices.narrow(0, first, count));
      to.copy_(pooled);
    });
  }
  return {output, indices};
}

template <typename T>
void direct_pool_forward(const Convolution& c, const PoolGeometry& pool, const Tensor& images,
                         const Tensor& filters, const OptionalTensor& bias, const Tensor& output,
                         const Tensor& indices) {
  const auto& table = kernels()->of<T>();
  const T* const x = images.const_data_ptr<T>();
  T* const y = output.mutable_data_ptr<T>();
  uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
  const int64_t pooled = pool.out_height * pool.out_width;
  const auto place = [&](int64_t image, int64_t channel) {
    return (image * c.geometry.out_channels + channel) * pooled;
  };
  const ForwardPass<T> pass(c, filters, bias, pool);
  const auto single = pass.single_pooled();
  pass.for_each(
      [&](const Piece& piece, const ForwardShare<T>& share, T* memory) {
        const int64_t to = place(piece.image, piece.begin);
        table.batch_relu_pool_forward(share.geometry, pool, piece.images,
                                      x + piece.image * c.in_image(), share.weight, share.bias,
                                      y + to, places + to, place(1, 0), memory);
      },
      [&](const Piece& piece, const ForwardShare<T>& share, int64_t image, T* memory) {
        const int64_t to = place(image, piece.begin);
        single(share.geometry, pool, x + image * c.in_image(), share.weight, share.bias, y + to,
               places + to, memory);
      });
}

Gradients2 pool_forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                        int64_t groups, IntArrayRef kernel_size) {
  check_window(kernel_size);
  const auto c = plain_convolution(input, weight, bias, stride, padding, dilation, groups);
  const auto pool = c ? pool_geometry(c->geometry.out_height, c->geometry.out_width, kernel_size)
                      : PoolGeometry{};
  const bool has_windows = pool.out_height > 0 && pool.out_width > 0;
  const bool filters = has_windows && with_kernel_dtype(input.scalar_type(), [&](auto zero) {
                         return prefers_winograd<decltype(zero)>(*c, pool);
                       });
  // Channels last, torch's convolution and pool lose little by being two.
  const bool is_ours =
      has_windows &&
      (filters || (prefers_direct_pooled(*c) && (is_row_major(input) || prefers_direct(*c))));
  if (!is_ours) {
    const Tensor convolved =
        inkgrad::conv2d(input, weight, bias, stride, padding, dilation, groups);
    const bool pools = kernels() && convolved.is_floating_point() && convolved.numel() > 0 &&
                       convolved.size(-2) >= first(kernel_size) &&
                       convolved.size(-1) >= second(kernel_size);
    if (pools) return relu_pool_convolved(convolved, kernel_size);
    return native::conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups,
                                          kernel_size);
  }
  const auto& g = c->geometry;
  // A copy, if they are not row-major, costs little beside what the kernels save.
  const Tensor images = input.contiguous(), taps = weight.contiguous();
  const Tensor output =
      new_tensor({c->images, g.out_channels, pool.out_height, pool.out_width}, input.scalar_type());
  const Tensor indices = at::empty(output.sizes(), input.options().dtype(at::kByte));
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    ImageRanges left;
    if (filters) {
      left = winograd_relu_pool_forward<T>(*c, pool, images, taps, bias, output, indices);
    } else {
      left.add(0, c->images);
    }
    for (const auto& range : left) {
      direct_pool_forward<T>({range.count, g}, pool, range.of(images), taps, bias, range.of(output),
                             range.of(indices));
    }
  });
  const auto format = input.suggest_memory_format();
  return {output.contiguous(format), indices.contiguous(format)};
}

// What the relu lets through of the gradient, [.., PH, PW].
Tensor through_relu(const Tensor& grad_output, const Tensor& output) {
  const auto dtype = is_kernel_dtype(output.scalar_type()) ? output.scalar_type() : at::kFloat;
  const Tensor grad = grad_output.to(dtype).contiguous(), y = output.to(dtype).contiguous();
  const Tensor result = grad.is_same(grad_output) ? at::empty_like(grad) : grad;
  with_kernel_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *const dy = grad.const_data_ptr<T>(), *const passed = y.const_data_ptr<T>();
    T* const to = result.mutable_data_ptr<T>();
    at::parallel_for(0, grad.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
      kernels()->of<T>().activation_backward(dy + begin, passed + begin, Activation::relu,
                                             to + begin, end - begin);
    });
  });
  return result;
}

// The gradient before the pool, [.., OH, OW], from the one behind it.
void unpool(const Tensor& grad, const Tensor& places, const PoolGeometry& pool,
            const Tensor& result) {
  const int64_t height = result.size(-2), width = result.size(-1);
  with_kernel_dtype(grad.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const T* const dy = grad.const_data_ptr<T>();
    const uint8_t* const where = places.const_data_ptr<uint8_t>();
    T* const dz = result.mutable_data_ptr<T>();
    const int64_t plane = height * width, pooled = pool.out_height * pool.out_width;
    at::parallel_for(0, grad.numel() / pooled, kGrainElements / plane + 1,
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         table.pool_backward(pool, dy + i * pooled, where + i * pooled, height,
                                             width, dz + i * plane);
                       }
                     });
  });
}

// The gradient with respect to the convolution's output, in the dtype of that.
Tensor unpooled(const Tensor& grad, const Tensor& indices, int64_t height, int64_t width,
                const PoolGeometry& pool, at::ScalarType dtype) {
  const Tensor places = indices.contiguous();
  auto sizes = grad.sizes().vec();
  sizes[sizes.size() - 2] = height;
  sizes[sizes.size() - 1] = width;
  const Tensor result = at::empty(sizes, grad.options().dtype(dtype));
  if (dtype == grad.scalar_type()) {
    unpool(grad, places, pool, result);
  } else {
    for_each_float_piece(result, [&](int64_t first, int64_t count) {
      const Tensor to = result.narrow(0, first, count),
                   piece = at::empty(to.sizes(), grad.options());
      unpool(grad.narrow(0, first, count), places.narrow(0, first, count), pool, piece);
      to.copy_(piece);
    });
  }
  return result;
}

template <typename T>
bool all_finite(const Tensor& t) {
  const T* const x = t.const_data_ptr<T>();
  std::atomic<bool> finite{true};
  at::parallel_for(0, t.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
    if (!kernels()->of<T>().all_finite(x + begin, end - begin)) finite = false;
  });
  return finite;
}

// Whether the kernels that go straight from the pooled gradient take it, and leave out enough.
template <typename T>
bool takes_pooled_gradient(const Convolution& c, const PoolGeometry& pool) {
  const auto& table = kernels()->of<T>();
  return pool.window_height * pool.window_width >= kFewestPlaces &&
         table.pooled_weight_workspace(c.geometry, pool) < kMostPooledElements &&
         table.pooled_input_workspace(c.geometry, pool) < kMostPooledElements &&
         table.pooled_weight_sums(c.geometry) < kMostPooledElements;
}

template <typename T>
Tensor pooled_grad_weight(const Convolution& c, const PoolGeometry& pool, const Tensor& grad,
                          const Tensor& places, const Tensor& input) {
  const auto& g = c.geometry;
  const auto& table = kernels()->of<T>();
  const T *const dy = grad.const_data_ptr<T>(), *const x = input.const_data_ptr<T>();
  const uint8_t* const where = places.const_data_ptr<uint8_t>();
  const int64_t elements = table.pooled_weight_workspace(c.geometry, pool);
  const int64_t pooled = g.out_channels * pool.out_height * pool.out_width;
  const GroupSums<T> sums(c, table.pooled_weight_sums(g), grad.options());
  for_each_group(c, [&](int64_t group, int64_t n, int64_t images) {
    table.pooled_backward_weight(c.geometry, pool, images, dy + n * pooled, where + n * pooled,
                                 x + n * c.in_image(), sums.of(group), scratch_of<T>(elements));
  });
  const Tensor grad_weight =
      at::empty({g.out_channels, g.in_channels, g.kernel_height, g.kernel_width}, grad.options());
  table.pooled_unpack_weight(c.geometry, sums.total().template const_data_ptr<T>(),
                             grad_weight.mutable_data_ptr<T>());
  return grad_weight;
}

template <typename T>
Tensor pooled_grad_input(const Convolution& c, const PoolGeometry& pool, const Tensor& grad,
                         const Tensor& places, const Tensor& weight) {
  const auto& g = c.geometry;
  const auto& table = kernels()->of<T>();
  const Tensor packed = at::empty({table.pooled_weight_sums(c.geometry)}, weight.options());
  const Tensor grad_input =
      new_tensor({c.images, g.in_channels, g.in_height, g.in_width}, grad.scalar_type());
  table.pooled_pack_weight(c.geometry, weight.const_data_ptr<T>(), packed.mutable_data_ptr<T>());
  const T *const dy = grad.const_data_ptr<T>(), *const w = packed.const_data_ptr<T>();
  const uint8_t* const where = places.const_data_ptr<uint8_t>();
  T* const dx = grad_input.mutable_data_ptr<T>();
  const int64_t pooled = g.out_channels * pool.out_height * pool.out_width;
  Pieces(c, 1, 1, 1)
      .for_each<T>(
          table.pooled_input_workspace(c.geometry, pool), [&](const Piece& piece, T* workspace) {
            const int64_t n = piece.image;
            table.pooled_backward_input(c.geometry, pool, dy + n * pooled, where + n * pooled, w,
                                        dx + n * c.in_image(), workspace);
          });
  return grad_input;
}

// The sum over a plane, of which the pooled one has all that is not zero.
template <typename T>
Tensor pooled_grad_bias(const Convolution& c, const PoolGeometry& pool, const Tensor& grad) {
  ConvGeometry planes = c.geometry;
  planes.out_height = pool.out_height;
  planes.out_width = pool.out_width;
  const int64_t image = planes.out_channels * pool.out_height * pool.out_width;
  const T* const dy = grad.const_data_ptr<T>();
  const GroupSums<double> sums(c, planes.out_channels, grad.options().dtype(at::kDouble));
  for_each_group(c, [&](int64_t group, int64_t n, int64_t images) {
    kernels()->of<T>().conv_backward_bias(planes, images, dy + n * image, sums.of(group));
  });
  return sums.total().to(grad.scalar_type());
}

Gradients3 pool_backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                         const Tensor& output, const Tensor& indices, IntArrayRef stride,
                         IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                         IntArrayRef kernel_size, std::array<bool, 3> output_mask) {
  check_window(kernel_size);
  const bool agrees = kernels() && output.numel() > 0 && input.numel() > 0 &&
                      is_plain(grad_output) && is_plain(output) && is_plain(indices) &&
                      grad_output.sizes() == output.sizes() && indices.sizes() == output.sizes() &&
                      grad_output.scalar_type() == output.scalar_type() &&
                      indices.scalar_type() == at::kByte;
  if (!agrees) {
    return native::conv2d_relu_max_pool2d_backward(grad_output, input, weight, output, indices,
                                                   stride, padding, dilation, groups, kernel_size,
                                                   output_mask);
  }
  const auto extent = [&](int64_t dim, int64_t pad, int64_t spread, int64_t step) {
    return (input.size(dim - 4) + 2 * pad - spread * (weight.size(dim) - 1) - 1) / step + 1;
  };
  const int64_t height = extent(2, first(padding), first(dilation), first(stride));
  const int64_t width = extent(3, second(padding), second(dilation), second(stride));
  const auto pool = pool_geometry(height, width, kernel_size);
  Tensor pooled = through_relu(grad_output, output);
  Gradients3 result;
  auto& [grad_input, grad_weight, grad_bias] = result;
  const auto c = plain_convolution(input, weight, std::nullopt, stride, padding, dilation, groups);
  if (c && output.scalar_type() == input.scalar_type() &&
      output.sizes() ==
          IntArrayRef({c->images, c->geometry.out_channels, pool.out_height, pool.out_width})) {
    const Tensor images = input.contiguous(), filters = weight.contiguous(),
                 places = indices.contiguous();
    with_kernel_dtype(pooled.scalar_type(), [&](auto zero) {
      using T = decltype(zero);
      const bool sparse = takes_pooled_gradient<T>(*c, pool);
      if (output_mask[0] && sparse && c->geometry.in_channels >= kFewestScatteredChannels &&
          all_finite<T>(filters) && all_finite<T>(pooled)) {
        grad_input = pooled_grad_input<T>(*c, pool, pooled, places, filters);
      } else if (output_mask[0] && takes_direct_grad_input<T>(*c) && prefers_direct(*c)) {
        grad_input = InputGradient<T>(*c, filters, pool)
                         .from_pooled(pooled.const_data_ptr<T>(), places.const_data_ptr<uint8_t>());
      }
      if (output_mask[1] && sparse && all_finite<T>(images))
        grad_weight = pooled_grad_weight<T>(*c, pool, pooled, places, images);
      if (output_mask[2]) grad_bias = pooled_grad_bias<T>(*c, pool, pooled);
    });
    if (grad_input.defined()) grad_input = grad_input.contiguous(input.suggest_memory_format());
    if (grad_weight.defined()) grad_weight = grad_weight.contiguous(weight.suggest_memory_format());
  }
  const std::array<bool, 3> missing{output_mask[0] && !grad_input.defined(),
                                    output_mask[1] && !grad_weight.defined(),
                                    output_mask[2] && !grad_bias.defined()};
  if (missing[0] || missing[1] || missing[2]) {
    const Tensor grad = unpooled(pooled, indices, height, width, pool, output.scalar_type());
    pooled.reset();  // what follows needs its memory
    auto dense = conv2d_backward(grad, input, weight, stride, padding, dilation, groups, missing);
    if (missing[0]) grad_input = std::get<0>(dense);
    if (missing[1]) grad_weight = std::get<1>(dense);
    if (missing[2]) grad_bias = std::get<2>(dense);
  }
  return result;
}

}  // namespace
}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("conv2d_relu_max_pool2d", inkgrad::cpu::pool_forward);
  m.impl("conv2d_relu_max_pool2d_backward", inkgrad::cpu::pool_backward);
}
