// The table of functions that the CUDA library (_cuda) offers.
//
// As for the processors' libraries, it knows no tensors: plain device pointers, sizes and a stream.
// What is allocated and checked is decided by the tensor entry points (csrc/cuda/*.cpp), which need
// no CUDA to be compiled: they are part of every build, and a library that is absent leaves the
// table null.
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
};

// A convolution of few channels, followed by pooling; row-major, float.
struct PooledConv : ConvGeometry {
  int64_t images;
  PoolGeometry pool;
};

// A float matrix, row by row, and where its planes go (planes.h): plane_bytes() of memory.
struct SplitOperand {
  const float* data;
  int64_t rows, columns;
  void* planes;
  const void* extremes;  // of activation_backward, if it made the matrix; may be null
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

// C [m, n] = activation(A B^T + bias): A is [m, k], or [k, m] if it is transposed, B is [n, k], or
// [k, n]. Of f32, A and B are planes, the operands of those numbers of a split, whose workspace is
// the scheme; of f16 and bf16 they are the matrices, k is a multiple of 8, n one of 32, and neither
// is transposed. With b_transposed there is neither bias nor activation.
struct Product {
  Dtype dtype;
  int64_t m, n, k;
  const void *a, *b;
  bool a_transposed, b_transposed;  // both, the second, or none
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
};

inline constexpr int kMostChainLayers = 8;

// A linear layer of a chain, of float; [bias] and what belongs to it. Velocities are momentum's
// memory.
struct ChainLayer {
  int inputs, outputs;
  Activation activation;
  float *weight, *weight_grad, *weight_velocity;
  float *bias, *bias_grad, *bias_velocity;
};

enum class ChainAction : int { judge, backward, step };

// One pass of examples through linear layers, one after the other, with the binary cross entropy
// behind them.
struct ChainPass {
  ChainAction action;
  int layers;
  ChainLayer layer[kMostChainLayers];
  const void* inputs;  // [examples, inputs of the first layer] of float, or bytes as shares of 255
  bool inputs_are_bytes;
  const float* targets;  // [examples, outputs of the last layer]
  const int64_t* rows;   // [count], which examples to take; null: all of them
  int64_t examples, count;
  double divisor;  // of the sum of the losses
  float lr, momentum, weight_decay;
};

// What a pass reports, in doubles: the loss, how many outputs are on their target's side of 1/2,
// and whether a row or a target was not in its range. Unless the loss is finite and nothing out
// of range, gradients and weights stay as they were.
enum ChainReport : int { kChainLoss, kChainRight, kChainBadRows, kChainBadTargets, kChainReport };

// Of every launch: the device is the current one, `stream` one of its streams. Failures to launch
// are thrown. Pointers named in brackets may be null.
struct Kernels {
  void* (*current_stream)(int device);

  // ---- binary cross entropy of n elements; [weight]
  // Doubles of workspace that bce_sum needs.
  int64_t (*bce_parts)(Dtype dtype, int64_t n);
  // result[0] = sum of the losses / divisor
  void (*bce_sum)(Dtype dtype, const void* input, const void* target, const void* weight, int64_t n,
                  double divisor, double* parts, void* result, void* stream);
  void (*bce_each)(Dtype dtype, const void* input, const void* target, const void* weight,
                   int64_t n, void* loss, void* stream);
  // grad_output has n elements, or, if it is uniform, one, to be divided by divisor.
  // [grad_input], [grad_target]
  void (*bce_backward)(Dtype dtype, const void* grad_output, bool uniform, double divisor,
                       const void* input, const void* target, const void* weight, int64_t n,
                       void* grad_input, void* grad_target, void* stream);

