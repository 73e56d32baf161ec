// conv2d and conv2d_relu_max_pool2d on the CPU: our direct kernels where an image has few channels,
// torch's convolution (oneDNN, at the machine's limit for many channels) elsewhere, pooling always
// ours.
#include "conv2d.h"

#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "../ops.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

// Partial weight gradients are kept for at most this many groups of images and added in order: the
// sum does not depend on the number of threads.
constexpr int64_t kMaxGroups = 8;
// oneDNN's blocked layouts pay for their conversions from this many input channels on; with large
// kernels later.
bool has_few_channels(int64_t in_channels, int64_t taps) {
  return in_channels < 8 || (in_channels <= 16 && taps >= 25);
}
// For a single image they pay later still, unless its rows are too short for our vectors.
bool has_little_work(const ConvGeometry& g, int64_t images) {
  return images == 1 && g.in_channels <= 48 && g.out_width >= 8;
}

// Below this many operations a second thread costs more than it brings.
constexpr int64_t kGrainOperations = 1 << 20;
// The gradient with respect to the input is summed in a plane and a few rows of products, which
// have to stay in the second-level cache.
constexpr int64_t kMaxTapBytes = 1 << 19;

// Straight from a pooled gradient: below this many places in a window there is too little to leave
// out, and below this many channels a patch is too short to add to in memory.
constexpr int64_t kFewestPlaces = 3;
constexpr int64_t kFewestScatteredChannels = 5;
// Packed weights and lists have to stay in the second-level cache.
constexpr int64_t kMostPooledElements = 1 << 18;

struct Convolution {
  int64_t images;
  ConvGeometry geometry;
  int64_t in_image() const { return geometry.in_channels * geometry.in_height * geometry.in_width; }
  int64_t out_plane() const { return geometry.out_height * geometry.out_width; }
  int64_t out_image() const { return geometry.out_channels * out_plane(); }
  // Weights of one output channel.
  int64_t taps() const {
    return geometry.in_channels * geometry.kernel_height * geometry.kernel_width;
  }
  int64_t operations_per_image() const { return 2 * out_image() * taps(); }
};

int64_t first(IntArrayRef pair) { return pair[0]; }
int64_t second(IntArrayRef pair) { return pair.back(); }

bool is_row_major(const Tensor& t) {
  return t.is_contiguous() && t.suggest_memory_format() == at::MemoryFormat::Contiguous;
}

// The geometry, if the direct kernels take it.
std::optional<Convolution> plain_convolution(const Tensor& input, const Tensor& weight,
                                             const OptionalTensor& bias, IntArrayRef stride,
                                             IntArrayRef padding, IntArrayRef dilation,
                                             int64_t groups) {
  if (!kernels() || input.dim() != 4 || weight.dim() != 4 || groups != 1 || first(stride) != 1 ||
      second(stride) != 1 || !is_kernel_dtype(input.scalar_type()) ||
      weight.scalar_type() != input.scalar_type() || !is_plain(input) || !is_plain(weight) ||
      input.numel() == 0 || weight.numel() == 0 || input.size(1) != weight.size(1) ||
      !is_row_major(input) || !is_row_major(weight) || first(padding) < 0 || second(padding) < 0 ||
      first(dilation) < 1 || second(dilation) < 1) {
    return std::nullopt;
  }
  if (bias.has_value() && bias->defined() &&
      (!is_plain(*bias) || bias->scalar_type() != input.scalar_type() || bias->dim() != 1 ||
       bias->size(0) != weight.size(0))) {
    return std::nullopt;
  }
  ConvGeometry g{input.size(1),
                 input.size(2),
                 input.size(3),
                 weight.size(0),
                 0,
                 0,
                 weight.size(2),
                 weight.size(3),
                 first(padding),
                 second(padding),
                 first(dilation),
                 second(dilation)};
  g.out_height = g.in_height + 2 * g.pad_height - g.dilation_height * (g.kernel_height - 1);
  g.out_width = g.in_width + 2 * g.pad_width - g.dilation_width * (g.kernel_width - 1);
  if (g.out_height < 1 || g.out_width < 1) return std::nullopt;
  return Convolution{input.size(0), g};
}

