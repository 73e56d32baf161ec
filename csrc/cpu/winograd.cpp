#include "winograd.h"

#include <ATen/ops/zeros.h>

#include <atomic>

namespace inkgrad::cpu {
namespace {

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

// Calls run(first image, images, first row of windows, rows, memory) for the pieces of a batch:
// images abreast, and of each of these groups so many parts that threads have as much to do as each
// other. run's bits of what is not finite become the images that are left, with those that no group
// takes.
template <typename T, typename Run>
ImageRanges for_each_piece(const Convolution& c, const PoolGeometry& pool, Run run) {
  const auto& table = kernels()->of<T>();
  const int64_t lanes = table.batch_lanes, images = first_images<T>(c).images,
                groups = (images + lanes - 1) / lanes, threads = at::get_num_threads(),
                rows = pool.window_height > 0 ? pool.out_height : (c.geometry.out_height + 1) / 2,
                operations = c.operations_per_image() * std::min(lanes, images);
  const int64_t most = std::clamp<int64_t>(operations / kGrainOperations, 1, rows);
  int64_t parts = 1;
  while (parts < most && groups * parts % threads != 0 && groups * parts < 4 * threads) ++parts;
  std::vector<std::atomic<uint64_t>> not_finite(groups);
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
  const Tensor packed = pack(c.geometry, filters);
  const T* const u = packed.const_data_ptr<T>();
  return for_each_piece<T>(
      c, {}, [&](int64_t image, int64_t images, int64_t row, int64_t rows, T* memory) {
        return kernels()->of<T>().winograd_forward(
            c.geometry, row, rows, images, input + image * c.in_image(), u, bias,
            output + image * c.out_image(), c.out_image(), memory);
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
  const Tensor terms = contiguous(bias), packed = pack(c.geometry, filters_of<T>(c, weight));
  const T *const x = input.const_data_ptr<T>(), *const u = packed.const_data_ptr<T>(),
                 *const b = data_or_null<T>(terms);
  T* const y = output.mutable_data_ptr<T>();
  uint8_t* const places = indices.mutable_data_ptr<uint8_t>();
  const int64_t out_image = c.geometry.out_channels * pool.out_height * pool.out_width;
  return for_each_piece<T>(
      c, pool, [&](int64_t image, int64_t images, int64_t row, int64_t rows, T* memory) {
        return kernels()->of<T>().winograd_relu_pool_forward(
            c.geometry, pool, row, rows, images, x + image * c.in_image(), u, b,
            y + image * out_image, places + image * out_image, out_image, memory);
      });
}

template <typename T>
Tensor winograd_grad_input(const Convolution& c, const Tensor& grad, const Tensor& weight) {
  const auto& g = c.geometry;
  const auto back = input_gradient_of(c);
  const bool takes = g.pad_height < g.kernel_height && g.pad_width < g.kernel_width &&
                     g.dilation_height == 1 && g.dilation_width == 1 &&
                     prefers_winograd<T>(back, {}) && first_images<T>(back).images == c.images;
  if (!takes) return {};
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
  const int64_t lanes = table.batch_lanes, groups = (c.images + lanes - 1) / lanes;
  if (first_images<T>(c).images < c.images || !table.winograd_weight_takes(g)) return {};
  // Parts of rows, so that there is enough to share out, and as many sums as memory allows: both
  // whatever the number of threads.
  constexpr int64_t kMostBytes = 8 << 20;
  const int64_t size = table.winograd_weight_sums(g), rows = (g.out_height + 1) / 2,
                parts =
                    std::min((kMaxGroups + groups - 1) / groups, table.winograd_weight_parts(g)),
                most = std::clamp<int64_t>(kMostBytes / (size * int64_t(sizeof(T))), 2, kMaxGroups),
                sums = std::min(groups * parts, most);
  const Tensor each = at::zeros({sums, size}, grad.options());
  T* const to = each.template mutable_data_ptr<T>();
  const T *const dy = grad.const_data_ptr<T>(), *const x = input.const_data_ptr<T>();
  at::parallel_for(0, sums, 1, [&](int64_t begin, int64_t end) {
    T* const memory = scratch_of<T>(table.winograd_weight_workspace(g));
    for (int64_t s = begin; s < end; ++s) {
      for (int64_t k = s * groups * parts / sums; k < (s + 1) * groups * parts / sums; ++k) {
        const int64_t image = k / parts * lanes, part = k % parts;
        const int64_t row = part * rows / parts, last = (part + 1) * rows / parts;
        table.winograd_backward_weight(g, row, last - row, std::min(lanes, c.images - image),
                                       dy + image * c.out_image(), x + image * c.in_image(),
                                       to + s * size, memory);
      }
    }
  });
  const Tensor total = each[0];
  for (int64_t s = 1; s < sums; ++s) total.add_(each[s]);
  const Tensor result =
      at::empty({g.out_channels, g.in_channels, g.kernel_height, g.kernel_width}, grad.options());
  table.winograd_unpack_weight(g, total.template const_data_ptr<T>(),
                               result.template mutable_data_ptr<T>());
  return table.all_finite(result.template const_data_ptr<T>(), result.numel()) ? result : Tensor();
}

#define INKGRAD_INSTANTIATE(T)                                                               \
  template bool prefers_winograd<T>(const Convolution&, const PoolGeometry&);                \
  template ImageRanges winograd_forward<T>(const Convolution&, const Tensor&, const Tensor&, \
                                           const OptionalTensor&, const Tensor&);            \
  template ImageRanges winograd_relu_pool_forward<T>(                                        \
      const Convolution&, const PoolGeometry&, const Tensor&, const Tensor&,                 \
      const OptionalTensor&, const Tensor&, const Tensor&);                                  \
  template Tensor winograd_grad_input<T>(const Convolution&, const Tensor&, const Tensor&);  \
  template Tensor winograd_grad_weight<T>(const Convolution&, const Tensor&, const Tensor&);
INKGRAD_INSTANTIATE(float)
INKGRAD_INSTANTIATE(double)
#undef INKGRAD_INSTANTIATE

}  // namespace inkgrad::cpu
