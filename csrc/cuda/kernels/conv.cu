// relu(max_pool2d(conv2d(x, w) + b)) for images of few channels, in one kernel, and the gradients
// of weight and bias from what it kept: the place of each maximum, a byte an output.
//
// Few: at most kMostTaps products an output. Native passes over the unpooled planes six times (the
// convolution, the bias, the pool and its indices, the relu), about 24 bytes an element; up to here
// the products take less time than that traffic. With more of them the tensor cores win.
#include "common.cuh"
#include "conv_map.h"
#include "fill.h"
#include "math.h"

namespace inkgrad::cuda {
namespace {

constexpr int64_t kMostTaps = 75;

// `images` images from `first` on into shared memory, channel by channel, with zeros around them.
// Returns whether this thread saw a number that is not finite.
__device__ bool load_images(const ConvGeometry& g, const ImageTile& tile, const float* input,
                            int64_t first, int64_t images, float* to) {
  const int per_image = int(tile.elements(g.in_channels)), height = int(g.in_height),
            width = int(g.in_width), plane = height * width;
  bool finite = true;
  for (int i = threadIdx.x; i < images * per_image; i += blockDim.x) {
    const int image = i / per_image, row_of_all = i % per_image / tile.pitch;
    const int channel = row_of_all / tile.rows;
    const int row = row_of_all % tile.rows - int(g.pad_height);
    const int column = i % tile.pitch - int(g.pad_width);
    float value = 0;
    if (row >= 0 && row < height && column >= 0 && column < width) {
      const int64_t planes = (first + image) * g.in_channels + channel;
      value = __ldg(input + planes * plane + row * width + column);
      finite = finite && isfinite(value);
    }
    to[i] = value;
  }
  return !finite;
}

// Windows of 2 x 2, a kernel of K x K, stride and dilation 1. A thread keeps the (K + 1)^2 pixels
// that its window sees in registers and computes four channels from them at a time.
template <int K>
__global__ void __launch_bounds__(256)
    conv_relu_pool_kernel(ConvGeometry g, ForwardTiles tiles, const float* input,
                          const float* weight, const float* bias, float* output, uint8_t* indices) {
  extern __shared__ float4 shared[];  // weights [IC, K, K, OC], bias [OC], images
  const int outputs = padded_outputs(g), in_channels = int(g.in_channels);
  const int channels = int(g.out_channels), taps = in_channels * K * K;
  float* const weights = reinterpret_cast<float*>(shared);
  float* const offsets = weights + taps * outputs;
  float* const images = offsets + outputs;

  for (int i = threadIdx.x; i < taps * outputs; i += blockDim.x) {
    const int tap = i / outputs, channel = i % outputs;
    weights[i] = channel < channels ? __ldg(weight + channel * taps + tap) : 0.0f;
  }
  for (int i = threadIdx.x; i < outputs; i += blockDim.x) {
    offsets[i] = bias && i < channels ? __ldg(bias + i) : 0.0f;
  }
  const int64_t first = blockIdx.x / tiles.parts * int64_t(tiles.images);
  const int64_t here = g.images - first < tiles.images ? g.images - first : tiles.images;
  load_images(g, tiles.tile, input, first, here, images);
  __syncthreads();

  int image_in_block, place;
  int64_t image;
  if (!tiles.locate(blockIdx.x, threadIdx.x, g.images, &image_in_block, &image, &place)) return;
  const int pooled_width = int(g.pooled_width), pitch = tiles.tile.pitch;
  const int row = place / pooled_width, column = place % pooled_width;
  const int plane = tiles.tile.rows * pitch;
  const float* const corner =
      images + image_in_block * in_channels * plane + 2 * row * pitch + 2 * column;

  for (int channel = 0; channel < channels; channel += kOutputsAtOnce) {
    float sums[kOutputsAtOnce][4] = {};  // of the four places of the window
    for (int c = 0; c < in_channels; ++c) {
      float pixels[K + 1][K + 1];
#pragma unroll
      for (int y = 0; y <= K; ++y) {
#pragma unroll
        for (int x = 0; x <= K; x += 2) {
          const float2 pair = *reinterpret_cast<const float2*>(corner + c * plane + y * pitch + x);
          pixels[y][x] = pair.x;
          pixels[y][x + 1] = pair.y;
        }
      }
      const float* const own = weights + c * K * K * outputs + channel;
#pragma unroll
      for (int y = 0; y < K; ++y) {
#pragma unroll
        for (int x = 0; x < K; ++x) {
          const float4 w = *reinterpret_cast<const float4*>(own + (y * K + x) * outputs);
#pragma unroll
          for (int p = 0; p < 4; ++p) {
            const float pixel = pixels[y + p / 2][x + p % 2];
            sums[0][p] = fmaf(w.x, pixel, sums[0][p]);
            sums[1][p] = fmaf(w.y, pixel, sums[1][p]);
            sums[2][p] = fmaf(w.z, pixel, sums[2][p]);
            sums[3][p] = fmaf(w.w, pixel, sums[3][p]);
          }
        }
      }
    }
#pragma unroll
    for (int c = 0; c < kOutputsAtOnce; ++c) {
      if (channel + c >= channels) break;
      const float offset = offsets[channel + c];
      float best = sums[c][0] + offset;
      int index = 0;
#pragma unroll
      for (int p = 1; p < 4; ++p) {
        const float v = sums[c][p] + offset;
        if (beats(v, best)) {
          best = v;
          index = p;
        }
      }
      const int64_t at = (image * channels + channel + c) * tiles.places + place;
      output[at] = activate(best, Activation::relu);
      indices[at] = uint8_t(index);
    }
  }
}

// A thread has one sum: an element of the weight's gradient, or, after the taps of a channel, the
// bias's. The gradient of the convolution's output is zero but where a maximum was, so that only
// those places are gone through.
__global__ void __launch_bounds__(512)
    conv_backward_kernel(ConvGeometry g, BackwardTiles tiles, const float* grad_output,
                         const float* output, const uint8_t* indices, const float* input,
                         double* weight_parts, double* bias_parts) {
  extern __shared__ float4 shared[];  // placed gradients [channels, kPlacesAtOnce], the image
  PlacedGrad* const grads = reinterpret_cast<PlacedGrad*>(shared);
  float* const image = reinterpret_cast<float*>(grads + tiles.most_channels * kPlacesAtOnce);
  const int pitch = tiles.tile.pitch, channels = int(g.out_channels);
  const int places = int(g.pooled_height * g.pooled_width), taps = tiles.sums_per_channel - 1;
  const int first = blockIdx.x * blockDim.x, last = first + blockDim.x - 1;
  const int first_channel = first / tiles.sums_per_channel;
  const int end_channel = min(last / tiles.sums_per_channel + 1, channels);

  // Threads beyond the last sum repeat it, and write nothing.
  const int own = min(first + int(threadIdx.x), channels * tiles.sums_per_channel - 1);
  const int channel = own / tiles.sums_per_channel, tap = own % tiles.sums_per_channel;
  const bool is_bias = tap == taps;
  const int kernel_width = int(g.kernel_width), area = int(g.kernel_height) * kernel_width;
  const int tap_row = tap % area / kernel_width, tap_column = tap % kernel_width;
  const int tap_at =
      is_bias ? 0
              : (tap / area * tiles.tile.rows + tap_row * int(g.dilation_height)) * pitch +
                    tap_column * int(g.dilation_width);
  const PlacedGrad* const own_grads = grads + (channel - first_channel) * kPlacesAtOnce;

  double total = 0;
  const int64_t end = (blockIdx.y + 1) * g.images / tiles.slices;
  for (int64_t n = blockIdx.y * g.images / tiles.slices; n < end; ++n) {
    __syncthreads();  // the image before is done with
    const bool special = __syncthreads_or(load_images(g, tiles.tile, input, n, 1, image));
    float sum = 0;
    for (int begin = 0; begin < places; begin += kPlacesAtOnce) {
      const int count = min(kPlacesAtOnce, places - begin);
      for (int i = threadIdx.x; i < (end_channel - first_channel) * kPlacesAtOnce;
           i += blockDim.x) {
        const int place = begin + i % kPlacesAtOnce;
        if (place >= places) continue;
        const int64_t at = (n * channels + first_channel + i / kPlacesAtOnce) * places + place;
        const int index = __ldg(indices + at), window_width = int(g.window_width);
        const int row = place / int(g.pooled_width) * int(g.window_height) + index / window_width;
        const int column = place % int(g.pooled_width) * window_width + index % window_width;
        grads[i] = {
            activate_backward(__ldg(grad_output + at), __ldg(output + at), Activation::relu),
            row * int(g.stride_height) * pitch + column * int(g.stride_width)};
      }
      __syncthreads();
#pragma unroll 4
      for (int i = 0; i < count; ++i) {
        const PlacedGrad placed = own_grads[i];
        sum = fmaf(placed.grad, is_bias ? 1.0f : image[placed.at + tap_at], sum);
      }
      __syncthreads();
    }
    if (special && !is_bias) {
      // The zeros count as well: times what is not finite they are NaN, natively too.
      const int rows = (tiles.tile.rows - (int(g.kernel_height) - 1) * int(g.dilation_height) - 1) /
                           int(g.stride_height) +
                       1;
      const int columns =
          (int(g.in_width + 2 * g.pad_width) - (kernel_width - 1) * int(g.dilation_width) - 1) /
              int(g.stride_width) +
          1;
      for (int i = 0; i < rows * columns; ++i) {
        const int row = i / columns * int(g.stride_height);
        const int column = i % columns * int(g.stride_width);
        sum = fmaf(0.0f, image[row * pitch + column + tap_at], sum);
      }
    }
    total += sum;
  }
  if (first + int(threadIdx.x) != own) return;
  if (!is_bias) {
    weight_parts[(blockIdx.y * int64_t(channels) + channel) * taps + tap] = total;
  } else if (bias_parts) {
    bias_parts[blockIdx.y * int64_t(channels) + channel] = total;
  }
}

bool takes(const ConvGeometry& g) {
  const bool usual = g.stride_height == 1 && g.stride_width == 1 && g.dilation_height == 1 &&
                     g.dilation_width == 1 && g.window_height == 2 && g.window_width == 2 &&
                     g.kernel_height == g.kernel_width &&
                     (g.kernel_height == 3 || g.kernel_height == 5);
  // Sizes first: then what follows fits an int.
  return usual && g.in_channels * g.kernel_height * g.kernel_width <= kMostTaps &&
         g.out_channels <= 1024 && g.in_height + 2 * g.pad_height <= 1024 &&
         g.in_width + 2 * g.pad_width <= 1024 && g.images <= INT32_MAX / 1024 &&
         forward_shared_bytes(g, forward_tiles(g)) <= kSharedBytes;
}

bool backward_takes(const ConvGeometry& g) {
  return takes(g) && backward_shared_bytes(g, backward_tiles(g)) <= kSharedBytes;
}

template <int K>
void launch_forward(const ConvGeometry& g, const float* input, const float* weight,
                    const float* bias, float* output, uint8_t* indices, void* stream) {
  const ForwardTiles t = forward_tiles(g);
  conv_relu_pool_kernel<K>
      <<<t.blocks(g.images), t.threads, forward_shared_bytes(g, t), as_stream(stream)>>>(
          g, t, input, weight, bias, output, indices);
  INKGRAD_LAUNCH_CHECK();
}

void relu_pool(const ConvGeometry& g, const float* input, const float* weight, const float* bias,
               float* output, uint8_t* indices, void* stream) {
  const auto launch = g.kernel_height == 3 ? launch_forward<3> : launch_forward<5>;
  launch(g, input, weight, bias, output, indices, stream);
}

int64_t backward_parts(const ConvGeometry& g) {
  const BackwardTiles t = backward_tiles(g);
  return t.slices * g.out_channels * t.sums_per_channel;
}

void backward(const ConvGeometry& g, const float* grad_output, const float* output,
              const uint8_t* indices, const float* input, double* parts, float* grad_weight,
              float* grad_bias, void* stream) {
  const BackwardTiles t = backward_tiles(g);
  const int64_t weights = g.out_channels * (t.sums_per_channel - 1);
  double* const bias_parts = grad_bias ? parts + t.slices * weights : nullptr;
  const dim3 blocks(t.blocks, t.slices);
  conv_backward_kernel<<<blocks, t.threads, backward_shared_bytes(g, t), as_stream(stream)>>>(
      g, t, grad_output, output, indices, input, parts, bias_parts);
  INKGRAD_LAUNCH_CHECK();
  add_parts(parts, t.slices, weights, 1, Dtype::f32, grad_weight, stream);
  if (grad_bias) add_parts(bias_parts, t.slices, g.out_channels, 1, Dtype::f32, grad_bias, stream);
}

}  // namespace

void fill_conv(Kernels& table) {
  table.conv_takes = takes;
  table.conv_relu_pool = relu_pool;
  table.conv_backward_takes = backward_takes;
  table.conv_backward_parts = backward_parts;
  table.conv_backward = backward;
}

}  // namespace inkgrad::cuda
