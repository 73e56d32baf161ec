// The table of functions of one kernel library.
//
// A library (_cpu_default, _cpu_avx2, _cpu_avx512) is these sources compiled with one set of flags.
// It does not depend on torch: a function takes plain pointers and computes a range of the work on
// one thread. Checks, allocation and the split among threads are up to the ops (csrc/cpu/*.cpp),
// which are compiled once. So a library builds in seconds, nothing of ATen is compiled with
// instructions that the processor may lack, and exactly one library is loaded.
#pragma once

#include <cstdint>

#include "../../common/activation.h"
#include "../../common/geometry.h"
#include "../../common/sgd.h"

namespace inkgrad::cpu {

// Bits that the BCE kernels set if an element lies outside [0, 1] or is NaN.
inline constexpr unsigned kInputOutOfRange = 1, kTargetOutOfRange = 2;

// A strided matrix: element (i, j) lies at data[i * row_stride + j * col_stride].
template <typename T>
struct Matrix {
  const T* data;
  int64_t row_stride;
  int64_t col_stride;
};

// c[M, N] = activation(a[M, K] b[K, N] + bias[N]).
template <typename T>
struct Product {
  int64_t M, N, K;
  Matrix<T> a, b;
  const T* bias;  // may be null
  Activation activation;
  T* c;
  int64_t c_stride;  // from row to row
};

// y[rows, outputs] = activation(x[rows, inputs] w[outputs, inputs]^T + bias).
template <typename T>
struct LinearLayer {
  int64_t rows, outputs, inputs;
  Matrix<T> x, w;
  const T* bias;  // may be null
  Activation activation;
};

template <typename T>
struct BceOperands {
  const T *input, *target;
  const T* weight;  // may be null
  int64_t n;
};

// Channels first .. first + count.
struct ChannelRange {
  int64_t first, count;
};

// Filters of KH x KW taps that lie together; flipped: the last tap is taken for the first.
template <typename T>
struct Filters {
  const T* data;
  int64_t out_step, in_step;  // from output channel to output channel, and of input channels
  bool flipped;
};

template <typename T>
struct KernelsOf {
  // ---- binary cross entropy

  // Returns the sum of the losses. Sets bits of *out_of_range, clears none.
  double (*bce_sum)(const BceOperands<T>& operands, unsigned* out_of_range);
  void (*bce_each)(const BceOperands<T>& operands, T* loss, unsigned* out_of_range);
  // grad_output has n elements, or is null and `uniform` for all. grad_input and grad_target may be
  // null.
  void (*bce_backward)(const BceOperands<T>& operands, const T* grad_output, double uniform,
                       T* grad_input, T* grad_target);

  // ---- matrix products and linear layers

  // workspace: gemm_workspace(M, N, K) elements, aligned to 64 bytes.
  void (*gemm)(const Product<T>& product, T* workspace);
  int64_t (*gemm_workspace)(int64_t M, int64_t N, int64_t K);
  int64_t gemm_tile_rows, gemm_tile_cols;
  // Layers of at most narrow_outputs outputs and narrow_inputs inputs; x's rows are contiguous.
  int64_t narrow_outputs, narrow_inputs;
  void (*narrow_forward)(const LinearLayer<T>& layer, T* y);
  // All gradients in one pass over the rows. Writes dx[rows, inputs], which may be null; adds to
  // dw[outputs, inputs] and db[outputs].
  void (*narrow_backward)(const LinearLayer<T>& layer, const T* dy, const T* y, T* dx, double* dw,
                          double* db);
  // Layers of a few rows; the rows of x and w are contiguous.
  void (*few_rows_forward)(const LinearLayer<T>& layer, T* y, int64_t y_stride);

  // ---- elementwise

  // z = activation(z + bias) over rows of N elements in place; bias may be null.
  void (*bias_activation)(T* z, int64_t rows, int64_t N, const T* bias, Activation activation);
  // grad_z = grad_output * activation'(z), from output = activation(z). n elements.
  void (*activation_backward)(const T* grad_output, const T* output, Activation activation,
                              T* grad_z, int64_t n);
  // sums[N] += the column sums of a [rows, N] matrix.
  void (*column_sums)(const T* a, int64_t rows, int64_t N, double* sums);
  bool (*all_finite)(const T* x, int64_t n);

