// The weight and bias gradients of relu(max_pool2d(conv2d(x, w) + b)) for few channels, from the
// index of each maximum. The gradient of the convolution's output is zero elsewhere, so a quarter
// of the products of a dense gradient remain, each at its own position.
//
// So images are in lanes: a lane has an image, and reads its element from its own bank wherever the
// maximum is. A warp has an output channel and a few input channels, with their sums in registers,
// which the lanes add up after 32 images.
#include "conv_parts.cuh"
#include "conv_weight_map.h"
#include "entries.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

// A thread loads an element of this many images, to store 16 bytes.
constexpr int kImagesPerThread = 4, kThreadsPerElement = kImageLanes / kImagesPerThread;

// The element that a thread loads, and its first image, `next`. A warp loads 8 elements, a sector
// of memory if they are consecutive, of 16 images; odd elements start at the other half of the
// images, so that the stores of 8 threads are in different banks.
struct ImageSlot {
  int element, next;

  __device__ __forceinline__ ImageSlot(int i, int elements) {
    constexpr int kHalf = kThreadsPerElement / 2;
    const int half = i / (kHalf * elements), of_half = i - half * kHalf * elements;
    element = of_half / kHalf;
    next = ((half ^ element % 2) * kHalf + of_half % kHalf) * kImagesPerThread;
  }
};

// Adds kCount values, a multiple of 32, over the lanes of a warp. Lane i then has the sums of
// values i * kCount / 32 and following at the front of v. In each round, lanes exchange half of
// their values.
template <int kApart = kImageLanes / 2, int kCount>
__device__ __forceinline__ void sum_over_lanes(float (&v)[kCount]) {
  constexpr int kHalf = kCount * kApart / kImageLanes;
  const bool upper = threadIdx.x & kApart;
#pragma unroll
  for (int i = 0; i < kHalf; ++i) {
    const float given = upper ? v[i] : v[i + kHalf], kept = upper ? v[i + kHalf] : v[i];
    v[i] = kept + __shfl_xor_sync(0xffffffffu, given, kApart);
  }
  if constexpr (kApart > 1) sum_over_lanes<kApart / 2>(v);
}

// Loads the elements of `here` images that a tile needs, with zeros around them. Returns whether
// this thread loaded a non-finite number.
__device__ __forceinline__ bool load_images_in_lanes(const PooledConv& g, const WeightGradTiles& t,
                                                     const WeightGradPart& part, const float* input,
                                                     int64_t first, int here, float* images) {
  const int height = int(g.in_height), width = int(g.in_width), elements = t.image_elements();
  const int64_t image = g.in_channels * height * width;
  bool finite = true;
#pragma unroll 2
  for (int i = threadIdx.x; i < kThreadsPerElement * elements; i += blockDim.x) {
    const auto [element, next] = ImageSlot(i, elements);
    const int line = element / t.image_pitch, channel = line / t.image_rows;
    const int row = 2 * part.row + line - channel * t.image_rows - int(g.pad_height);
    const int column = 2 * part.column + element - line * t.image_pitch - int(g.pad_width);
    const int of_all = part.in_channel + channel;
    const bool inside =
        of_all < g.in_channels && row >= 0 && row < height && column >= 0 && column < width;
    const float* const from =
        input + (first + next) * image + (int64_t(of_all) * height + row) * width + column;
    float values[kImagesPerThread];
#pragma unroll
    for (int k = 0; k < kImagesPerThread; ++k) {
      values[k] = inside && next + k < here ? __ldg(from + k * image) : 0.0f;
      finite = finite && isfinite(values[k]);
    }
    *reinterpret_cast<float4*>(images + element * kImageLanes + next) = {values[0], values[1],
                                                                         values[2], values[3]};
  }
  return !finite;
}

