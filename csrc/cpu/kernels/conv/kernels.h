// The convolution kernels of a library: stride 1, one group, any padding and dilation, row-major
// tensors. A call computes one thread's part on plain pointers; which kernel a problem goes to is
// decided by csrc/cpu/conv/algorithms.cpp.
#pragma once

#include <cstdint>

#include "../../../common/geometry.h"

namespace inkgrad::cpu {

// The memory that a kernel needs for a geometry, in elements of T.
struct ConvMemory {
  int64_t workspace;   // for each thread, aligned to 64 bytes
  int64_t packed = 0;  // the weights in the kernel's order, or its sums of their gradient
};

// Channels first .. first + count.
struct ChannelRange {
  int64_t first, count;
};

// Rows of windows that a Winograd kernel computes: of the pool's windows, or of 2 x 2 outputs, of
// which the last may lack a half.
struct RowRange {
  int64_t first, count;
};

// Filters of KH x KW consecutive taps, the last tap first if flipped.
template <typename T>
struct Filters {
  const T* data;
  int64_t out_step, in_step;  // between the filters of neighboring output and input channels
  bool flipped;
};

// ---- forward

// y = conv2d(x, w) + b, or relu(max_pool2d(y)) if the pool has windows.
template <typename T>
struct ConvForwardParams {
  ConvGeometry conv;
  PoolGeometry pool;
  int64_t images;
  const T *input, *packed, *bias;  // [images, IC, H, W]; bias [OC] may be null
  T* output;                       // of each image [OC, OH, OW], pooled [OC, PH, PW]
  uint8_t* indices;                // of the maxima in their windows, row by row; with a pool
  int64_t out_image;               // between the images of output and of indices
  T* workspace;
};

template <typename T>
struct ConvForward {
  ConvMemory (*memory)(const ConvGeometry& conv, const PoolGeometry& pool);
  void (*pack)(const ConvGeometry& conv, const T* weight, T* packed);
  void (*run)(const ConvForwardParams<T>& params);
};

template <typename T>
struct WinogradForward {
  ConvMemory (*memory)(const ConvGeometry& conv, const PoolGeometry& pool);
  // Packs tiles of tile_channels output channels, the last ones of fewer.
  int64_t tile_channels;
  void (*pack)(const ConvGeometry& conv, Filters<T> filters, int64_t first_tile, int64_t tiles,
               T* packed);
  // Returns a bit for each image with a result that is not finite: such an image has to be computed
  // again, since NaN may stand for infinity.
  uint64_t (*run)(const ConvForwardParams<T>& params, RowRange rows);
};

// ---- gradient of the input

// dx from dy or, if the pool has windows, from the gradient of the pooled output.
template <typename T>
struct ConvGradInputParams {
  ConvGeometry conv;  // of the input channels that are computed
  PoolGeometry pool;
  int64_t images;
  const T* grad;           // [images, OC, OH, OW] or [images, OC, PH, PW]
  const uint8_t* indices;  // of the maxima; with a pool
  const T* packed;
  T* grad_input;     // of each image [IC, H, W], all written
  int64_t in_image;  // between the images of grad_input
  T* workspace;
};

template <typename T>
struct ConvGradInput {
  ConvMemory (*memory)(const ConvGeometry& conv, const PoolGeometry& pool);
  void (*pack)(const ConvGeometry& conv, const T* weight, T* packed);
  void (*run)(const ConvGradInputParams<T>& params);
};

// ---- gradient of the weight

template <typename T>
struct ConvGradWeightParams {
  ConvGeometry conv;
  PoolGeometry pool;
  int64_t images;
  const T* grad;  // as above
  const uint8_t* indices;
  const T* input;  // [images, IC, H, W]
  T* sums;         // += these images' part
  T* workspace;
};

template <typename T>
struct ConvGradWeight {
  ConvMemory (*memory)(const ConvGeometry& conv, const PoolGeometry& pool);
  void (*run)(const ConvGradWeightParams<T>& params);
  // dw [OC, IC, KH, KW] from the sums; null where they are dw.
  void (*unpack)(const ConvGeometry& conv, const T* sums, T* grad_weight);
};

template <typename T>
struct WinogradGradWeight {
  ConvMemory (*memory)(const ConvGeometry& conv, const PoolGeometry& pool);
  // At most `lanes` images. Adds to the sums of the output channels `outs`, at params.sums.
  void (*run)(const ConvGradWeightParams<T>& params, ChannelRange outs, RowRange rows);
  void (*unpack)(const ConvGeometry& conv, ChannelRange outs, const T* sums, T* grad_weight);
};

// ---- all of them

template <typename T>
struct ConvKernels {
  // Constants of the instruction set that algorithms.cpp decides by.
  int64_t lanes;           // of a vector
  int64_t winograd_lanes;  // of the shortest vector that the Winograd kernels use
  int64_t registers;       // of vectors
  // Vectors of output channels x pixels of a row in a register tile of channel_lanes.
  int64_t channel_tile_vectors, channel_tile_columns;

  // Pixels in lanes; images in lanes, at most `lanes` of them; output channels in lanes. The three
  // give the same bits. direct and batch_lanes share their packed weights.
  ConvForward<T> direct_forward, batch_lanes_forward, channel_lanes_forward;
  // Images in lanes, at most `lanes` of them; channels of one image in lanes, kernels of 3 x 3.
  WinogradForward<T> winograd, winograd_channel_lanes;

  // batch_lanes: at most `lanes` images, kernels 3 or 5 columns wide without horizontal dilation.
  // pooled: straight from the pooled gradient, of which zeros are skipped: for finite operands.
  ConvGradInput<T> direct_grad_input, batch_lanes_grad_input, pooled_grad_input;

  ConvGradWeight<T> direct_grad_weight, pooled_grad_weight;
  WinogradGradWeight<T> winograd_grad_weight;

  // db [channels] += the sums over planes of `plane` elements.
  void (*grad_bias)(const T* grad, int64_t images, int64_t channels, int64_t plane, double* db);

  // relu(max_pool2d(x)) of one plane of rows `width` wide, or of an image [H, W, C].
  void (*relu_pool)(const PoolGeometry& pool, const T* plane, int64_t width, T* output,
                    uint8_t* indices);
  void (*relu_pool_channels_last)(const PoolGeometry& pool, const T* image, int64_t channels,
                                  int64_t width, T* output, uint8_t* indices);
  // The part of the gradient of n outputs that passes the relu.
  void (*relu_pool_gradient)(const T* grad, const uint8_t* indices, T* passed, int64_t n);
  // The gradient of a pooled plane as one of height x width: each element at its maximum, else
  // zero.
  void (*unpool)(const PoolGeometry& pool, const T* grad, const uint8_t* indices, int64_t height,
                 int64_t width, T* plane);
};

}  // namespace inkgrad::cpu
