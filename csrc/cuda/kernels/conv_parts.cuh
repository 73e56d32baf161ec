// Parts of the kernels for convolutions of few channels.
#pragma once

#include "conv_map.h"
#include "device.cuh"

namespace inkgrad::cuda {

// Loads in flight, to hide their latency.
inline constexpr int kAhead = 8;

// Loads `images` images from `first` on into shared memory, with zeros around each channel.
__device__ __forceinline__ void load_images(const PooledConv& g, const ImageTile& tile,
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
  // A row for each warp.
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

// Loads the weights, at(plane, tap, channel), by plane and group (conv_map.h). at() returns 0 for
// channels that do not exist.
template <int K, int kTogether, typename At>
__device__ __forceinline__ void load_weights(int planes, int groups, float* weights, At at) {
  constexpr int kElements = group_elements(K, kTogether), kFours = kTogether / 4 * 4 * K * K;
#pragma unroll kAhead
  for (int i = threadIdx.x; i < planes * groups * kElements; i += blockDim.x) {
    const int list = i / kElements, element = i - list * kElements;
    const int plane = list / groups, group = list - plane * groups;
    const bool four = element < kFours;
    const int tap = four ? element / 4 : element - kFours;
    const int channel = group * kTogether + (four ? element % 4 : kTogether - 1);
    weights[i] = tap < K * K ? at(plane, tap, channel) : 0.0f;
  }
}

// sums[c][p] += the products of a plane with the K x K weights of a group of channels, for each
// position p of a 2 x 2 window. row(y): the window's K + 1 elements of a row, which are read in
// pairs.
template <int K, int kTogether, typename Row>
__device__ __forceinline__ void add_products(Row row, const float* weights,
                                             float (&sums)[kTogether][4]) {
  float pixels[K + 1][K + 1];
#pragma unroll
  for (int y = 0; y <= K; ++y) {
#pragma unroll
    for (int x = 0; x <= K; x += 2) {
      const float2 pair = *reinterpret_cast<const float2*>(row(y) + x);
      pixels[y][x] = pair.x;
      pixels[y][x + 1] = pair.y;
    }
  }
  const float4* const fours = reinterpret_cast<const float4*>(weights);
  const float4* const singles = fours + kTogether / 4 * K * K;
  float4 single;  // the last channel's of four taps
#pragma unroll
  for (int tap = 0; tap < K * K; ++tap) {
    float w[kTogether];
    if constexpr (kTogether >= 4) {
      const float4 four = fours[tap];
      w[0] = four.x, w[1] = four.y, w[2] = four.z, w[3] = four.w;
    }
    if constexpr (kTogether % 4 == 1) {
      if (tap % 4 == 0) single = singles[tap / 4];
      const float of_tap[] = {single.x, single.y, single.z, single.w};
      w[kTogether - 1] = of_tap[tap % 4];
    }
#pragma unroll
    for (int p = 0; p < 4; ++p) {
      const float pixel = pixels[tap / K + p / 2][tap % K + p % 2];
#pragma unroll
      for (int c = 0; c < kTogether; ++c) sums[c][p] = fmaf(w[c], pixel, sums[c][p]);
    }
  }
}

// Calls f(K, channels together) with compile-time constants.
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

// Allows a block more shared memory than the default.
template <typename K>
void allow_shared_bytes(K kernel, int64_t bytes) {
  constexpr int64_t kAlwaysAllowed = 48 * 1024;
  if (bytes > kAlwaysAllowed) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes));
  }
}

}  // namespace inkgrad::cuda
