// Binary cross entropy: one pass over memory, both logarithms from one computation (scalar_math.h).
//
// As torch's kernel, these assert that inputs and targets are in [0, 1].
#include "device.cuh"
#include "entries.h"
#include "scalar_math.h"

namespace inkgrad::cuda {
namespace {

// The logarithms of an element, as accurate as its type, or as a sum, requires.
template <typename T, bool kSum>
__device__ __forceinline__ LogPair<ComputeType<T>> logarithms(ComputeType<T> x) {
  if constexpr (sizeof(T) == 2) {
    return half_log_pair(x);
  } else if constexpr (kSum && std::is_same_v<T, float>) {
    return coarse_log_pair(x);
  } else {
    return log_pair(x);
  }
}

template <typename T>
using Range = UnitInterval<ComputeType<T>>;
// After the last element: a check after each would delay the next loads.
template <typename T>
__device__ __forceinline__ void check(const Range<T>& range) {
  assert(range.holds() && "all elements of input and target should be between 0 and 1");
}

// The losses of a vector; zero in the lanes beyond the end, where input and target are zero.
template <typename T, bool kSum, typename A>
__device__ __forceinline__ Vector<T> losses(const A& at, const T* input, const T* target,
                                            const T* weight, Range<T>& range) {
  const Vector<T> x = at.load(input), t = at.load(target);
  Vector<T> loss;
#pragma unroll
  for (int i = 0; i < kLanes<T>; ++i) {
    range.see(x.lane[i]);
    range.see(t.lane[i]);
    loss.lane[i] = bce_loss(logarithms<T, kSum>(x.lane[i]), t.lane[i]);
  }
  if (weight) {
    const Vector<T> w = at.load(weight);
#pragma unroll
    for (int i = 0; i < kLanes<T>; ++i) loss.lane[i] *= w.lane[i];
  }
  return loss;
}

// A thread adds a few dozen losses in T; all further sums are in double. Each block writes its
// part, a single block the result.
template <typename T, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    bce_sum_kernel(const T* input, const T* target, const T* weight, int64_t n, double divisor,
                   double* parts, T* result) {
  ComputeType<T> own = 0;
  Range<T> range;
  for_each_vector<T, kAligned>(n, [&](const auto& at) {
    const Vector<T> loss = losses<T, true>(at, input, target, weight, range);
#pragma unroll
    for (int i = 0; i < kLanes<T>; ++i) own += loss.lane[i];
  });
  check<T>(range);
  const double sum = sum_columns(own, 1);
  if (threadIdx.x > 0) return;
  if (gridDim.x > 1) {
    parts[blockIdx.x] = sum;
  } else {
    *result = narrow<T>(sum / divisor);
  }
}

template <typename T, bool kAligned>
__global__ void __launch_bounds__(kThreads)
    bce_each_kernel(const T* input, const T* target, const T* weight, int64_t n, T* loss) {
  Range<T> range;
  for_each_vector<T, kAligned>(n, [&](const auto& at) {
    at.store(loss, losses<T, false>(at, input, target, weight, range));
  });
  check<T>(range);
}

template <typename T, bool kAligned, bool kTarget>
__global__ void __launch_bounds__(kThreads)
    bce_backward_kernel(const T* grad_output, bool uniform, ComputeType<T> divisor, const T* input,
                        const T* target, const T* weight, int64_t n, T* grad_input,
                        T* grad_target) {
  using C = ComputeType<T>;
  const C same = uniform ? widen(*grad_output) : C(0), scale = uniform ? C(1) / divisor : C(1);
  for_each_vector<T, kAligned>(n, [&](const auto& at) {
    const Vector<T> x = at.load(input);
    Vector<T> grad, w, result;
    if (!uniform) grad = at.load(grad_output);
#pragma unroll
    for (int i = 0; i < kLanes<T>; ++i) {
      if (uniform) grad.lane[i] = same;
    }
    if (weight) w = at.load(weight);
    // Factors are multiplied in torch's order, on which it depends what overflows.
    const auto scaled = [&](C gradient, int i) {
      return (weight ? gradient * w.lane[i] : gradient) * scale;
    };
    if (grad_input) {
      const Vector<T> t = at.load(target);
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) {
        const auto gradient = [&] {
          if constexpr (sizeof(T) == 2)
            return half_bce_grad_input(x.lane[i], t.lane[i], grad.lane[i]);
          else
            return bce_grad_input(x.lane[i], t.lane[i], grad.lane[i]);
        };
        result.lane[i] = scaled(gradient(), i);
      }
      at.store(grad_input, result);
    }
    if constexpr (kTarget) {
#pragma unroll
      for (int i = 0; i < kLanes<T>; ++i) {
        result.lane[i] = scaled(grad.lane[i] * bce_grad_target(x.lane[i]), i);
      }
      at.store(grad_target, result);
    }
  });
}

int64_t parts(Dtype dtype, int64_t n) {
  int64_t blocks = 0;
  with_dtype(dtype, [&](auto zero) { blocks = Chunks{kLanes<decltype(zero)>}.count(n); });
  return blocks;
}

// Calls f(T{}, whether in vectors) for the launch.
template <typename F>
void with_access(Dtype dtype, bool in_vectors, F f) {
  with_dtype(dtype, [&](auto zero) { with_flag(in_vectors, [&](auto flag) { f(zero, flag); }); });
}

void sum(const BceOperands& o, double divisor, double* parts_of_sum, void* result, void* stream) {
  const int64_t blocks = parts(o.dtype, o.n);
  with_access(o.dtype, aligned(o.input, o.target, o.weight), [&](auto zero, auto in_vectors) {
    using T = decltype(zero);
    bce_sum_kernel<T, in_vectors><<<blocks, kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(o.input), static_cast<const T*>(o.target),
        static_cast<const T*>(o.weight), o.n, divisor, parts_of_sum, static_cast<T*>(result));
    INKGRAD_LAUNCH_CHECK();
  });
  if (blocks > 1) add_parts(parts_of_sum, blocks, 1, divisor, o.dtype, result, stream);
}