// The geometry, if the direct kernels take it and are the better choice.
std::optional<Convolution> direct_convolution(const Tensor& input, const Tensor& weight,
                                              const OptionalTensor& bias, IntArrayRef stride,
                                              IntArrayRef padding, IntArrayRef dilation,
                                              int64_t groups) {
  const auto c = plain_convolution(input, weight, bias, stride, padding, dilation, groups);
  if (!c || !(has_few_channels(input.size(1), weight.size(2) * weight.size(3)) ||
              has_little_work(c->geometry, c->images))) {
    return std::nullopt;
  }
  // Threads share images out: a few large ones are torch's to share out finer.
  if (c->images < at::get_num_threads() && c->operations_per_image() > kGrainOperations * 16)
    return std::nullopt;
  return c;
}

Tensor contiguous_bias(const OptionalTensor& bias) {
  return bias.has_value() && bias->defined() ? bias->contiguous() : Tensor();
}

template <typename T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

// The weight in the order that a kernel reads it.
template <typename T, typename Pack>
Tensor packed_weight(const Convolution& c, const Tensor& weight, Pack pack) {
  const Tensor packed = at::empty({weight.numel()}, weight.options());
  pack(c.geometry, weight.const_data_ptr<T>(), packed.mutable_data_ptr<T>());
  return packed;
}

// Calls f(image, workspace of that many elements) for every image, in parallel.
template <typename T, typename F>
void for_each_image(const Convolution& c, int64_t elements, F f) {
  const int64_t grain = kGrainOperations / c.operations_per_image() + 1;
  at::parallel_for(0, c.images, grain, [&](int64_t begin, int64_t end) {
    T* const workspace = scratch_of<T>(elements);
    for (int64_t n = begin; n < end; ++n) f(n, workspace);
  });
}

// The forward pass shares out images and, where there are fewer than threads, the output channels
// of each: calls f(geometry of the share, its first channel, its packed weights, image, workspace
// of that many elements) for every image and share. An output is summed in the same order whatever
// its share.
template <typename T, typename F>
void for_each_share(const Convolution& c, const Tensor& weight, int64_t elements, F f) {
  constexpr int64_t kFewestChannels = 8;
  const int64_t channels = c.geometry.out_channels;
  const int64_t wanted = (at::get_num_threads() + c.images - 1) / c.images;
  const int64_t worthwhile =
      std::min(channels / kFewestChannels, c.operations_per_image() / kGrainOperations);
  const int64_t shares = std::max<int64_t>(std::min(wanted, worthwhile), 1);
  const auto begin_of = [&](int64_t share) { return share * channels / shares; };
  const auto geometry_of = [&](int64_t share) {
    ConvGeometry g = c.geometry;
    g.out_channels = begin_of(share + 1) - begin_of(share);
    return g;
  };
  const Tensor packed = at::empty({weight.numel()}, weight.options());
  const T* const w = weight.const_data_ptr<T>();
  T* const v = packed.mutable_data_ptr<T>();
  for (int64_t share = 0; share < shares; ++share) {
    const int64_t first = begin_of(share) * c.taps();
    kernels()->of<T>().conv_pack_forward(geometry_of(share), w + first, v + first);
  }
  const int64_t grain = kGrainOperations * shares / c.operations_per_image() + 1;
  at::parallel_for(0, c.images * shares, grain, [&](int64_t begin, int64_t end) {
    T* const workspace = scratch_of<T>(elements);
    for (int64_t k = begin; k < end; ++k) {
      const int64_t o = begin_of(k % shares);
      f(geometry_of(k % shares), o, v + o * c.taps(), k / shares, workspace);
    }
  });
}

Tensor forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
               IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups) {
  const auto c = direct_convolution(input, weight, bias, stride, padding, dilation, groups);
  if (!c) return native::conv2d(input, weight, bias, stride, padding, dilation, groups);
  const auto& g = c->geometry;
  const Tensor offset = contiguous_bias(bias);
  const Tensor output =
      at::empty({c->images, g.out_channels, g.out_height, g.out_width}, input.options());
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const T *const x = input.const_data_ptr<T>(), *const b = data_or_null<T>(offset);
    T* const y = output.mutable_data_ptr<T>();
    for_each_share<T>(
        *c, weight, table.conv_forward_workspace(g, {}),
        [&](const ConvGeometry& part, int64_t o, const T* w, int64_t n, T* workspace) {
          table.conv_forward(part, x + n * c->in_image(), w, b ? b + o : nullptr,
                             y + n * c->out_image() + o * c->out_plane(), workspace);
        });
  });
  return output;
}

