// The table of functions of the CUDA kernel library (_cuda), each of which launches a kernel.
//
// As the CPU libraries, it does not know tensors: a function takes plain device pointers, sizes and
// a stream. Checks and allocation are up to the ops (csrc/cuda/*.cpp), which compile without CUDA
// and are part of every build; without the library there is no table.
#pragma once

#include <cstdint>

#include "../../common/activation.h"
#include "../../common/geometry.h"
#include "host_device.h"

namespace inkgrad::cuda {

enum class Dtype : int { f32, f64, f16, bf16 };

// Images [images, channels, height, width] that are pooled, of fewer than 2^31 elements.
struct PooledImages : PoolGeometry {
  int64_t images, channels, height, width;
  bool channels_last;  // the memory format of all tensors
  Dtype dtype;
};

// A convolution of few channels, followed by relu and pooling; row-major, float.
struct PooledConv : ConvGeometry {
  int64_t images;
  PoolGeometry pool;
};

// The gradient of its output, and the indices that forward saved.
struct PooledConvGradient {
  const float* grad_output;
  const uint8_t* indices;
};

// n elements; [weight].
struct BceOperands {
  Dtype dtype;
  int64_t n;
  const void *input, *target, *weight;
};
// grad_output has n elements, or one if it is uniform, which is divided by divisor. [grad_input],
// [grad_target].
struct BceGradients {
  const void* grad_output;
  bool uniform;
  double divisor;
  void *grad_input, *grad_target;
};

// Bias and activation after a matrix product, on a row-major matrix [rows, columns].
struct Epilogue {
  Dtype dtype;
  int64_t rows, columns;
  Activation activation;
};
// grad_z = grad_output * activation'(z), from output = activation(z), and its column sums. [column
// sums] need `parts`; of floats, they come with the [extremes] of the magnitudes in grad_z.
struct EpilogueGradients {
  const void *grad_output, *output;
  void *grad_z, *column_sums;
  double* parts;
  void* extremes;
};

// Images [count, channels, pixels] of 16-bit numbers, aligned to 16 bytes; channels and pixels are
// multiples of 8.
struct Images {
  int64_t count, channels, pixels;
  Dtype dtype;
};

// A row-major float matrix and the memory of its planes (planes.h), of plane_bytes().
struct SplitOperand {
  const float* data;
  int64_t rows, columns;
  void* planes;
  const void* extremes;  // from the epilogue's backward if that made the matrix, else null
  int64_t extremes_count;
};
struct SplitOperands {
  SplitOperand of[3];
  int count;
};
// 16-bit words of a row of a plane.
INKGRAD_HD constexpr int64_t plane_pitch(int64_t columns) { return (columns + 7) / 8 * 8; }
// Rows from one plane to the next.
INKGRAD_HD constexpr int64_t plane_rows(int64_t rows) { return (rows + 15) / 16 * 16; }

// C [m, n] = activation(A B^T + bias): A is [m, k], or [k, m] if transposed; B is [n, k], or [k,
// n]. f32: a and b are planes of a split, a_operand and b_operand their numbers in it, scheme its
// workspace. f16 and bf16: a and b are the matrices, not transposed; k is a multiple of 8, n of 32.
// With b_transposed there is neither bias nor activation.
struct Product {
  Dtype dtype;
  int64_t m, n, k;
  const void *a, *b;
  bool a_transposed, b_transposed;  // both, only b, or none
  const void* scheme;
  int a_operand, b_operand;
  const void* bias;  // may be null
  Activation activation;
  void* c;
};

// y[rows, outputs] = activation(x[rows, inputs] w[outputs, inputs]^T + bias), all row-major.
struct LinearShape {
  int64_t rows, outputs, inputs;
  Activation activation;
  Dtype dtype;
};
// [grad_input], [grad_weight], [grad_bias]; parts: small_linear_parts() doubles.
struct LinearGradients {
  const void *grad_output, *output, *input, *weight;
  double* parts;
  void *grad_input, *grad_weight, *grad_bias;
};

inline constexpr int kMaxChainLayers = 8;

// A linear layer of a chain, in float; [bias], [bias_velocity]. Without a gradient it is frozen.
struct ChainLayer {
  int inputs, outputs;
  Activation activation;
  float *weight, *weight_grad, *weight_velocity;
  float *bias, *bias_grad, *bias_velocity;
};

enum class ChainAction : int { evaluate, backward, step };

// A pass of examples through linear layers and binary cross entropy.
struct ChainPass {
  ChainAction action;
  int layers;
  ChainLayer layer[kMaxChainLayers];
  const void* inputs;  // [examples, inputs of the first layer], float or bytes (x / 255)
  bool inputs_are_bytes;
  const float* targets;  // [examples, outputs of the last layer]
  const int64_t* rows;   // [count] indices of examples; null for all
  int64_t examples, count;
  double divisor;  // of the sum of the losses
  float lr, momentum, weight_decay;
};

// The report of a pass, in doubles: the loss, the number of outputs on their target's side of 1/2,
// and whether a row or a target is out of range. Gradients and weights change only if the loss is
// finite and nothing is out of range.
enum ChainReport : int { kChainLoss, kChainCorrect, kChainBadRows, kChainBadTargets, kChainReport };

// Kernels run on the current device, in `stream`. Failures to launch are thrown. Pointers in
// [brackets] may be null.
struct Kernels {
  void* (*current_stream)(int device);