// Loads the gradients of up to t.chunk positions of a tile from `start` on, and where they go.
__device__ __forceinline__ void load_grads(const PooledConv& g, const WeightGradTiles& t,
                                           const WeightGradPart& part,
                                           const PooledConvGradient& gradient, int64_t first,
                                           int here, int start, PlacedGrad* grads) {
  const auto [grad_output, indices] = gradient;
  const int height = int(g.pool.out_height), width = int(g.pool.out_width);
  const int64_t image = g.out_channels * height * width;
  for (int i = threadIdx.x; i < kThreadsPerElement * t.grad_elements(); i += blockDim.x) {
    const auto [element, next] = ImageSlot(i, t.grad_elements());
    const int warp = element / t.chunk, position = start + element - warp * t.chunk;
    const int row = position / t.columns, column = position - row * t.columns;
    const int channel = part.out_channel + warp;
    const bool inside = channel < g.out_channels && row < t.rows && part.row + row < height &&
                        part.column + column < width;
    const int64_t at = (first + next) * image +
                       (int64_t(channel) * height + part.row + row) * width + part.column + column;
    float grad[kImagesPerThread];
    int index[kImagesPerThread];
#pragma unroll
    for (int k = 0; k < kImagesPerThread; ++k) {
      const bool there = inside && next + k < here;
      const int64_t own = at + k * image;
      const int saved = there ? __ldg(indices + own) : kNoGradient;
      const float value = there ? __ldg(grad_output + own) : 0.0f;
      index[k] = saved % 4;  // no other stays inside the tile
      grad[k] = saved == kNoGradient ? 0.0f : value;
    }
#pragma unroll
    for (int k = 0; k < kImagesPerThread; ++k) {
      // (The last chunk may extend beyond the tile.)
      const int pixel =
          inside ? (2 * row + index[k] / 2) * t.image_pitch + 2 * column + index[k] % 2 : 0;
      grads[element * kImageLanes + next + k] = {grad[k], pixel * kImageLanes};
    }
  }
}

// sums += grad times the K x K elements from `window` on of each channel.
template <int K, int kChannels, int kCount>
__device__ __forceinline__ void add_window(float grad, const float* window, int plane, int pitch,
                                           float (&sums)[kCount]) {
#pragma unroll
  for (int c = 0; c < kChannels; ++c) {
#pragma unroll
    for (int y = 0; y < K; ++y) {
      const float* const row = window + c * plane + y * pitch;
#pragma unroll
      for (int x = 0; x < K; ++x) {
        float& sum = sums[(c * K + y) * K + x];
        sum = fmaf(grad, row[x * kImageLanes], sum);
      }
    }
  }
}

