#include "winograd.h"

#include <ATen/ops/zeros.h>

#include <atomic>

namespace inkgrad::cpu {
namespace {

ChannelRange share_of(int64_t channels, int64_t share, int64_t shares) {
  const int64_t first = share * channels / shares;
  return {first, (share + 1) * channels / shares - first};
}

template <typename T>
Convolution first_images(const Convolution& c) {
  return {kernels()->of<T>().winograd_images(c.images), c.geometry};
}

// All filters of a weight, packed.
template <typename T>
Tensor pack(const ConvGeometry& g, Filters<T> filters) {
  constexpr int64_t kGrainFilters = 1 << 10;
  const auto& table = kernels()->of<T>();
  const Tensor packed =
      at::empty({table.winograd_packed_size(g)}, at::CppTypeToScalarType<T>::value);
  T* const to = packed.template mutable_data_ptr<T>();
  const int64_t tiles = table.winograd_tiles(g),
                filters_of_tile = g.out_channels * g.in_channels / tiles;
  at::parallel_for(0, tiles, kGrainFilters / filters_of_tile + 1, [&](int64_t begin, int64_t end) {
    table.winograd_pack(g, filters, begin, end - begin, to);
  });
  return packed;
}

// A bit for each image of a group that is taken abreast.
using ImageBits = std::vector<std::atomic<uint64_t>>;

// Calls run(first image, images, first row of windows, rows, memory) for the pieces of a batch:
// images abreast, and of each of these groups so many parts that threads have as much to do as each
// other. run's bits of what is not finite are added to not_finite's.
template <typename T, typename Run>
void for_each_piece(const Convolution& c, const PoolGeometry& pool, ImageBits& not_finite,
                    Run run) {
  const auto& table = kernels()->of<T>();
  const int64_t lanes = table.batch_lanes, images = first_images<T>(c).images,
                groups = int64_t(not_finite.size()), threads = at::get_num_threads(),
                rows = pool.window_height > 0 ? pool.out_height : (c.geometry.out_height + 1) / 2,
                operations = c.operations_per_image() * std::min(lanes, images);
  const int64_t most = std::clamp<int64_t>(operations / kGrainOperations, 1, rows);
  int64_t parts = 1;
  while (parts < most && groups * parts % threads != 0 && groups * parts < 4 * threads) ++parts;
  at::parallel_for(0, groups * parts, kGrainOperations * parts / operations + 1,
                   [&](int64_t begin, int64_t end) {
                     T* const memory = scratch_of<T>(table.winograd_workspace(c.geometry, pool));
                     for (int64_t k = begin; k < end; ++k) {
                       const int64_t group = k / parts, part = k % parts, image = group * lanes;
                       const int64_t row = part * rows / parts, last = (part + 1) * rows / parts;
                       not_finite[group] |=
                           run(image, std::min(lanes, images - image), row, last - row, memory);
                     }
                   });
}

// Packs the filters of some output channels, as many as memory is to be taken for, and has the
// batch convolved with them; then those of the next ones. run(geometry of so many output channels,
// the first one, packed, first image, images, first row of windows, rows, memory) is called for all
// pieces. Left are the images of which it finds some result not finite, and those that no group
// takes.
template <typename T, typename Run>
ImageRanges convolve(const Convolution& c, const PoolGeometry& pool, Filters<T> filters, Run run) {
  constexpr int64_t kMostPackedBytes = 2 << 20;
  const auto& table = kernels()->of<T>();
  const int64_t lanes = table.batch_lanes, images = first_images<T>(c).images,
                channels = c.geometry.out_channels;
  const int64_t bytes = table.winograd_packed_size(c.geometry) * int64_t(sizeof(T)),
                shares = std::min(at::divup(bytes, kMostPackedBytes), channels);
  ImageBits not_finite(at::divup(images, lanes));
  for (int64_t share = 0; share < shares; ++share) {
    const auto [first, count] = share_of(channels, share, shares);
    Convolution part = c;
    part.geometry.out_channels = count;
    Filters<T> some = filters;
    some.data += first * filters.out_step;
    const Tensor packed = pack(part.geometry, some);
    for_each_piece<T>(part, pool, not_finite, [&, channel = first](auto... piece) {
      return run(part.geometry, channel, packed.template const_data_ptr<T>(), piece...);
    });
  }
  ImageRanges left;
  for (int64_t n = 0; n < images; ++n) {
    if (not_finite[n / lanes] >> n % lanes & 1) left.add(n, 1);
  }
  if (images < c.images) left.add(images, c.images - images);
  return left;
}

template <typename T>
ImageRanges convolve(const Convolution& c, const T* input, Filters<T> filters, const T* bias,
                     T* output) {
  return convolve(c, PoolGeometry{}, filters,
                  [&](const ConvGeometry& g, int64_t channel, const T* packed, int64_t image,
                      int64_t images, int64_t row, int64_t rows, T* memory) {
                    return kernels()->of<T>().winograd_forward(
                        g, row, rows, images, input + image * c.in_image(), packed,
                        bias ? bias + channel : nullptr,
                        output + image * c.out_image() + channel * c.out_plane(), c.out_image(),
                        memory);
                  });
}

// The filters of a weight, [OC, IC, KH, KW]; and those of the convolution that gives the gradient
// of the input from that of the output: turned round, the channels changed over.
template <typename T>
Filters<T> filters_of(const Convolution& c, const Tensor& weight) {
  return {weight.const_data_ptr<T>(), c.taps(), c.taps() / c.geometry.in_channels, false};
}
template <typename T>
Filters<T> gradient_filters_of(const Convolution& c, const Tensor& weight) {
  const Filters<T> f = filters_of<T>(c, weight);
  return {f.data, f.in_step, f.out_step, true};
}

// That convolution itself.
Convolution input_gradient_of(const Convolution& c) {
  const auto& g = c.geometry;
  return {c.images,
          {g.out_channels, g.out_height, g.out_width, g.in_channels, g.in_height, g.in_width,
           g.kernel_height, g.kernel_width, g.kernel_height - 1 - g.pad_height,
           g.kernel_width - 1 - g.pad_width, 1, 1}};
}

// The weight's gradient among threads. Images abreast, and parts of their rows, are shared out to
// as many sums as memory is to be taken for: all that whatever the number of threads. If there are
// more of these, each takes a share of the output channels, which changes no sum.
template <typename T>
class WeightTasks {
 public:
  explicit WeightTasks(const Convolution& c) : c_(c), lanes_(kernels()->of<T>().batch_lanes) {
    constexpr int64_t kMostBytes = 4 << 20, kFewestOutputs = 16;
    const auto& table = kernels()->of<T>();
    const auto& g = c.geometry;
    const int64_t groups = at::divup(c.images, lanes_), threads = at::get_num_threads();
    channel_ = table.winograd_weight_sums(g);
    parts_ = std::min(at::divup(kMaxGroups, groups), table.winograd_weight_parts(g));
    pieces_ = groups * parts_;
    const int64_t fit = kMostBytes / (g.out_channels * channel_ * int64_t(sizeof(T)));
    sums_ = std::min(pieces_, std::clamp<int64_t>(fit, 1, kMaxGroups));
    shares_ = std::clamp<int64_t>(at::divup(threads, sums_), 1,
                                  at::divup(g.out_channels, kFewestOutputs));
  }