  // ---- epilogue of a matrix product and its backward, [rows, columns] row by row
  // z = activation(z + bias) in place; [bias]
  void (*bias_activation)(Dtype dtype, void* z, int64_t rows, int64_t columns, const void* bias,
                          Activation activation, void* stream);
  // Doubles of workspace that activation_backward needs to sum columns.
  int64_t (*column_parts)(int64_t rows, int64_t columns);
  // Extremes, of 8 bytes, that it may leave.
  int64_t (*column_extremes)(int64_t rows, int64_t columns);
  // grad_z = grad_output * activation'(z), from output = activation(z); its column sums into
  // [column_sums], through parts, and then, of floats, how far its magnitudes reach into
  // [extremes].
  void (*activation_backward)(Dtype dtype, const void* grad_output, const void* output,
                              int64_t rows, int64_t columns, Activation activation, void* grad_z,
                              double* parts, void* column_sums, void* extremes, void* stream);

  // ---- products on the tensor cores of compute capability 9.0
  // Whether the current device has them and this library was built for it.
  bool (*has_tensor_products)();
  int64_t (*split_workspace_bytes)();
  int64_t (*plane_bytes)(int64_t rows, int64_t columns);
  void (*split)(const SplitOperands& operands, void* workspace, void* stream);
  // Floats of workspace that a product needs.
  int64_t (*product_shares)(const Product& p);
  void (*product)(const Product& p, float* shares, void* stream);

  // ---- relu(max_pool2d(plane + bias)) of what was convolved elsewhere; [bias]
  void (*relu_pool)(Dtype dtype, const PooledImages& g, const void* planes, const void* bias,
                    void* output, uint8_t* indices, void* stream);
  // grad_planes = what the relu lets through, put where the maximum was; zero elsewhere.
  void (*relu_pool_backward)(Dtype dtype, const PooledImages& g, const void* grad_output,
                             const void* output, const uint8_t* indices, void* grad_planes,
                             void* stream);

  // ---- images of 16-bit numbers, [count, channels, pixels] to [count, pixels, channels] and back,
  // then with the bias added; channels and pixels are multiples of 8, the memory aligned to 16
  // bytes
  void (*to_channels_last)(const void* images, int64_t count, int64_t channels, int64_t pixels,
                           void* turned, void* stream);
  void (*from_channels_last)(Dtype dtype, const void* turned, int64_t count, int64_t channels,
                             int64_t pixels, const void* bias, void* images, void* stream);

  // ---- convolution of few channels with relu and pooling, in one kernel; [bias]
  bool (*conv_takes)(const PooledConv& g);
  void (*conv_relu_pool)(const PooledConv& g, const float* input, const float* weight,
                         const float* bias, float* output, uint8_t* indices, void* stream);
  // Of what conv_takes: grad_weight and [the bias's gradient] from the places of the maxima,
  // through parts.
  int64_t (*conv_weight_grad_parts)(const PooledConv& g);
  void (*conv_weight_grad)(const PooledConv& g, const float* grad_output, const float* output,
                           const uint8_t* indices, const float* input, double* parts,
                           float* grad_weight, float* grad_bias, void* stream);
  bool (*conv_input_grad_takes)(const PooledConv& g);
  void (*conv_input_grad)(const PooledConv& g, const float* grad_output, const float* output,
                          const uint8_t* indices, const float* weight, float* grad_input,
                          void* stream);

  // ---- linear layers of few inputs and outputs, in one kernel each way; [bias]
  bool (*small_linear_takes)(const LinearShape& s);
  void (*small_linear)(Dtype dtype, const LinearShape& s, const void* input, const void* weight,
                       const void* bias, void* output, void* stream);
  // Doubles of workspace that the sums of small_linear_backward need.
  int64_t (*small_linear_parts)(const LinearShape& s);
  // [grad_input], [grad_weight], [grad_bias]
  void (*small_linear_backward)(Dtype dtype, const LinearShape& s, const void* grad_output,
                                const void* output, const void* input, const void* weight,
                                double* parts, void* grad_input, void* grad_weight, void* grad_bias,
                                void* stream);

  // ---- a whole training step of a small chain of layers, in one kernel
  bool (*chain_takes)(const ChainPass& pass);  // of its layers alone
  void (*chain_pass)(const ChainPass& pass, double* report, void* stream);
};

}  // namespace inkgrad::cuda

extern "C" __attribute__((visibility("default"))) const inkgrad::cuda::Kernels*
inkgrad_cuda_kernels();
