// relu(max_pool2d(x + bias)) after another convolution, and its backward, in one pass each. Torch
// makes three passes and keeps 8 bytes of index for each output; these kernels keep one.
//
// A thread computes one element.
#include "device.cuh"
#include "entries.h"
#include "pool_map.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

template <typename T, bool kChannelsLast>
__global__ void __launch_bounds__(kThreads)
    relu_pool_kernel(PoolMap<kChannelsLast> map, uint32_t n, const T* planes, const T* bias,
                     T* output, uint8_t* indices) {
  using C = ComputeType<T>;
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= n) return;
  const PoolPosition at = map.output_position(i);
  const T* const window = planes + map.window_start(at);
  const C offset = bias ? widen(__ldg(bias + at.channel)) : C(0);
  // Rounded to T after the bias, as in torch, so that ties are the same.
  const auto value = [&](uint32_t row, uint32_t column) {
    const C v = widen(__ldg(window + map.step(row, column)));
    return bias ? widen(narrow<T>(v + offset)) : v;
  };
  C best = value(0, 0);
  uint32_t index = 0;
  for (uint32_t row = 0; row < map.window_height.divisor; ++row) {
    for (uint32_t column = 0; column < map.window_width.divisor; ++column) {
      const C v = value(row, column);
      if (beats(v, best)) {
        best = v;
        index = row * map.window_width.divisor + column;
      }
    }
  }
  output[i] = narrow<T>(activate(best, Activation::relu));
  indices[i] = uint8_t(best <= C(0) ? kNoGradient : index);
}

template <typename T, bool kChannelsLast>
__global__ void __launch_bounds__(kThreads)
    relu_pool_backward_kernel(PoolMap<kChannelsLast> map, uint32_t n, const T* grad_output,
                              const uint8_t* indices, T* grad_planes) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= n) return;
  const PlanePosition at = map.plane_position(i);
  const bool passes = at.in_window && __ldg(indices + at.output) == at.index;
  grad_planes[i] = passes ? __ldg(grad_output + at.output) : narrow<T>(ComputeType<T>(0));
}

uint32_t blocks_of(int64_t n) { return uint32_t(ceil_div(n, kThreads)); }

void relu_pool(const PooledImages& g, const void* images, const void* bias, void* output,
               uint8_t* indices, void* stream) {
  const int64_t n = g.images * g.channels * g.out_height * g.out_width;
  with_dtype(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    with_flag(g.channels_last, [&](auto channels_last) {
      relu_pool_kernel<T, channels_last><<<blocks_of(n), kThreads, 0, as_stream(stream)>>>(
          PoolMap<channels_last>(g), n, static_cast<const T*>(images), static_cast<const T*>(bias),
          static_cast<T*>(output), indices);
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

void relu_pool_backward(const PooledImages& g, const void* grad_output, const uint8_t* indices,
                        void* grad_images, void* stream) {
  const int64_t n = g.images * g.channels * g.height * g.width;
  with_dtype(g.dtype, [&](auto zero) {
    using T = decltype(zero);
    with_flag(g.channels_last, [&](auto channels_last) {
      relu_pool_backward_kernel<T, channels_last><<<blocks_of(n), kThreads, 0, as_stream(stream)>>>(
          PoolMap<channels_last>(g), n, static_cast<const T*>(grad_output), indices,
          static_cast<T*>(grad_images));
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

const Entries entries([](Kernels& table) {
  table.relu_pool = relu_pool;
  table.relu_pool_backward = relu_pool_backward;
});

}  // namespace
}  // namespace inkgrad::cuda