  // Of all images, as the kernel leaves them.
  Tensor sums(const T* grad, const T* input) const {
    const auto& table = kernels()->of<T>();
    const int64_t size = c_.geometry.out_channels * channel_;
    const Tensor each = at::zeros({sums_, size}, at::CppTypeToScalarType<T>::value);
    T* const to = each.template mutable_data_ptr<T>();
    at::parallel_for(0, sums_ * shares_, 1, [&](int64_t begin, int64_t end) {
      T* const memory = scratch_of<T>(table.winograd_weight_workspace(c_.geometry));
      for (int64_t task = begin; task < end; ++task) {
        const int64_t sum = task / shares_;
        const auto outs = outs_of(task % shares_);
        for (int64_t k = sum * pieces_ / sums_; k < (sum + 1) * pieces_ / sums_; ++k)
          add(k, outs, grad, input, to + sum * size + outs.first * channel_, memory);
      }
    });
    const Tensor total = each[0];
    for (int64_t sum = 1; sum < sums_; ++sum) total.add_(each[sum]);
    return total;
  }

  void unpack(const T* sums, T* grad_weight) const {
    at::parallel_for(0, shares_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t share = begin; share < end; ++share) {
        const auto outs = outs_of(share);
        kernels()->of<T>().winograd_unpack_weight(c_.geometry, outs, sums + outs.first * channel_,
                                                  grad_weight);
      }
    });
  }

 private:
  ChannelRange outs_of(int64_t share) const {
    return share_of(c_.geometry.out_channels, share, shares_);
  }

  void add(int64_t piece, ChannelRange outs, const T* grad, const T* input, T* sums,
           T* memory) const {
    const int64_t rows = (c_.geometry.out_height + 1) / 2, image = piece / parts_ * lanes_,
                  part = piece % parts_;
    const int64_t row = part * rows / parts_, last = (part + 1) * rows / parts_;
    kernels()->of<T>().winograd_backward_weight(
        c_.geometry, outs, row, last - row, std::min(lanes_, c_.images - image),
        grad + image * c_.out_image(), input + image * c_.in_image(), sums, memory);
  }

  Convolution c_;
  int64_t lanes_, channel_, parts_, pieces_, sums_, shares_;
};