void each(const BceOperands& o, void* loss, void* stream) {
  with_access(o.dtype, aligned(o.input, o.target, o.weight, loss), [&](auto zero, auto in_vectors) {
    using T = decltype(zero);
    bce_each_kernel<T, in_vectors><<<parts(o.dtype, o.n), kThreads, 0, as_stream(stream)>>>(
        static_cast<const T*>(o.input), static_cast<const T*>(o.target),
        static_cast<const T*>(o.weight), o.n, static_cast<T*>(loss));
    INKGRAD_LAUNCH_CHECK();
  });
}

void backward(const BceOperands& o, const BceGradients& g, void* stream) {
  const bool all_aligned = aligned(o.input, o.target, o.weight, g.grad_input, g.grad_target) &&
                           (g.uniform || aligned(g.grad_output));
  with_access(o.dtype, all_aligned, [&](auto zero, auto in_vectors) {
    using T = decltype(zero);
    with_flag(g.grad_target, [&](auto target_too) {  // its logarithms cost registers
      bce_backward_kernel<T, in_vectors, target_too>
          <<<parts(o.dtype, o.n), kThreads, 0, as_stream(stream)>>>(
              static_cast<const T*>(g.grad_output), g.uniform,
              static_cast<ComputeType<T>>(g.divisor), static_cast<const T*>(o.input),
              static_cast<const T*>(o.target), static_cast<const T*>(o.weight), o.n,
              static_cast<T*>(g.grad_input), static_cast<T*>(g.grad_target));
      INKGRAD_LAUNCH_CHECK();
    });
  });
}

const Entries entries([](Kernels& table) {
  table.bce_parts = parts;
  table.bce_sum = sum;
  table.bce_each = each;
  table.bce_backward = backward;
});

}  // namespace
}  // namespace inkgrad::cuda