  // ---- binary cross entropy

  // Doubles of workspace for bce_sum.
  int64_t (*bce_parts)(Dtype dtype, int64_t n);
  // result[0] = sum of the losses / divisor
  void (*bce_sum)(const BceOperands& o, double divisor, double* parts, void* result, void* stream);
  void (*bce_each)(const BceOperands& o, void* loss, void* stream);
  void (*bce_backward)(const BceOperands& o, const BceGradients& g, void* stream);

  // ---- epilogue of a matrix product

  // z = activation(z + bias) in place; [bias]
  void (*bias_activation)(const Epilogue& e, void* z, const void* bias, void* stream);
  // Doubles of workspace for column sums, and extremes (of 8 bytes).
  int64_t (*column_parts)(int64_t rows, int64_t columns);
  int64_t (*column_extremes)(int64_t rows, int64_t columns);
  void (*activation_backward)(const Epilogue& e, const EpilogueGradients& g, void* stream);

  // ---- matrix products on the tensor cores of compute capability 9.0

  // Whether the current device has them and this library was built for it.
  bool (*has_tensor_products)();
  int64_t (*split_workspace_bytes)();
  int64_t (*plane_bytes)(int64_t rows, int64_t columns);
  void (*split)(const SplitOperands& operands, void* workspace, void* stream);
  // Floats of workspace for a product, whose sums may be split among blocks.
  int64_t (*product_partial_sums)(const Product& p);
  void (*product)(const Product& p, float* partial_sums, void* stream);

  // ---- relu(max_pool2d(images + bias)) after another convolution; [bias]

  void (*relu_pool)(const PooledImages& g, const void* images, const void* bias, void* output,
                    uint8_t* indices, void* stream);
  void (*relu_pool_backward)(const PooledImages& g, const void* grad_output, const uint8_t* indices,
                             void* grad_images, void* stream);

  // ---- memory format of images

  void (*to_channels_last)(const Images& g, const void* images, void* channels_last, void* stream);
  // And adds the bias.
  void (*from_channels_last)(const Images& g, const void* channels_last, const void* bias,
                             void* images, void* stream);

  // ---- convolution of few channels with relu and pooling, in one kernel; [bias]

  bool (*conv_supports)(const PooledConv& g);
  void (*conv_relu_pool)(const PooledConv& g, const float* input, const float* weight,
                         const float* bias, float* output, uint8_t* indices, void* stream);
  // [grad_bias]; parts: conv_weight_grad_parts() doubles.
  int64_t (*conv_weight_grad_parts)(const PooledConv& g);
  void (*conv_weight_grad)(const PooledConv& g, const PooledConvGradient& gradient,
                           const float* input, double* parts, float* grad_weight, float* grad_bias,
                           void* stream);
  bool (*conv_input_grad_supports)(const PooledConv& g);
  void (*conv_input_grad)(const PooledConv& g, const PooledConvGradient& gradient,
                          const float* weight, float* grad_input, void* stream);

  // ---- linear layers of few inputs and outputs, in one kernel per direction; [bias]

  bool (*small_linear_supports)(const LinearShape& s);
  void (*small_linear)(const LinearShape& s, const void* input, const void* weight,
                       const void* bias, void* output, void* stream);
  int64_t (*small_linear_parts)(const LinearShape& s);
  void (*small_linear_backward)(const LinearShape& s, const LinearGradients& g, void* stream);

  // ---- a training step of a small chain of layers, in one kernel

  bool (*chain_supports)(const ChainPass& pass);  // considers its layers only
  void (*chain_pass)(const ChainPass& pass, double* report, void* stream);
};

}  // namespace inkgrad::cuda

extern "C" __attribute__((visibility("default"))) const inkgrad::cuda::Kernels*
inkgrad_cuda_kernels();
