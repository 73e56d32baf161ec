#include "pool.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "problem.h"

namespace inkgrad::cpu {
namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

at::MemoryFormat format_of(const Tensor& t) {
  return t.suggest_memory_format() == kChannelsLast ? kChannelsLast : at::MemoryFormat::Contiguous;
}

// Calls f(first, count) for chunks of the first dimension of a tensor of a half type, so that its
// conversion to float32 takes little memory.
template <typename F>
void for_each_float_chunk(const Tensor& half, F f) {
  constexpr int64_t kChunkElements = 1 << 17;
  const int64_t rows = half.size(0), row = half.numel() / std::max<int64_t>(rows, 1),
                chunk = kChunkElements / std::max<int64_t>(row, 1) + 1;
  for (int64_t first = 0; first < rows; first += chunk) f(first, std::min(chunk, rows - first));
}

// All in one layout.
void relu_pool_planes(const Tensor& from, const PoolGeometry& pool, const Tensor& output,
                      const Tensor& indices) {
  // A call of a kernel pools a plane, or all channels of an image.
  const bool channels_last = format_of(from) == kChannelsLast;
  const int64_t channels = channels_last ? from.size(1) : 1, width = from.size(-1);
  const int64_t planes = from.size(-2) * width * channels,
                pooled = pool.out_height * pool.out_width * channels;
  with_kernel_dtype(from.scalar_type(), [&]<typename T>(T) {
    const auto& k = kernels()->of<T>().conv;
    const T* const x = from.const_data_ptr<T>();
    T* const y = output.mutable_data_ptr<T>();
    uint8_t* const index = indices.mutable_data_ptr<uint8_t>();
    parallel_for(0, from.numel() / planes, kGrainElements / planes + 1,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     if (channels_last) {
                       k.relu_pool_channels_last(pool, x + i * planes, channels, width,
                                                 y + i * pooled, index + i * pooled);
                     } else {
                       k.relu_pool(pool, x + i * planes, width, y + i * pooled, index + i * pooled);
                     }
                   }
                 });
  });
}

void unpool_planes(const Tensor& grad, const Tensor& indices, const PoolGeometry& pool,
                   const Tensor& result) {
  const int64_t height = result.size(-2), width = result.size(-1);
  with_kernel_dtype(grad.scalar_type(), [&]<typename T>(T) {
    const auto& k = kernels()->of<T>().conv;
    const T* const dy = grad.const_data_ptr<T>();
    const uint8_t* const index = indices.const_data_ptr<uint8_t>();
    T* const dz = result.mutable_data_ptr<T>();
    const int64_t plane = height * width, pooled = pool.out_height * pool.out_width;
    parallel_for(
        0, grad.numel() / pooled, kGrainElements / plane + 1, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            k.unpool(pool, dy + i * pooled, index + i * pooled, height, width, dz + i * plane);
          }
        });
  });
}

at::DimVector resized(const Tensor& t, int64_t height, int64_t width) {
  at::DimVector sizes(t.sizes());
  sizes[sizes.size() - 2] = height;
  sizes[sizes.size() - 1] = width;
  return sizes;
}

}  // namespace

Gradients2 relu_pool(const Tensor& convolved, IntArrayRef kernel_size) {
  const auto format = format_of(convolved);
  const auto pool = pool_geometry(convolved.size(-2), convolved.size(-1), kernel_size);
  const auto sizes = resized(convolved, pool.out_height, pool.out_width);
  const Tensor output = at::empty(sizes, convolved.options(), format);
  const Tensor indices = at::empty(sizes, convolved.options().dtype(at::kByte), format);
  if (is_kernel_dtype(convolved.scalar_type())) {
    relu_pool_planes(convolved.contiguous(format), pool, output, indices);
  } else {
    for_each_float_chunk(convolved, [&](int64_t first, int64_t count) {
      const Tensor from = convolved.narrow(0, first, count).to(at::kFloat).contiguous(format),
                   to = output.narrow(0, first, count),
                   pooled = at::empty(to.sizes(), from.options(), format);
      relu_pool_planes(from, pool, pooled, indices.narrow(0, first, count));
      to.copy_(pooled);
    });
  }
  return {output, indices};
}

Tensor relu_pool_gradient(const Tensor& grad_output, const Tensor& indices) {
  const auto dtype =
      is_kernel_dtype(grad_output.scalar_type()) ? grad_output.scalar_type() : at::kFloat;
  const Tensor grad = grad_output.to(dtype).contiguous();
  const Tensor result = grad.is_same(grad_output) ? at::empty_like(grad) : grad;
  with_kernel_dtype(dtype, [&]<typename T>(T) {
    const T* const dy = grad.const_data_ptr<T>();
    const uint8_t* const index = indices.const_data_ptr<uint8_t>();
    T* const to = result.mutable_data_ptr<T>();
    parallel_for(0, grad.numel(), kGrainElements, [&](int64_t begin, int64_t end) {
      kernels()->of<T>().conv.relu_pool_gradient(dy + begin, index + begin, to + begin,
                                                 end - begin);
    });
  });
  return result;
}

Tensor unpool(const Tensor& grad, const Tensor& indices, int64_t height, int64_t width,
              IntArrayRef kernel_size, at::ScalarType dtype) {
  const auto pool = pool_geometry(height, width, kernel_size);
  const Tensor result = at::empty(resized(grad, height, width), grad.options().dtype(dtype));
  if (dtype == grad.scalar_type()) {
    unpool_planes(grad, indices, pool, result);
  } else {
    for_each_float_chunk(result, [&](int64_t first, int64_t count) {
      const Tensor to = result.narrow(0, first, count),
                   chunk = at::empty(to.sizes(), grad.options());
      unpool_planes(grad.narrow(0, first, count), indices.narrow(0, first, count), pool, chunk);
      to.copy_(chunk);
    });
  }
  return result;
}

}  // namespace inkgrad::cpu