template <int K, int kChannels>
__global__ void __launch_bounds__(320, 2)
    conv_weight_grad_kernel(PooledConv g, WeightGradTiles t, PooledConvGradient gradient,
                            const float* input, double* parts) {
  // The sums of the weight, then of the bias; the rest stays zero.
  constexpr int kTaps = kChannels * K * K, kCount = (kTaps / kImageLanes + 1) * kImageLanes;
  constexpr int kOwn = kCount / kImageLanes;
  extern __shared__ float4 shared[];  // gradients [warps, chunk], elements of the images
  PlacedGrad* const grads = reinterpret_cast<PlacedGrad*>(shared);
  float* const images = reinterpret_cast<float*>(grads + t.grad_elements() * kImageLanes);
  const WeightGradPart part = t.part(blockIdx.x);
  const int warp = threadIdx.x / kImageLanes, lane = threadIdx.x % kImageLanes;
  const int pitch = t.image_pitch * kImageLanes, plane = t.image_rows * pitch;
  const PlacedGrad* const own_grads = grads + warp * t.chunk * kImageLanes + lane;
  const float* const own_image = images + lane;

  double totals[kOwn] = {};
  const int64_t end = t.begin(blockIdx.y + 1, g.images);
  for (int64_t n = t.begin(blockIdx.y, g.images); n < end; n += kImageLanes) {
    const int here = int(g.images - n < kImageLanes ? g.images - n : kImageLanes);
    __syncthreads();  // the previous images have been read
    bool special = load_images_in_lanes(g, t, part, input, n, here, images);
    float sums[kCount] = {};
    for (int start = 0; start < t.rows * t.columns; start += t.chunk) {
      __syncthreads();  // and the gradients
      load_grads(g, t, part, gradient, n, here, start, grads);
      special = __syncthreads_or(special);
      for (int i = 0; i < t.chunk; ++i) {
        const PlacedGrad placed = own_grads[i * kImageLanes];
        add_window<K, kChannels>(placed.grad, own_image + placed.at, plane, pitch, sums);
        sums[kTaps] += placed.grad;
      }
    }
    if (special) {
      // Zero gradients count too: times a non-finite number they are NaN, as in torch.
      for (int y = 0; y + K <= t.image_rows; ++y) {
        for (int x = 0; x + K <= t.image_pitch; ++x) {
          const float* const window = own_image + y * pitch + x * kImageLanes;
          add_window<K, kChannels>(0.0f, window, plane, pitch, sums);
        }
      }
    }
    sum_over_lanes(sums);
#pragma unroll
    for (int i = 0; i < kOwn; ++i) totals[i] += sums[i];
  }

  // For each slice and tile: weight gradient [out, in, K, K], then bias gradient [out].
  const int channel = part.out_channel + warp, in_channels = int(g.in_channels);
  const int64_t weights = g.out_channels * in_channels * K * K;
  double* const to =
      parts + (blockIdx.y * int64_t(t.tiles()) + part.tile) * (weights + g.out_channels);
  if (channel >= g.out_channels) return;
#pragma unroll
  for (int i = 0; i < kOwn; ++i) {
    const int sum = lane * kOwn + i;
    if (sum < kTaps && part.in_channel + sum / (K * K) < in_channels) {
      to[(int64_t(channel) * in_channels + part.in_channel) * K * K + sum] = totals[i];
    } else if (sum == kTaps && part.in_channel == 0) {
      to[weights + channel] = totals[i];
    }
  }
}

int64_t weight_grad_parts(const PooledConv& g) {
  const WeightGradTiles t = weight_grad_tiles(g);
  return t.slices * t.tiles() * g.out_channels *
         (g.in_channels * g.kernel_height * g.kernel_width + 1);
}

void weight_grad(const PooledConv& g, const PooledConvGradient& gradient, const float* input,
                 double* parts, float* grad_weight, float* grad_bias, void* stream) {
  const WeightGradTiles t = weight_grad_tiles(g);
  const int64_t bytes = weight_grad_shared_bytes(t);
  const auto launch = [&](auto k, auto channels) {
    allow_shared_bytes(conv_weight_grad_kernel<k, channels>, bytes);
    conv_weight_grad_kernel<k, channels>
        <<<dim3(t.blocks(), t.slices), t.threads(), bytes, as_stream(stream)>>>(g, t, gradient,
                                                                                input, parts);
    INKGRAD_LAUNCH_CHECK();
  };
  const auto with_k = [&](auto k) {
    constexpr int several = channels_of_warp(k, 2);
    t.in_channels == 1 ? launch(k, std::integral_constant<int, 1>{})
                       : launch(k, std::integral_constant<int, several>{});
  };
  g.kernel_height == 3 ? with_k(std::integral_constant<int, 3>{})
                       : with_k(std::integral_constant<int, 5>{});
  const int64_t weights = g.out_channels * g.in_channels * g.kernel_height * g.kernel_width;
  add_parts(parts, t.slices * t.tiles(), weights, g.out_channels, 1, Dtype::f32, grad_weight,
            grad_bias, stream);
}

const Entries entries([](Kernels& table) {
  table.conv_weight_grad_parts = weight_grad_parts;
  table.conv_weight_grad = weight_grad;
});

}  // namespace
}  // namespace inkgrad::cuda
