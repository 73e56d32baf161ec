// activation(x w^T + b) for few inputs and outputs in one kernel, and all of its gradients in
// another. A tiled product of such a shape is mostly padding, and each further launch costs more
// than the whole layer.
#include "device.cuh"
#include "entries.h"
#include "scalar_math.h"
#include "small_linear_map.h"

namespace inkgrad::cuda {
namespace {

// Four numbers in the compute type.
template <typename C>
struct alignas(16) Four {
  C lane[kFour];
};

// Moves four elements at once: 8 bytes of a half type, otherwise 16.
template <typename T>
struct FourInMemory {
  using Word = std::conditional_t<sizeof(T) == 2, int2, int4>;
  static constexpr int words = kFour * sizeof(T) / sizeof(Word);
};

// Elements [first, first + 4) of a row, zeros beyond its end. kWhole: rows are multiples of four,
// aligned.
template <typename T, bool kWhole>
__device__ __forceinline__ Four<ComputeType<T>> load_four(const T* row, int first, int length) {
  Four<ComputeType<T>> four;
  if constexpr (kWhole) {
    using Memory = FourInMemory<T>;
    typename Memory::Word words[Memory::words];
    T raw[kFour];
    const auto* const from = reinterpret_cast<const typename Memory::Word*>(row + first);
#pragma unroll
    for (int i = 0; i < Memory::words; ++i) words[i] = __ldg(from + i);
    memcpy(raw, words, sizeof raw);
#pragma unroll
    for (int i = 0; i < kFour; ++i) four.lane[i] = widen(raw[i]);
  } else {
#pragma unroll
    for (int i = 0; i < kFour; ++i) {
      four.lane[i] = first + i < length ? widen(__ldg(row + first + i)) : ComputeType<T>(0);
    }
  }
  return four;
}

template <typename T, bool kWhole>
__device__ __forceinline__ void store_four(const Four<ComputeType<T>>& four, T* row, int first,
                                           int length) {
  if constexpr (kWhole) {
    using Memory = FourInMemory<T>;
    typename Memory::Word words[Memory::words];
    T raw[kFour];
#pragma unroll
    for (int i = 0; i < kFour; ++i) raw[i] = narrow<T>(four.lane[i]);
    memcpy(words, raw, sizeof raw);
    auto* const to = reinterpret_cast<typename Memory::Word*>(row + first);
#pragma unroll
    for (int i = 0; i < Memory::words; ++i) to[i] = words[i];
  } else {
#pragma unroll
    for (int i = 0; i < kFour; ++i) {
      if (first + i < length) row[first + i] = narrow<T>(four.lane[i]);
    }
  }
}

// sums[c] += x[0..3] . w[0..3][c], with the weights of one input `padded` apart.
template <int kPerThread, typename C>
__device__ __forceinline__ void add_products(const Four<C>& x, const C* weights, int padded,
                                             C (&sums)[kPerThread]) {
  if constexpr (kPerThread == 1) {
    const Four<C> w = *reinterpret_cast<const Four<C>*>(weights);
#pragma unroll
    for (int i = 0; i < kFour; ++i) sums[0] = fma(x.lane[i], w.lane[i], sums[0]);
  } else {
#pragma unroll
    for (int i = 0; i < kFour; ++i) {
      const auto* const row = reinterpret_cast<const Four<C>*>(weights + i * padded);
#pragma unroll
      for (int c = 0; c < kPerThread; ++c) {
        sums[c] = fma(x.lane[i], row[c / kFour].lane[c % kFour], sums[c]);
      }
    }
  }
}

// Groups of four inputs per accumulation block: a longer accumulation chain loses accuracy.
constexpr int kFoursOfSum = 2;

// Three resident blocks are enough; for more the compiler would spill registers.
template <typename T, int kPerThread, bool kWhole>
__global__ void __launch_bounds__(kThreads, 3)
    small_linear_kernel(const T* input, const T* weight, const T* bias, int64_t rows,
                        SmallForward f, Activation activation, T* output) {
  using C = ComputeType<T>;
  extern __shared__ float4 shared[];  // the tile, weights and bias
  Four<C>* const tile = reinterpret_cast<Four<C>*>(shared);
  C* const weights = reinterpret_cast<C*>(shared) + f.tile_elements();
  const int padded = f.padded_outputs(), bias_at = f.fours * kFour;
  for (int i = threadIdx.x; i < (bias_at + 1) * padded; i += kThreads) {
    const int input_of = i / padded, output_of = i % padded;
    C value = 0;
    if (output_of < f.outputs) {
      if (input_of < f.inputs) {
        value = widen(__ldg(weight + output_of * f.inputs + input_of));
      } else if (input_of == bias_at && bias) {
        value = widen(__ldg(bias + output_of));
      }
    }
    weights[i] = value;
  }

  const int64_t first = int64_t(blockIdx.x) * f.rows;
  const int here = int(rows - first < f.rows ? rows - first : f.rows);
  const int row = threadIdx.x / f.groups;
  const int first_output = threadIdx.x % f.groups * kPerThread;
  C totals[kPerThread] = {};
  for (int begin = 0; begin < f.fours; begin += f.chunk()) {
    const int count = min(f.chunk(), f.fours - begin);
    __syncthreads();  // the previous chunk has been read
#pragma unroll 4
    for (int i = threadIdx.x; i < here << f.chunk_shift; i += kThreads) {
      const int r = i >> f.chunk_shift, four = i & (f.chunk() - 1);
      if (four < count) {
        tile[r * f.pitch + four] =
            load_four<T, kWhole>(input + (first + r) * f.inputs, (begin + four) * kFour, f.inputs);
      }
    }
    __syncthreads();
    if (row >= here) continue;
    for (int from = 0; from < count; from += kFoursOfSum) {
      C sums[kPerThread] = {};
      const int end = min(from + kFoursOfSum, count);
#pragma unroll 2
      for (int i = from; i < end; ++i) {
        add_products<kPerThread>(tile[row * f.pitch + i],
                                 weights + (begin + i) * kFour * padded + first_output, padded,
                                 sums);
      }
#pragma unroll
      for (int c = 0; c < kPerThread; ++c) totals[c] += sums[c];
    }
  }

  // Through shared memory, so that neighboring threads write neighboring elements.
  C* const results = reinterpret_cast<C*>(shared);
  __syncthreads();
  if (row < here) {
#pragma unroll
    for (int c = 0; c < kPerThread; ++c) {
      const int n = first_output + c;
      if (n < f.outputs) {
        results[row * f.outputs + n] = totals[c] + weights[bias_at * padded + n];
      }
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < here * f.outputs; i += kThreads) {
    output[first * f.outputs + i] = narrow<T>(activate(results[i], activation));
  }
}

// For a tile of rows: dz = grad_output activation'(z), then the input gradient from dz and the
// weights, and the sums of the weight and bias gradients from dz and the inputs. `parts` is null
// for one slice, or if these gradients are not needed.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kThreads, 3)
    small_linear_backward_kernel(const T* grad_output, const T* output, const T* input,
                                 const T* weight, int64_t rows, SmallBackward b,
                                 Activation activation, T* grad_input, double* parts,
                                 T* grad_weight, T* grad_bias) {
  using C = ComputeType<T>;
  extern __shared__ float4 shared[];  // inputs, weights, gradients; afterwards sums
  Four<C>* const inputs = reinterpret_cast<Four<C>*>(shared);
  Four<C>* const weights = inputs + b.rows * b.fours;
  C* const grads = reinterpret_cast<C*>(weights + b.units);
  const bool wants_sums = parts || grad_weight || grad_bias;
  if (grad_input) {
    for (int i = threadIdx.x; i < b.units; i += kThreads) {
      weights[i] =
          load_four<T, kWhole>(weight + i / b.fours * b.inputs, i % b.fours * kFour, b.inputs);
    }
  }

  const int unit = threadIdx.x % b.units, group = threadIdx.x / b.units;
  const int own_output = unit / b.fours, own_four = unit % b.fours;
  double totals[kSumsOfUnit] = {};
  const int64_t begin = blockIdx.x * b.rows_per_slice;
  const int64_t end = begin + b.rows_per_slice < rows ? begin + b.rows_per_slice : rows;
  for (int64_t first = begin; first < end; first += b.rows) {
    const int here = int(end - first < b.rows ? end - first : b.rows);
    __syncthreads();  // the previous tile has been read
    if (wants_sums) {
#pragma unroll 4
      for (int i = threadIdx.x; i < here * b.fours; i += kThreads) {
        uint32_t four;
        const int64_t row = first + b.by_fours.divide(uint32_t(i), &four);
        inputs[i] = load_four<T, kWhole>(input + row * b.inputs, int(four) * kFour, b.inputs);
      }
    }
#pragma unroll 4
    for (int i = threadIdx.x; i < here * b.outputs; i += kThreads) {
      const int64_t at = first * b.outputs + i;
      grads[i] =
          activate_backward(widen(__ldg(grad_output + at)), widen(__ldg(output + at)), activation);
    }
    __syncthreads();

    if (grad_input) {
      for (int i = threadIdx.x; i < here * b.fours; i += kThreads) {
        uint32_t four;
        const int row = int(b.by_fours.divide(uint32_t(i), &four));
        Four<C> sum = {};
#pragma unroll 4
        for (int n = 0; n < b.outputs; ++n) {
          const C grad = grads[row * b.outputs + n];
          const Four<C> w = weights[n * b.fours + int(four)];
#pragma unroll
          for (int j = 0; j < kFour; ++j) sum.lane[j] = fma(grad, w.lane[j], sum.lane[j]);
        }
        store_four<T, kWhole>(sum, grad_input + (first + row) * b.inputs, int(four) * kFour,
                              b.inputs);
      }
    }
    if (wants_sums && group < b.groups) {
      C sums[kSumsOfUnit] = {};
#pragma unroll 4
      for (int row = group; row < here; row += b.groups) {
        const C grad = grads[row * b.outputs + own_output];
        const Four<C> x = inputs[row * b.fours + own_four];
#pragma unroll
        for (int j = 0; j < kFour; ++j) sums[j] = fma(grad, x.lane[j], sums[j]);
        sums[kFour] += grad;
      }
#pragma unroll
      for (int j = 0; j < kSumsOfUnit; ++j) totals[j] += sums[j];
    }
  }
  if (!wants_sums) return;

  double* const values = reinterpret_cast<double*>(shared);
  __syncthreads();
  if (group < b.groups) {
#pragma unroll
    for (int j = 0; j < kSumsOfUnit; ++j) values[j * kThreads + threadIdx.x] = totals[j];
  }
  for (int half = b.groups / 2; half > 0; half /= 2) {
    __syncthreads();
    if (group < half) {
#pragma unroll
      for (int j = 0; j < kSumsOfUnit; ++j) {
        values[j * kThreads + threadIdx.x] += values[j * kThreads + threadIdx.x + half * b.units];
      }
    }
  }
  if (group > 0) return;
  double* const own_parts = parts ? parts + blockIdx.x * b.sums() : nullptr;
#pragma unroll
  for (int j = 0; j < kFour; ++j) {
    const int k = own_four * kFour + j, at = own_output * b.inputs + k;
    if (k >= b.inputs) break;
    const double sum = values[j * kThreads + threadIdx.x];
    if (own_parts) {
      own_parts[at] = sum;
    } else if (grad_weight) {
      grad_weight[at] = narrow<T>(sum);
    }
  }
  if (own_four > 0) return;
  const double sum = values[kFour * kThreads + threadIdx.x];
  if (own_parts) {
    own_parts[b.outputs * b.inputs + own_output] = sum;
  } else if (grad_bias) {
    grad_bias[own_output] = narrow<T>(sum);
  }
}

template <typename T, int kPerThread>
void launch_forward(const T* input, const T* weight, const T* bias, const LinearShape& s, T* output,
                    void* stream) {
  constexpr int kBytes = sizeof(ComputeType<T>);
  const SmallForward f = small_forward(s, kBytes);
  with_flag(s.inputs % kFour == 0 && aligned(input), [&](auto whole) {
    small_linear_kernel<T, kPerThread, whole>
        <<<f.blocks(s.rows), kThreads, small_forward_shared_bytes(f, kBytes), as_stream(stream)>>>(
            input, weight, bias, s.rows, f, s.activation, output);
    INKGRAD_LAUNCH_CHECK();
  });
}

void forward(const LinearShape& s, const void* input, const void* weight, const void* bias,
             void* output, void* stream) {
  with_dtype(s.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto launch = s.outputs == 1 ? launch_forward<T, 1> : launch_forward<T, kManyPerThread>;
    launch(static_cast<const T*>(input), static_cast<const T*>(weight), static_cast<const T*>(bias),
           s, static_cast<T*>(output), stream);
  });
}

int64_t parts(const LinearShape& s) {
  const SmallBackward b = small_backward(s);
  return b.slices > 1 ? b.slices * b.sums() : 0;
}

void backward(const LinearShape& s, const LinearGradients& g, void* stream) {
  const SmallBackward b = small_backward(s);
  double* const own_parts = b.slices > 1 && (g.grad_weight || g.grad_bias) ? g.parts : nullptr;
  const bool is_whole = s.inputs % kFour == 0 && aligned(g.input, g.weight, g.grad_input);
  with_dtype(s.dtype, [&](auto zero) {
    using T = decltype(zero);
    with_flag(is_whole, [&](auto whole) {
      small_linear_backward_kernel<T, whole>
          <<<b.slices, kThreads, small_backward_shared_bytes(b, sizeof(ComputeType<T>)),
             as_stream(stream)>>>(static_cast<const T*>(g.grad_output),
                                  static_cast<const T*>(g.output), static_cast<const T*>(g.input),
                                  static_cast<const T*>(g.weight), s.rows, b, s.activation,
                                  static_cast<T*>(g.grad_input), own_parts,
                                  static_cast<T*>(g.grad_weight), static_cast<T*>(g.grad_bias));
      INKGRAD_LAUNCH_CHECK();
    });
  });
  if (own_parts) {
    add_parts(own_parts, b.slices, s.outputs * s.inputs, s.outputs, 1, s.dtype, g.grad_weight,
              g.grad_bias, stream);
  }
}

const Entries entries([](Kernels& table) {
  table.small_linear_supports = is_small_linear;
  table.small_linear = forward;
  table.small_linear_parts = parts;
  table.small_linear_backward = backward;
});

}  // namespace
}  // namespace inkgrad::cuda