template <typename T>
bool takes_direct_grad_input(const Convolution& c) {
  return kernels()->of<T>().conv_backward_input_workspace(c.geometry) * int64_t(sizeof(T)) <=
         kMaxTapBytes;
}

// The gradient with respect to the input, an image at a time.
template <typename T>
class InputGradient {
 public:
  InputGradient(const Convolution& c, const Tensor& input, const Tensor& weight)
      : result(at::empty(input.sizes(), input.options())),
        workspace(kernels()->of<T>().conv_backward_input_workspace(c.geometry)),
        c_(c),
        packed_(packed_weight<T>(c, weight, kernels()->of<T>().conv_pack_backward)),
        dx_(result.template mutable_data_ptr<T>()) {}
  void write(int64_t image, const T* dy, T* memory) const {
    kernels()->of<T>().conv_backward_input(c_.geometry, dy, packed_.template const_data_ptr<T>(),
                                           dx_ + image * c_.in_image(), memory);
  }

  const Tensor result;
  const int64_t workspace;

 private:
  const Convolution& c_;
  const Tensor packed_;
  T* const dx_;
};

// Sums over groups of images, each into its own buffer, which are added in order.
template <typename T>
class GroupSums {
 public:
  GroupSums(const Convolution& c, IntArrayRef sizes, at::TensorOptions options)
      : sizes_(sizes.vec()),
        parts_(at::zeros({count(c), c10::multiply_integers(sizes)}, options)),
        sums_(parts_.template mutable_data_ptr<T>()) {}
  static int64_t count(const Convolution& c) { return std::min(c.images, kMaxGroups); }
  T* of(int64_t group) const { return sums_ + group * parts_.size(1); }
  Tensor total() const {
    const int64_t size = parts_.size(1);
    for (int64_t group = 1; group < parts_.size(0); ++group) {
      const T* const part = of(group);
#pragma omp simd
      for (int64_t i = 0; i < size; ++i) sums_[i] += part[i];
    }
    return parts_[0].view(sizes_);
  }

 private:
  std::vector<int64_t> sizes_;
  Tensor parts_;
  T* sums_;
};

// Calls f(group, its first image, images), in parallel.
template <typename F>
void for_each_group(const Convolution& c, F f) {
  const int64_t groups = GroupSums<float>::count(c);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const int64_t n = group * c.images / groups, last = (group + 1) * c.images / groups;
      f(group, n, last - n);
    }
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
    dx.emplace(c, input, weight);
  } else if (output_mask[0]) {
    grad_input = std::get<0>(
        native::conv2d_backward(grad, input, weight, {1, 1}, {g.pad_height, g.pad_width},
                                {g.dilation_height, g.dilation_width}, 1, {true, false, false}));
  }
  if (output_mask[1]) dw.emplace(c, weight.sizes(), weight.options());
  if (output_mask[2]) db.emplace(c, g.out_channels, grad.options().dtype(at::kDouble));

  // All gradients of a group while it is in the cache, unless there are more threads than groups.
  const bool goes_along = dx && (dw || db) && at::get_num_threads() <= kMaxGroups;
  const auto write_image = [&](int64_t n, T* workspace) {
    dx->write(n, dy + n * c.out_image(), workspace);
  };
  if (dx && !goes_along) for_each_image<T>(c, dx->workspace, write_image);
  if (dw || db) {
    const int64_t elements =
        std::max(table.conv_backward_weight_workspace(g), goes_along ? dx->workspace : int64_t(0));
    for_each_group(c, [&](int64_t group, int64_t n, int64_t images) {
      T* const workspace = scratch_of<T>(elements);
      const T* const of_group = dy + n * c.out_image();
      if (dw) {
        table.conv_backward_weight(g, images, of_group, x + n * c.in_image(), dw->of(group),
                                   workspace);
      }
      if (db) table.conv_backward_bias(g, images, of_group, db->of(group));
      for (int64_t image = n; goes_along && image < n + images; ++image)
        write_image(image, workspace);
    });
  }
  if (dx) grad_input = dx->result;
  return {grad_input, dw ? dw->total() : Tensor(),
          db ? db->total().to(grad.scalar_type()) : Tensor()};
}