  // ---- direct convolution
  // ------------------------------------------------------------------------------ Weights [OC, IC,
  // KH, KW] are reordered once a call, OC IC KH KW elements, so that the kernels read them in
  // sequence.
  void (*conv_pack_forward)(const ConvGeometry& g, const T* weight, T* packed);
  void (*conv_pack_backward)(const ConvGeometry& g, const T* weight, T* packed);
  // Elements of workspace, aligned to 64 bytes, that the functions below need.
  int64_t (*conv_forward_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  int64_t (*conv_backward_input_workspace)(const ConvGeometry& g);
  int64_t (*conv_backward_weight_workspace)(const ConvGeometry& g);
  int64_t (*pooled_weight_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  // One image: input [IC, H, W] to output [OC, OH, OW]; bias may be null.
  void (*conv_forward)(const ConvGeometry& g, const T* input, const T* packed, const T* bias,
                       T* output, T* workspace);
  // One image: output, indices [OC, PH, PW]; the index is the place of the maximum in its window,
  // row by row.
  void (*conv_relu_pool_forward)(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                                 const T* packed, const T* bias, T* output, uint8_t* indices,
                                 T* workspace);
  // The same with output channels abreast, to the last bit, where channels_forward_pays; from
  // weights of channels_packed_size elements.
  bool (*channels_forward_pays)(const ConvGeometry& g);
  int64_t (*channels_packed_size)(const ConvGeometry& g);
  void (*pack_channels)(const ConvGeometry& g, const T* weight, T* packed);
  int64_t (*channels_forward_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  void (*channels_forward)(const ConvGeometry& g, const T* input, const T* packed, const T* bias,
                           T* output, T* workspace);
  void (*channels_relu_pool_forward)(const ConvGeometry& g, const PoolGeometry& p, const T* input,
                                     const T* packed, const T* bias, T* output, uint8_t* indices,
                                     T* workspace);
  // The same for up to batch_lanes images, out_image elements of the output apart, to the last bit.
  // Where batch_forward_pays; that is never so with windows other than 2 x 2.
  int64_t batch_lanes;
  bool (*batch_forward_pays)(const ConvGeometry& g, const PoolGeometry& p);
  int64_t (*batch_forward_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  void (*batch_forward)(const ConvGeometry& g, int64_t images, const T* input, const T* packed,
                        const T* bias, T* output, int64_t out_image, T* workspace);
  void (*batch_relu_pool_forward)(const ConvGeometry& g, const PoolGeometry& p, int64_t images,
                                  const T* input, const T* packed, const T* bias, T* output,
                                  uint8_t* indices, int64_t out_image, T* workspace);
  // Up to batch_lanes images, out_image elements of the output apart, by Winograd's filtering,
  // where winograd_takes: some rows of windows, of the pool's or of 2 x 2 outputs; of those that
  // are not there the last one may lack a half. A bit for every image with a result that is not
  // finite; of these none counts. winograd_images: of so many images, how many it should be given,
  // the first ones.
  bool (*winograd_takes)(const ConvGeometry& g, const PoolGeometry& p);
  int64_t (*winograd_images)(int64_t images);
  // The packed filters, by tiles of output channels.
  int64_t (*winograd_packed_size)(const ConvGeometry& g);
  int64_t (*winograd_tiles)(const ConvGeometry& g);
  void (*winograd_pack)(const ConvGeometry& g, Filters<T> filters, int64_t first_tile,
                        int64_t tiles, T* packed);
  int64_t (*winograd_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  uint64_t (*winograd_forward)(const ConvGeometry& g, int64_t first_row, int64_t rows,
                               int64_t images, const T* input, const T* packed, const T* bias,
                               T* output, int64_t out_image, T* workspace);
  uint64_t (*winograd_relu_pool_forward)(const ConvGeometry& g, const PoolGeometry& p,
                                         int64_t first_row, int64_t rows, int64_t images,
                                         const T* input, const T* packed, const T* bias, T* output,
                                         uint8_t* indices, int64_t out_image, T* workspace);
  // One image: grad_input [IC, H, W], all written.
  void (*conv_backward_input)(const ConvGeometry& g, const T* grad_output, const T* packed,
                              T* grad_input, T* workspace);
  // The same for up to batch_lanes images, in_image elements of grad_input apart, from the gradient
  // of the output or of its pooled planes, where batch_backward_input_takes the geometry.
  bool (*batch_backward_input_takes)(const ConvGeometry& g);
  void (*batch_pack_backward)(const ConvGeometry& g, const T* weight, T* packed);
  int64_t (*batch_backward_input_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  void (*batch_backward_input)(const ConvGeometry& g, int64_t images, const T* grad_output,
                               const T* packed, T* grad_input, int64_t in_image, T* workspace);
  void (*batch_pooled_backward_input)(const ConvGeometry& g, const PoolGeometry& p, int64_t images,
                                      const T* grad_pooled, const uint8_t* places, const T* packed,
                                      T* grad_input, int64_t in_image, T* workspace);
  // Several images: grad_weight [OC, IC, KH, KW] += their part.
  void (*conv_backward_weight)(const ConvGeometry& g, int64_t images, const T* grad_output,
                               const T* input, T* grad_weight, T* workspace);
  // The same by Winograd's filtering, where winograd_weight_takes, for up to batch_lanes images and
  // some rows of windows of 2 x 2 outputs: winograd_weight_sums sums for each output channel of a
  // range, in an order of their own, += their part. winograd_weight_parts: into how many pieces the
  // rows may be cut.
  bool (*winograd_weight_takes)(const ConvGeometry& g);
  int64_t (*winograd_weight_parts)(const ConvGeometry& g);
  int64_t (*winograd_weight_sums)(const ConvGeometry& g);
  int64_t (*winograd_weight_workspace)(const ConvGeometry& g);
  void (*winograd_backward_weight)(const ConvGeometry& g, ChannelRange outs, int64_t first_row,
                                   int64_t rows, int64_t images, const T* grad_output,
                                   const T* input, T* sums, T* workspace);
  void (*winograd_unpack_weight)(const ConvGeometry& g, ChannelRange outs, const T* sums,
                                 T* grad_weight);
  // The same from the gradient with respect to the output of a pool, [OC, PH, PW] an image, and the
  // places of the maxima. Its zeros are skipped, so the input has to be finite for them to vanish.
  // Several images: sums, in an order of its own, += their part.
  int64_t (*pooled_weight_sums)(const ConvGeometry& g);
  void (*pooled_backward_weight)(const ConvGeometry& g, const PoolGeometry& p, int64_t images,
                                 const T* grad_pooled, const uint8_t* places, const T* input,
                                 T* sums, T* workspace);
  void (*pooled_unpack_weight)(const ConvGeometry& g, const T* sums, T* grad_weight);
  // One image: grad_input [IC, H, W], all written; the weight, of pooled_weight_sums elements, and
  // the gradient have to be finite.
  void (*pooled_pack_weight)(const ConvGeometry& g, const T* weight, T* packed);
  int64_t (*pooled_input_workspace)(const ConvGeometry& g, const PoolGeometry& p);
  void (*pooled_backward_input)(const ConvGeometry& g, const PoolGeometry& p, const T* grad_pooled,
                                const uint8_t* places, const T* packed, T* grad_input,
                                T* workspace);
  // Several images: grad_bias [OC] += sums over their planes.
  void (*conv_backward_bias)(const ConvGeometry& g, int64_t images, const T* grad_output,
                             double* grad_bias);

  // ---- relu(max_pool2d(x)) of planes
  // ------------------------------------------------------------------
  void (*relu_pool)(const PoolGeometry& p, const T* plane, int64_t height, int64_t width, T* output,
                    uint8_t* indices);
  // The same of one image whose channels are the last dimension, as its output's are.
  void (*relu_pool_channels_last)(const PoolGeometry& p, const T* image, int64_t channels,
                                  int64_t width, T* output, uint8_t* indices);
  // grad_plane [height, width] = grad_output put where the maximum was, zero elsewhere. The relu's
  // part is activation_backward's.
  void (*pool_backward)(const PoolGeometry& p, const T* grad_output, const uint8_t* indices,
                        int64_t height, int64_t width, T* grad_plane);

  // ---- a training step

  // Returns the sum of -log softmax(row)[label] over rows of logits. Writes its gradient, times
  // scale, to grad[rows, classes], which may be null. Adds the number of rows whose largest logit
  // is the label's to *correct.
  double (*cross_entropy)(const T* logits, const int64_t* labels, int64_t rows, int64_t classes,
                          T scale, T* grad, int64_t* correct);
  // Updates n weights; velocity may be null without momentum.
  void (*sgd)(T* w, const T* grad, T* velocity, int64_t n, const Sgd& settings);

  // ---- for benchmarks

  // Rounds of fma_round_operations independent multiplications and additions. The result is
  // returned so that they are not optimized away.
  T (*fma_rounds)(int64_t rounds);
  int64_t fma_round_operations;
};

struct Kernels {
  KernelsOf<float> f32;
  KernelsOf<double> f64;
  template <typename T>
  const KernelsOf<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return f64;
    }
  }
};

}  // namespace inkgrad::cpu

extern "C" __attribute__((visibility("default"))) const inkgrad::cpu::Kernels*
inkgrad_cpu_kernels();
