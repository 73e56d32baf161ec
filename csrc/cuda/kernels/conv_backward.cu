// The gradients of relu(max_pool2d(conv2d(x, w) + b)) for images of few channels, from what forward
// kept: the place of each maximum. The gradient of the convolution's output is zero but there.
#include "conv_parts.cuh"
#include "fill.h"
#include "math.h"

namespace inkgrad::cuda {
namespace {

// The gradient that an output of the pool hands on, and the pixel of the convolution that gets it.
struct Handed {
  float grad;
  int row, column;
};
__device__ __forceinline__ Handed handed_on(const ConvGeometry& g, int place, int64_t at,
                                            const float* grad_output, const float* output,
                                            const uint8_t* indices) {
  const int pooled_width = int(g.pooled_width), index = __ldg(indices + at);
  const int row = place / pooled_width, column = place - row * pooled_width;
  return {activate_backward(__ldg(grad_output + at), __ldg(output + at), Activation::relu),
          2 * row + index / 2, 2 * column + index % 2};
}

// A thread has K sums: a row of taps of the weight's gradient, or, after the rows of a channel, the
// bias's, over the places of the maxima.
template <int K>
__global__ void __launch_bounds__(512)
    conv_weight_grad_kernel(ConvGeometry g, WeightGradTiles tiles, const float* grad_output,
                            const float* output, const uint8_t* indices, const float* input,
                            double* parts) {
  extern __shared__ float4 shared[];  // placed gradients [images, channels, places], the images
  const int channels = int(g.out_channels), pitch = tiles.tile.pitch;
  const int places = int(g.pooled_height * g.pooled_width);
  const int image_elements = int(tiles.tile.elements(g.in_channels));
  PlacedGrad* const grads = reinterpret_cast<PlacedGrad*>(shared);
  float* const images =
      reinterpret_cast<float*>(grads + tiles.images * tiles.most_channels * tiles.grads_pitch);
  const int first = blockIdx.x * tiles.rows, all_rows = channels * tiles.rows_per_channel;
  const int last = min(first + tiles.rows, all_rows) - 1;
  const int first_channel = first / tiles.rows_per_channel;
  const int own_channels = last / tiles.rows_per_channel + 1 - first_channel;

  // Threads beyond the last row, and beyond the last group, repeat one, and write nothing.
  const int own = min(first + int(threadIdx.x) % tiles.rows, last);
  const int group = min(int(threadIdx.x) / tiles.rows, tiles.groups - 1);
  const bool writes = first + int(threadIdx.x) == own;
  const int channel = own / tiles.rows_per_channel, kernel_row = own % tiles.rows_per_channel;
  const bool is_bias = kernel_row == tiles.rows_per_channel - 1;
  const int row_at = is_bias ? 0 : (kernel_row / K * tiles.tile.rows + kernel_row % K) * pitch;

  double totals[K] = {};
  const int64_t end = tiles.begin(blockIdx.y + 1, g.images);
  for (int64_t n = tiles.begin(blockIdx.y, g.images); n < end; n += tiles.images) {
    const int here = int(end - n < tiles.images ? end - n : tiles.images);
    __syncthreads();  // the images before are done with
    const bool saw_special = load_images(g, tiles.tile, input, n, here, images);
#pragma unroll 2
    for (int i = threadIdx.x; i < here * own_channels * places; i += blockDim.x) {
      const int list = i / places, place = i - list * places;
      const int image = list / own_channels, of_block = list - image * own_channels;
      const int64_t start = ((n + image) * channels + first_channel + of_block) * places;
      const Handed h = handed_on(g, place, start + place, grad_output, output, indices);
      grads[(image * tiles.most_channels + of_block) * tiles.grads_pitch + place] = {
          h.grad, h.row * pitch + h.column};
    }
    const bool special = __syncthreads_or(saw_special);
    for (int image = 0; image < here; ++image) {
      const PlacedGrad* const own_grads =
          grads + (image * tiles.most_channels + channel - first_channel) * tiles.grads_pitch;
      const float* const own_image = images + image * image_elements + row_at;
      float sums[K] = {};
#pragma unroll 2
      for (int i = group; i < places; i += tiles.groups) {
        const PlacedGrad placed = own_grads[i];
#pragma unroll
        for (int k = 0; k < K; ++k) {
          sums[k] = fmaf(placed.grad, is_bias ? 1.0f : own_image[placed.at + k], sums[k]);
        }
      }
      if (special && !is_bias && group == 0) {
        // The zeros count as well: times what is not finite they are NaN, natively too.
        const int rows = tiles.tile.rows - K + 1;
        const int columns = int(g.in_width + 2 * g.pad_width) - K + 1;
        for (int i = 0; i < rows * columns; ++i) {
          const float* const window = own_image + i / columns * pitch + i % columns;
#pragma unroll
          for (int k = 0; k < K; ++k) sums[k] = fmaf(0.0f, window[k], sums[k]);
        }
      }
#pragma unroll
      for (int k = 0; k < K; ++k) totals[k] += sums[k];
    }
  }

  if (tiles.groups > 1) {
    double* const of_groups = reinterpret_cast<double*>(shared);
    double* const own_sums = of_groups + int(threadIdx.x) * K;
    __syncthreads();
    if (int(threadIdx.x) < tiles.rows * tiles.groups) {
#pragma unroll
      for (int k = 0; k < K; ++k) own_sums[k] = totals[k];
    }
    __syncthreads();
    for (int other = 1; writes && other < tiles.groups; ++other) {
#pragma unroll
      for (int k = 0; k < K; ++k) totals[k] += own_sums[other * tiles.rows * K + k];
    }
  }
  if (!writes) return;
  // Those of the weight, then those of the bias.
  const int taps = int(g.in_channels) * K * K;
  double* const of_slice = parts + blockIdx.y * int64_t(channels) * (taps + 1);
  if (is_bias) {
    of_slice[channels * taps + channel] = totals[0];
  } else {
#pragma unroll
    for (int k = 0; k < K; ++k) of_slice[channel * taps + kernel_row * K + k] = totals[k];
  }
}

// The input's gradient is a convolution of the output's: every place of the image with the weights
// turned round.
template <int K, int kTogether>
__global__ void __launch_bounds__(kLargestBlock)
    conv_input_grad_kernel(ConvGeometry g, PlaneTiles tiles, ChannelGroups groups,
                           const float* grad_output, const float* output, const uint8_t* indices,
                           const float* weight, float* grad_input) {
  extern __shared__ float4 shared[];  // weights, gradients of the convolution's output
  const int in_channels = int(g.in_channels), out_channels = int(g.out_channels);
  const int row = groups.row(), taps = out_channels * K * K, pitch = tiles.tile.pitch;
  const int places = int(g.pooled_height * g.pooled_width);
  const int plane = tiles.tile.rows * pitch;
  float* const weights = reinterpret_cast<float*>(shared);
  float* const grads = weights + taps * row;

  load_weights<kTogether>(taps, groups, weights, [&](int tap, int channel) {
    const int out = tap / (K * K), turned = K * K - 1 - tap % (K * K);
    return channel < in_channels ? __ldg(weight + (out * in_channels + channel) * K * K + turned)
                                 : 0.0f;
  });
  const int up = K - 1 - int(g.pad_height), to_left = K - 1 - int(g.pad_width);
  const int height = int(g.in_height), width = int(g.in_width), across = (width + 1) / 2;
  for (int64_t part = blockIdx.x; part < tiles.shares_of(g.images); part += gridDim.x) {
    const int64_t first = part / tiles.parts * int64_t(tiles.images), left = g.images - first;
    const int here = int(left < tiles.images ? left : tiles.images);
    __syncthreads();  // the gradients before are done with
    for (int i = threadIdx.x; i < here * out_channels * plane; i += blockDim.x) grads[i] = 0;
    __syncthreads();
#pragma unroll 4
    for (int i = threadIdx.x; i < here * out_channels * places; i += blockDim.x) {
      const int list = i / places;  // the channel of an image
      const Handed h = handed_on(g, i - list * places, first * out_channels * places + i,
                                 grad_output, output, indices);
      // With more padding than the kernel is wide its outermost places see no image.
      const int y = h.row + up, x = h.column + to_left;
      if (y >= 0 && y < tiles.tile.rows && x >= 0 && x < pitch) {
        grads[list * plane + y * pitch + x] = h.grad;
      }
    }
    __syncthreads();

    int share, image_in_block, place;
    int64_t image;
    if (!tiles.locate(part, threadIdx.x, g.images, &share, &image_in_block, &image, &place)) {
      continue;
    }
    const int y = 2 * (place / across), x = 2 * (place % across);
    const float* const corner = grads + image_in_block * out_channels * plane + y * pitch + x;
    for (int group = share; group < groups.count; group += tiles.channel_shares) {
      float sums[kTogether][4] = {};
      for (int c = 0; c < out_channels; ++c) {
        add_products<K>(corner + c * plane, pitch, weights + c * K * K * row + group * groups.pitch,
                        row, sums);
      }
#pragma unroll
      for (int c = 0; c < kTogether; ++c) {
        const int channel = group * kTogether + c;
        if (channel >= in_channels) break;
        float* const to = grad_input + ((image * in_channels + channel) * height + y) * width + x;
#pragma unroll
        for (int p = 0; p < 4; ++p) {
          if (y + p / 2 < height && x + p % 2 < width) to[p / 2 * width + p % 2] = sums[c][p];
        }
      }
    }
  }
}

// Of forward's geometries (conv_takes).
bool takes_weight(const ConvGeometry& g) {
  return weight_grad_shared_bytes(g, weight_grad_tiles(g)) <= kSharedBytes;
}

bool takes_input(const ConvGeometry& g) {
  return input_grad_shared_bytes(g, input_grad_tiles(g)) <= kSharedBytes;
}

int64_t weight_parts(const ConvGeometry& g) {
  const WeightGradTiles t = weight_grad_tiles(g);
  return t.slices * g.out_channels * (g.in_channels * g.kernel_height * g.kernel_width + 1);
}

void weight_grad(const ConvGeometry& g, const float* grad_output, const float* output,
                 const uint8_t* indices, const float* input, double* parts, float* grad_weight,
                 float* grad_bias, void* stream) {
  const WeightGradTiles t = weight_grad_tiles(g);
  const int64_t weights = g.out_channels * g.in_channels * g.kernel_height * g.kernel_width;
  const int64_t bytes = weight_grad_shared_bytes(g, t);
  const dim3 blocks(t.blocks, t.slices);
  const auto launch = [&](auto k) {
    allow_shared_bytes(conv_weight_grad_kernel<k>, bytes);
    conv_weight_grad_kernel<k><<<blocks, t.threads(), bytes, as_stream(stream)>>>(
        g, t, grad_output, output, indices, input, parts);
    INKGRAD_LAUNCH_CHECK();
  };
  g.kernel_height == 3 ? launch(std::integral_constant<int, 3>{})
                       : launch(std::integral_constant<int, 5>{});
  add_parts(parts, t.slices, weights, g.out_channels, 1, Dtype::f32, grad_weight, grad_bias,
            stream);
}

void input_grad(const ConvGeometry& g, const float* grad_output, const float* output,
                const uint8_t* indices, const float* weight, float* grad_input, void* stream) {
  const PlaneTiles tiles = input_grad_tiles(g);
  const ChannelGroups groups = channel_groups(g.in_channels);
  const int64_t bytes = input_grad_shared_bytes(g, tiles);
  with_kernel_size(g.kernel_height, groups.together, [&](auto k, auto together) {
    allow_shared_bytes(conv_input_grad_kernel<k, together>, bytes);
    conv_input_grad_kernel<k, together>
        <<<tiles.blocks(g.images), tiles.threads, bytes, as_stream(stream)>>>(
            g, tiles, groups, grad_output, output, indices, weight, grad_input);
    INKGRAD_LAUNCH_CHECK();
  });
}

}  // namespace

void fill_conv_backward(Kernels& table) {
  table.conv_weight_grad_takes = takes_weight;
  table.conv_weight_grad_parts = weight_parts;
  table.conv_weight_grad = weight_grad;
  table.conv_input_grad_takes = takes_input;
  table.conv_input_grad = input_grad;
}

}  // namespace inkgrad::cuda