Gradients3 backward(const Tensor& grad_output, const Tensor& input, const Tensor& weight,
                    IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation, int64_t groups,
                    std::array<bool, 3> output_mask) {
  const auto c = direct_convolution(input, weight, std::nullopt, stride, padding, dilation, groups);
  if (!c || !is_plain(grad_output) || grad_output.scalar_type() != input.scalar_type() ||
      grad_output.sizes() != IntArrayRef({c->images, c->geometry.out_channels,
                                          c->geometry.out_height, c->geometry.out_width})) {
    return native::conv2d_backward(grad_output, input, weight, stride, padding, dilation, groups,
                                   output_mask);
  }
  const Tensor grad = grad_output.contiguous();
  return with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    return direct_backward<decltype(zero)>(*c, grad, input, weight, output_mask);
  });
}

// ---- with relu and max pooling
// --------------------------------------------------------------------------

PoolGeometry pool_geometry(int64_t height, int64_t width, IntArrayRef kernel_size) {
  const int64_t window_height = first(kernel_size), window_width = second(kernel_size);
  return {window_height, window_width, height / window_height, width / window_width};
}

void check_window(IntArrayRef kernel_size) {
  TORCH_CHECK(first(kernel_size) > 0 && second(kernel_size) > 0,
              "conv2d_relu_max_pool2d: kernel_size should be positive, got ", kernel_size);
  TORCH_CHECK(first(kernel_size) * second(kernel_size) <= 256,
              "conv2d_relu_max_pool2d: a window should have at most 256 elements, for its indices "
              "are bytes; got "
              "kernel_size ",
              kernel_size);
}

// relu(max_pool2d(convolved)) of what torch convolved; the half types go through float, which holds
// them exactly.
Gradients2 relu_pool_planes(const Tensor& convolved, IntArrayRef kernel_size) {
  const auto format = convolved.suggest_memory_format();
  const auto dtype =
      is_kernel_dtype(convolved.scalar_type()) ? convolved.scalar_type() : at::kFloat;
  const Tensor planes = convolved.to(dtype).contiguous();
  const int64_t height = planes.size(-2), width = planes.size(-1);
  const auto pool = pool_geometry(height, width, kernel_size);
  auto sizes = planes.sizes().vec();
  sizes[sizes.size() - 2] = pool.out_height;
  sizes[sizes.size() - 1] = pool.out_width;
  const Tensor output = at::empty(sizes, planes.options());
  const Tensor indices = at::empty(sizes, planes.options().dtype(at::kByte));
  with_kernel_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const T* const x = planes.const_data_ptr<T>();
    T* const y = output.mutable_data_ptr<T>();
    uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
    const int64_t plane = height * width, pooled = pool.out_height * pool.out_width;
    at::parallel_for(0, planes.numel() / plane, kGrainElements / plane + 1,
                     [&](int64_t begin, int64_t end) {
                       for (int64_t i = begin; i < end; ++i) {
                         table.relu_pool(pool, x + i * plane, height, width, y + i * pooled,
                                         places + i * pooled);
                       }
                     });
  });
  return {output.to(convolved.scalar_type()).contiguous(format), indices.contiguous(format)};
}

Gradients2 pool_forward(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                        IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                        int64_t groups, IntArrayRef kernel_size) {
  check_window(kernel_size);
  const auto c = direct_convolution(input, weight, bias, stride, padding, dilation, groups);
  if (!c) {
    const Tensor convolved = at::conv2d(input, weight, bias, stride, padding, dilation, groups);
    const bool pools = kernels() && convolved.is_floating_point() && convolved.numel() > 0 &&
                       convolved.size(-2) >= first(kernel_size) &&
                       convolved.size(-1) >= second(kernel_size);
    if (pools) return relu_pool_planes(convolved, kernel_size);
    return native::conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups,
                                          kernel_size);
  }
  const auto& g = c->geometry;
  const auto pool = pool_geometry(g.out_height, g.out_width, kernel_size);
  if (pool.out_height == 0 || pool.out_width == 0) {  // torch's error
    return native::conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups,
                                          kernel_size);
  }
  const Tensor offset = contiguous_bias(bias);
  const Tensor output =
      at::empty({c->images, g.out_channels, pool.out_height, pool.out_width}, input.options());
  const Tensor indices = at::empty(output.sizes(), input.options().dtype(at::kByte));
  with_kernel_dtype(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto& table = kernels()->of<T>();
    const T *const x = input.const_data_ptr<T>(), *const b = data_or_null<T>(offset);
    T* const y = output.mutable_data_ptr<T>();
    uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
    const int64_t pooled = pool.out_height * pool.out_width;
    for_each_share<T>(
        *c, weight, table.conv_forward_workspace(g, pool),
        [&](const ConvGeometry& part, int64_t o, const T* w, int64_t n, T* workspace) {
          const int64_t to = (n * g.out_channels + o) * pooled;
          table.conv_relu_pool_forward(part, pool, x + n * c->in_image(), w, b ? b + o : nullptr,
                                       y + to, places + to, workspace);
        });
  });
  return {output, indices};
}

