// Transposes images of 16-bit numbers from [images, channels, pixels] to [images, pixels,
// channels], the memory format of the tensor cores, and back, adding a bias for each channel.
//
// A block transposes a square of 64 channels and 64 pixels in shared memory; each access is 16
// bytes. Channels and pixels are multiples of 8.
#include "device.cuh"
#include "entries.h"

namespace inkgrad::cuda {
namespace {

constexpr int kSide = 64, kVectors = kSide / 8;
// An odd number of words between rows: columns are read without bank conflicts.
constexpr int kPitch = kSide + 2;

// to[column * rows + row] = f(column)(from[row * columns + column]) for a square of an image.
template <typename T, typename F>
__device__ __forceinline__ void transpose_square(const T* from, T* to, int rows, int columns, F f) {
  __shared__ T square[kSide * kPitch];
  const int across = (columns + kSide - 1) / kSide, down = (rows + kSide - 1) / kSide;
  const int64_t image = int64_t(blockIdx.x / (across * down)) * rows * columns;
  const int first_row = blockIdx.x / across % down * kSide,
            first_column = blockIdx.x % across * kSide;
  from += image;
  to += image;
  for (int vector = threadIdx.x; vector < kSide * kVectors; vector += kThreads) {
    const int row = vector / kVectors, column = vector % kVectors * 8;
    if (first_row + row >= rows || first_column + column >= columns) continue;
    const int4 bits = __ldg(reinterpret_cast<const int4*>(
        from + int64_t(first_row + row) * columns + first_column + column));
    T values[8];
    memcpy(values, &bits, sizeof bits);
#pragma unroll
    for (int i = 0; i < 8; ++i) square[row * kPitch + column + i] = values[i];
  }
  __syncthreads();
  for (int vector = threadIdx.x; vector < kSide * kVectors; vector += kThreads) {
    const int column = vector / kVectors, row = vector % kVectors * 8;
    if (first_row + row >= rows || first_column + column >= columns) continue;
    const auto of_column = f(first_column + column);
    T values[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) values[i] = of_column(square[(row + i) * kPitch + column]);
    int4 bits;
    memcpy(&bits, values, sizeof bits);
    *reinterpret_cast<int4*>(to + int64_t(first_column + column) * rows + first_row + row) = bits;
  }
}

__global__ void __launch_bounds__(kThreads)
    to_channels_last_kernel(const uint16_t* images, int channels, int pixels,
                            uint16_t* channels_last) {
  transpose_square(images, channels_last, channels, pixels,
                   [](int) { return [](uint16_t value) { return value; }; });
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 6)
    from_channels_last_kernel(const T* channels_last, int channels, int pixels, const T* bias,
                              T* images) {
  transpose_square(channels_last, images, pixels, channels, [&](int channel) {
    const float offset = widen(__ldg(bias + channel));
    return [=](T value) { return narrow<T>(widen(value) + offset); };
  });
}

int64_t squares(int64_t images, int64_t rows, int64_t columns) {
  return images * ceil_div(columns, kSide) * ceil_div(rows, kSide);
}

void to_channels_last(const Images& g, const void* images, void* channels_last, void* stream) {
  to_channels_last_kernel<<<squares(g.count, g.channels, g.pixels), kThreads, 0,
                            as_stream(stream)>>>(static_cast<const uint16_t*>(images),
                                                 int(g.channels), int(g.pixels),
                                                 static_cast<uint16_t*>(channels_last));
  INKGRAD_LAUNCH_CHECK();
}

void from_channels_last(const Images& g, const void* channels_last, const void* bias, void* images,
                        void* stream) {
  const auto launch = [&](auto zero) {
    using T = decltype(zero);
    from_channels_last_kernel<T>
        <<<squares(g.count, g.pixels, g.channels), kThreads, 0, as_stream(stream)>>>(
            static_cast<const T*>(channels_last), int(g.channels), int(g.pixels),
            static_cast<const T*>(bias), static_cast<T*>(images));
    INKGRAD_LAUNCH_CHECK();
  };
  g.dtype == Dtype::f16 ? launch(__half{}) : launch(__nv_bfloat16{});
}

const Entries entries([](Kernels& table) {
  table.to_channels_last = to_channels_last;
  table.from_channels_last = from_channels_last;
});

}  // namespace
}  // namespace inkgrad::cuda