Tensor contiguous(const OptionalTensor& bias) {
  return bias.has_value() && bias->defined() ? bias->contiguous() : Tensor();
}

}  // namespace

void ImageRanges::add(int64_t first, int64_t count) {
  if (!ranges_.empty() && ranges_.back().first + ranges_.back().count == first) {
    ranges_.back().count += count;
  } else {
    ranges_.push_back({first, count});
  }
}

template <typename T>
bool prefers_winograd(const Convolution& c, const PoolGeometry& pool) {
  return first_images<T>(c).images > 0 && kernels()->of<T>().winograd_takes(c.geometry, pool);
}

template <typename T>
ImageRanges winograd_forward(const Convolution& c, const Tensor& input, const Tensor& weight,
                             const OptionalTensor& bias, const Tensor& output) {
  const Tensor terms = contiguous(bias);
  return convolve<T>(c, input.const_data_ptr<T>(), filters_of<T>(c, weight), data_or_null<T>(terms),
                     output.mutable_data_ptr<T>());
}

template <typename T>
ImageRanges winograd_relu_pool_forward(const Convolution& c, const PoolGeometry& pool,
                                       const Tensor& input, const Tensor& weight,
                                       const OptionalTensor& bias, const Tensor& output,
                                       const Tensor& indices) {
  const Tensor terms = contiguous(bias);
  const T *const x = input.const_data_ptr<T>(), *const b = data_or_null<T>(terms);
  T* const y = output.mutable_data_ptr<T>();
  uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
  const int64_t plane = pool.out_height * pool.out_width,
                out_image = c.geometry.out_channels * plane;
  return convolve(c, pool, filters_of<T>(c, weight),
                  [&](const ConvGeometry& g, int64_t channel, const T* packed, int64_t image,
                      int64_t images, int64_t row, int64_t rows, T* memory) {
                    const int64_t to = image * out_image + channel * plane;
                    return kernels()->of<T>().winograd_relu_pool_forward(
                        g, pool, row, rows, images, x + image * c.in_image(), packed,
                        b ? b + channel : nullptr, y + to, places + to, out_image, memory);
                  });
}

template <typename T>
bool winograd_takes_grad_input(const Convolution& c) {
  const auto& g = c.geometry;
  const auto back = input_gradient_of(c);
  return g.pad_height < g.kernel_height && g.pad_width < g.kernel_width && g.dilation_height == 1 &&
         g.dilation_width == 1 && prefers_winograd<T>(back, {}) &&
         first_images<T>(back).images == c.images;
}

template <typename T>
Tensor winograd_grad_input(const Convolution& c, const Tensor& grad, const Tensor& weight) {
  const auto& g = c.geometry;
  const auto back = input_gradient_of(c);
  const Tensor result =
      new_tensor({c.images, g.in_channels, g.in_height, g.in_width}, grad.scalar_type());
  const auto left = convolve<T>(back, grad.const_data_ptr<T>(), gradient_filters_of<T>(c, weight),
                                nullptr, result.mutable_data_ptr<T>());
  return left.empty() ? result : Tensor();
}

template <typename T>
Tensor winograd_grad_weight(const Convolution& c, const Tensor& grad, const Tensor& input) {
  const auto& table = kernels()->of<T>();
  const auto& g = c.geometry;
  if (first_images<T>(c).images < c.images || !table.winograd_weight_takes(g)) return {};
  const WeightTasks<T> tasks(c);
  const Tensor total = tasks.sums(grad.const_data_ptr<T>(), input.const_data_ptr<T>());
  const Tensor result =
      at::empty({g.out_channels, g.in_channels, g.kernel_height, g.kernel_width}, grad.options());
  tasks.unpack(total.const_data_ptr<T>(), result.mutable_data_ptr<T>());
  return table.all_finite(result.template const_data_ptr<T>(), result.numel()) ? result : Tensor();
}

#define INKGRAD_INSTANTIATE(T)                                                               \
  template bool prefers_winograd<T>(const Convolution&, const PoolGeometry&);                \
  template ImageRanges winograd_forward<T>(const Convolution&, const Tensor&, const Tensor&, \
                                           const OptionalTensor&, const Tensor&);            \
  template ImageRanges winograd_relu_pool_forward<T>(                                        \
      const Convolution&, const PoolGeometry&, const Tensor&, const Tensor&,                 \
      const OptionalTensor&, const Tensor&, const Tensor&);                                  \
  template bool winograd_takes_grad_input<T>(const Convolution&);                            \
  template Tensor winograd_grad_input<T>(const Convolution&, const Tensor&, const Tensor&);  \
  template Tensor winograd_grad_weight<T>(const Convolution&, const Tensor&, const Tensor&);
INKGRAD_INSTANTIATE(float)
INKGRAD_INSTANTIATE(double)
#undef INKGRAD_INSTANTIATE

}  // namespace inkgrad::cpu
