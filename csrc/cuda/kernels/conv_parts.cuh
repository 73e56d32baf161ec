// What the kernels of the convolutions of few channels share.
#pragma once

#include "common.cuh"
#include "conv_map.h"

namespace inkgrad::cuda {

// Loads under way at a time: a thread that waits for each would wait most of the time.
inline constexpr int kAhead = 8;

// `images` images from `first` on into shared memory, channel by channel, with zeros around them.
__device__ __forceinline__ void load_images(const ConvGeometry& g, const ImageTile& tile,
                                            const float* input, int64_t first, int images,
                                            float* to) {
  const int height = int(g.in_height), width = int(g.in_width);
  const float* const from = input + first * g.in_channels * height * width;
  if (tile.rows == height && tile.pitch == width) {  // as they are in memory
    const int elements = images * int(tile.elements(g.in_channels));
    if (elements % 4 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0) {
#pragma unroll kAhead
      for (int i = threadIdx.x; i < elements / 4; i += blockDim.x) {
        reinterpret_cast<float4*>(to)[i] = __ldg(reinterpret_cast<const float4*>(from) + i);
      }
    } else {
#pragma unroll kAhead
      for (int i = threadIdx.x; i < elements; i += blockDim.x) to[i] = __ldg(from + i);
    }
    return;
  }
  // A warp takes a row.
  const int rows = images * int(g.in_channels) * tile.rows, lane = threadIdx.x % 32;
  for (int column = lane; column < tile.pitch; column += 32) {
    const int x = column - int(g.pad_width);
#pragma unroll 4
    for (int r = threadIdx.x / 32; r < rows; r += blockDim.x / 32) {
      const int plane = r / tile.rows, y = r - plane * tile.rows - int(g.pad_height);
      const bool inside = y >= 0 && y < height && x >= 0 && x < width;
      to[r * tile.pitch + column] = inside ? __ldg(from + (plane * height + y) * width + x) : 0.0f;
    }
  }
}

// weights[plane][tap][slot of channel] = at(plane, tap, channel), which is 0 where there is no such
// channel.
template <int K, int kTogether, typename At>
__device__ __forceinline__ void load_weights(int planes, const ChannelGroups& groups,
                                             float* weights, At at) {
  const int row = groups.row(), pitch = groups.plane(K);
#pragma unroll 4
  for (int i = threadIdx.x; i < planes * pitch; i += blockDim.x) {
    const int plane = i / pitch, of_plane = i - plane * pitch;
    const int tap = of_plane / row, slot = of_plane - tap * row;
    const int group = slot / groups.pitch, of_group = slot - group * groups.pitch;
    const bool used = tap < K * K && of_group < kTogether;
    weights[i] = used ? at(plane, tap, group * kTogether + of_group) : 0.0f;
  }
}

// The weights of a group of channels, one tap after the other.
template <int K, int kTogether>
class Weights {
 public:
  __device__ __forceinline__ Weights(const float* from, int row) : from_(from), row_(row) {}

  __device__ __forceinline__ void next(int tap, float (&w)[kTogether]) {
    if constexpr (kTogether == 1) {
      if (tap % 4 == 0) four_ = *reinterpret_cast<const float4*>(from_ + tap);
      w[0] = tap % 4 == 0 ? four_.x : tap % 4 == 1 ? four_.y : tap % 4 == 2 ? four_.z : four_.w;
    } else {
      const float* const own = from_ + tap * row_;
      const float4 four = *reinterpret_cast<const float4*>(own);
      w[0] = four.x, w[1] = four.y, w[2] = four.z, w[3] = four.w;
      if constexpr (kTogether == 5) w[4] = own[4];
    }
  }

 private:
  const float* from_;
  int row_;
  float4 four_;
};

// sums[c][p] += the products of a plane around a 2 x 2 window with the K x K weights of kTogether
// channels, for each place p of the window. The plane's (K + 1)^2 elements are in registers.
template <int K, int kTogether>
__device__ __forceinline__ void add_products(const float* corner, int pitch,
                                             Weights<K, kTogether> weights,
                                             float (&sums)[kTogether][4]) {
  float pixels[K + 1][K + 1];
#pragma unroll
  for (int y = 0; y <= K; ++y) {
#pragma unroll
    for (int x = 0; x <= K; x += 2) {
      const float2 pair = *reinterpret_cast<const float2*>(corner + y * pitch + x);
      pixels[y][x] = pair.x;
      pixels[y][x + 1] = pair.y;
    }
  }
#pragma unroll
  for (int tap = 0; tap < K * K; ++tap) {
    float w[kTogether];
    weights.next(tap, w);
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      const float pixel = pixels[tap / K + p / 2][tap % K + p % 2];
#pragma unroll
      for (int c = 0; c < kTogether; ++c) sums[c][p] = fmaf(w[c], pixel, sums[c][p]);
    }
  }
}

// Calls f(K, channels together) as compile-time constants.
template <typename F>
void with_kernel_size(int64_t k, int together, F f) {
  const auto with_k = [&](auto size) {
    switch (together) {
      case 1:
        return f(size, std::integral_constant<int, 1>{});
      case 4:
        return f(size, std::integral_constant<int, 4>{});
      case 5:
        return f(size, std::integral_constant<int, 5>{});
    }
  };
  k == 3 ? with_k(std::integral_constant<int, 3>{}) : with_k(std::integral_constant<int, 5>{});
}

// A block may have as much shared memory as it asks for.
template <typename K>
void allow_shared_bytes(K kernel, int64_t bytes) {
  constexpr int64_t kAlwaysAllowed = 48 * 1024;
  if (bytes > kAlwaysAllowed) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes));
  }
}

}  // namespace inkgrad::cuda