// What the relu lets through of the gradient, [.., PH, PW].
Tensor through_relu(const Tensor& grad_output, const Tensor& output) {
  const auto dtype = is_kernel_dtype(output.scalar_type()) ? output.scalar_type() : at::kFloat;
  const Tensor grad = grad_output.to(dtype).contiguous(), y = output.to(dtype).contiguous();
  const Tensor result = at::empty_like(grad);
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

// The gradient with respect to the convolution's output, [.., OH, OW].
Tensor unpooled(const Tensor& grad, const Tensor& indices, int64_t height, int64_t width,
                const PoolGeometry& pool) {
  const Tensor places = indices.contiguous();
  auto sizes = grad.sizes().vec();
  sizes[sizes.size() - 2] = height;
  sizes[sizes.size() - 1] = width;
  const Tensor result = at::empty(sizes, grad.options());
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
                          const Tensor& indices, const Tensor& input, const Tensor& weight) {
  const auto& table = kernels()->of<T>();
  const Tensor places = indices.contiguous();
  const T *const dy = grad.const_data_ptr<T>(), *const x = input.const_data_ptr<T>();
  const uint8_t* const where = places.const_data_ptr<uint8_t>();
  const int64_t elements = table.pooled_weight_workspace(c.geometry, pool);
  const int64_t pooled = c.geometry.out_channels * pool.out_height * pool.out_width;
  const GroupSums<T> sums(c, table.pooled_weight_sums(c.geometry), weight.options());
  for_each_group(c, [&](int64_t group, int64_t n, int64_t images) {
    table.pooled_backward_weight(c.geometry, pool, images, dy + n * pooled, where + n * pooled,
                                 x + n * c.in_image(), sums.of(group), scratch_of<T>(elements));
  });
  const Tensor grad_weight = at::empty(weight.sizes(), weight.options());
  table.pooled_unpack_weight(c.geometry, sums.total().template const_data_ptr<T>(),
                             grad_weight.mutable_data_ptr<T>());
  return grad_weight;
}

template <typename T>
Tensor pooled_grad_input(const Convolution& c, const PoolGeometry& pool, const Tensor& grad,
                         const Tensor& indices, const Tensor& input, const Tensor& weight) {
  const auto& table = kernels()->of<T>();
  const Tensor places = indices.contiguous();
  const Tensor packed = at::empty({table.pooled_weight_sums(c.geometry)}, weight.options());
  const Tensor grad_input = at::empty(input.sizes(), input.options());
  table.pooled_pack_weight(c.geometry, weight.const_data_ptr<T>(), packed.mutable_data_ptr<T>());
  const T *const dy = grad.const_data_ptr<T>(), *const w = packed.const_data_ptr<T>();
  const uint8_t* const where = places.const_data_ptr<uint8_t>();
  T* const dx = grad_input.mutable_data_ptr<T>();
  const int64_t pooled = c.geometry.out_channels * pool.out_height * pool.out_width;
  for_each_image<T>(
      c, table.pooled_input_workspace(c.geometry, pool), [&](int64_t n, T* workspace) {
        table.pooled_backward_input(c.geometry, pool, dy + n * pooled, where + n * pooled, w,
                                    dx + n * c.in_image(), workspace);
      });
  return grad_input;
}

// Through the dense gradient, of one image at a time.
template <typename T>
Tensor unpooled_grad_input(const Convolution& c, const PoolGeometry& pool, const Tensor& grad,
                           const Tensor& indices, const Tensor& input, const Tensor& weight) {
  const auto& g = c.geometry;
  const Tensor places = indices.contiguous();
  const T* const dy = grad.const_data_ptr<T>();
  const uint8_t* const where = places.const_data_ptr<uint8_t>();
  const int64_t pooled = pool.out_height * pool.out_width;
  const InputGradient<T> dx(c, input, weight);
  for_each_image<T>(c, dx.workspace + c.out_image(), [&](int64_t n, T* workspace) {
    T* const dz = workspace + dx.workspace;
    for (int64_t o = 0; o < g.out_channels; ++o) {
      const int64_t from = (n * g.out_channels + o) * pooled;
      kernels()->of<T>().pool_backward(pool, dy + from, where + from, g.out_height, g.out_width,
                                       dz + o * c.out_plane());
    }
    dx.write(n, dz, workspace);
  });
  return dx.result;
}

// The sum over a plane, of which the pooled one has all that is not zero.
template <typename T>
Tensor pooled_grad_bias(const Convolution& c, const PoolGeometry& pool, const Tensor& grad) {
  Convolution small = c;
  small.geometry.out_height = pool.out_height;
  small.geometry.out_width = pool.out_width;
  return std::get<2>(direct_backward<T>(small, grad, Tensor(), Tensor(), {false, false, true}));
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
  const Tensor pooled = through_relu(grad_output, output);
  Gradients3 result;
  auto& [grad_input, grad_weight, grad_bias] = result;
  const auto c = plain_convolution(input, weight, std::nullopt, stride, padding, dilation, groups);
  if (c && output.scalar_type() == input.scalar_type() &&
      output.sizes() ==
          IntArrayRef({c->images, c->geometry.out_channels, pool.out_height, pool.out_width})) {
    with_kernel_dtype(pooled.scalar_type(), [&](auto zero) {
      using T = decltype(zero);
      const bool sparse = takes_pooled_gradient<T>(*c, pool);
      if (output_mask[0] && sparse && c->geometry.in_channels >= kFewestScatteredChannels &&
          all_finite<T>(weight) && all_finite<T>(pooled)) {
        grad_input = pooled_grad_input<T>(*c, pool, pooled, indices, input, weight);
      } else if (output_mask[0] && takes_direct_grad_input<T>(*c) &&
                 direct_convolution(input, weight, std::nullopt, stride, padding, dilation,
                                    groups)) {
        grad_input = unpooled_grad_input<T>(*c, pool, pooled, indices, input, weight);
      }
      if (output_mask[1] && sparse && all_finite<T>(input))
        grad_weight = pooled_grad_weight<T>(*c, pool, pooled, indices, input, weight);
      if (output_mask[2]) grad_bias = pooled_grad_bias<T>(*c, pool, pooled);
    });
  }
  const std::array<bool, 3> missing{output_mask[0] && !grad_input.defined(),
                                    output_mask[1] && !grad_weight.defined(),
                                    output_mask[2] && !grad_bias.defined()};
  if (missing[0] || missing[1] || missing[2]) {
    const Tensor grad = unpooled(pooled, indices, height, width, pool).to(output.scalar_type());
    auto dense = backward(grad, input, weight, stride, padding, dilation, groups, missing);
    if (missing[0]) grad_input = std::get<0>(dense);
    if (missing[1]) grad_weight = std::get<1>(dense);
    if (missing[2]) grad_bias = std::get<2>(dense);
  }
  return result;
}

}  // namespace

bool computes_conv2d(const Tensor& input, const Tensor& weight, const OptionalTensor& bias,
                     IntArrayRef stride, IntArrayRef padding, IntArrayRef dilation,
                     int64_t groups) {
  return direct_convolution(input, weight, bias, stride, padding, dilation, groups).has_value();
}

}  // namespace inkgrad::cpu

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("conv2d", inkgrad::cpu::forward);
  m.impl("conv2d_backward", inkgrad::cpu::backward);
  m.impl("conv2d_relu_max_pool2d", inkgrad::cpu::pool_forward);
  m.impl("conv2d_relu_max_pool2d_backward", inkgrad::cpu::pool_backward);
}
