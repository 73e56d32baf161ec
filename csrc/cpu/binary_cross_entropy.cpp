// binary_cross_entropy on the CPU, in one pass over chunks of a fixed size: a sum is the same for
// any number of threads. The half types are converted chunk by chunk and computed in float.
#include <ATen/core/Reduction.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

#include "../common/loss_gradient.h"
#include "../common/memory_order.h"
#include "../common/operand_checks.h"
#include "../common/trace.h"
#include "runtime.h"

namespace inkgrad::cpu {
namespace {

constexpr int64_t kChunk = 8192;

// Room for chunks in the compute type, which a small stack does not have.
template <typename T>
class Buffers {
 public:
  T* next() { return memory_ + kChunk * used_++; }

 private:
  static constexpr int64_t kMaxBuffers = 6;  // of x, target, weight, and three gradients
  T* const memory_ = scratch_of<T>(kMaxBuffers * kChunk);
  int64_t used_ = 0;
};

bool supports(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
              int64_t reduction) {
  const auto fits = [&](const Tensor& t) {
    return is_plain(t) && t.scalar_type() == input.scalar_type() && t.sizes() == input.sizes();
  };
  const auto dtype = input.scalar_type();
  return kernels() && is_reduction(reduction) &&
         (is_kernel_dtype(dtype) || dtype == at::kBFloat16 || dtype == at::kHalf) && fits(input) &&
         fits(target) && (!is_defined(weight) || fits(*weight));
}

template <typename F>
void with_dtype(at::ScalarType dtype, F f) {
  switch (dtype) {
    case at::kBFloat16:
      return f(c10::BFloat16{});
    case at::kHalf:
      return f(c10::Half{});
    default:
      return with_kernel_dtype(dtype, f);
  }
}

template <typename S>
using ComputeType = std::conditional_t<std::is_same_v<S, double>, double, float>;

// A chunk of an operand in the compute type: in place, or converted into a buffer.
template <typename S>
class Chunk {
  using T = ComputeType<S>;

 public:
  Chunk(Buffers<T>& buffers, const S* data, int64_t begin, int64_t n) {
    if constexpr (std::is_same_v<S, T>) {
      values_ = data ? data + begin : nullptr;
    } else if (data) {
      T* const buffer = buffers.next();
      for (int64_t i = 0; i < n; ++i) buffer[i] = static_cast<T>(data[begin + i]);
      values_ = buffer;
    }
  }
  const T* values() const { return values_; }

 private:
  const T* values_ = nullptr;
};

// The weight, which may be broadcast: its i-th element is element (i / repeats) % period of memory.
struct Weight {
  Tensor memory;
  int64_t repeats = 1, period = 1;
};

// Elements that are not contiguous in memory are gathered in a buffer.
template <typename S>
class WeightChunk {
  using T = ComputeType<S>;

 public:
  WeightChunk(Buffers<T>& buffers, const Weight& weight, int64_t begin, int64_t n) {
    if (!weight.memory.defined()) return;
    const S* const data = weight.memory.template const_data_ptr<S>();
    int64_t at = begin / weight.repeats % weight.period;
    if constexpr (std::is_same_v<S, T>) {
      if (weight.repeats == 1 && at + n <= weight.period) {
        values_ = data + at;
        return;
      }
    }
    T* const buffer = buffers.next();
    if (weight.repeats == 1) {
      for (int64_t i = 0; i < n; at = 0) {
        const int64_t run = std::min(weight.period - at, n - i);
        for (int64_t j = 0; j < run; ++j) buffer[i + j] = static_cast<T>(data[at + j]);
        i += run;
      }
    } else {
      int64_t left = weight.repeats - begin % weight.repeats;
      for (int64_t i = 0; i < n; at = (at + 1) % weight.period, left = weight.repeats) {
        const int64_t run = std::min(left, n - i);
        std::fill_n(buffer + i, run, static_cast<T>(data[at]));
        i += run;
      }
    }
    values_ = buffer;
  }
  const T* values() const { return values_; }

 private:
  const T* values_ = nullptr;
};

template <typename S>
class OutputChunk {
  using T = ComputeType<S>;

 public:
  OutputChunk(Buffers<T>& buffers, S* data, int64_t begin, int64_t n)
      : data_(data ? data + begin : nullptr), n_(n) {
    if constexpr (std::is_same_v<S, T>) {
      values_ = data_;
    } else if (data) {
      values_ = buffers.next();
    }
  }
  T* values() { return values_; }
  ~OutputChunk() {
    if constexpr (!std::is_same_v<S, T>) {
      if (data_) std::copy(values_, values_ + n_, data_);
    }
  }

 private:
  S* data_;
  int64_t n_;
  T* values_ = nullptr;
};

// Calls f(chunk, begin, n) for every chunk of n elements, in parallel.
template <typename F>
void for_each_chunk(int64_t elements, F f) {
  parallel_for(0, at::divup(elements, kChunk), 2, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t begin = chunk * kChunk;
      f(chunk, begin, std::min(kChunk, elements - begin));
    }
  });
}

void check_range(unsigned out_of_range) {
  TORCH_CHECK(!(out_of_range & kInputOutOfRange),
              "all elements of input should be between 0 and 1");
  TORCH_CHECK(!(out_of_range & kTargetOutOfRange),
              "all elements of target should be between 0 and 1");
}

Tensor result_like(const Tensor& x) {
  return x.is_contiguous() ? new_tensor(x.sizes(), x.scalar_type())
                           : with_huge_pages(at::empty_like(x));
}

// The weight in the order of `like`: as it is if it is a contiguous block that is repeated, or
// whose elements are, else in_order_of().
Weight weight_for(const Tensor& like, const OptionalTensor& weight) {
  if (!is_defined(weight)) return {};
  const Tensor& w = *weight;
  int64_t dim = w.dim() - 1;
  const auto take = [&](int64_t& count, auto fits) {
    for (; dim >= 0 && (w.size(dim) == 1 || fits(w.stride(dim), count)); --dim)
      count *= w.size(dim);
  };
  const auto is_repeated = [](int64_t stride, int64_t) { return stride == 0; };
  Weight result{w};
  int64_t times = 1;
  if (like.is_contiguous()) {
    take(result.repeats, is_repeated);
    take(result.period, [](int64_t stride, int64_t count) { return stride == count; });
    take(times, is_repeated);
    if (dim < 0) return result;
  }
  return {in_order_of(like, w), 1, w.numel()};
}

trace::Run report(const char* direction, const char* kernel, const Tensor& input,
                  const Tensor& target) {
  return {inkgrad::binary_cross_entropy.name,
          direction,
          kernel,
          input.scalar_type(),
          {input.sizes(), target.sizes()}};
}

const char* direction_of(std::array<bool, 2> output_mask) {
  if (!output_mask[0]) return "grad_target";
  return output_mask[1] ? "grad_input+grad_target" : "grad_input";
}

// The loss and, if grad_input is not null, the gradient of input, while a chunk is in a cache.
Tensor compute(const Tensor& input, const Tensor& target, const OptionalTensor& weight,
               int64_t reduction, Tensor* grad_input) {
  const Tensor x = without_gaps(input), t = in_order_of(x, target);
  const Weight w = weight_for(x, weight);
  const int64_t n = x.numel();
  std::atomic<unsigned> out_of_range{0};
  const bool each = reduction == at::Reduction::None;
  const Tensor result = each ? result_like(x) : new_tensor({}, x.scalar_type());
  const double scale = reduction == at::Reduction::Mean ? double(n) : 1.0;
  if (grad_input) *grad_input = result_like(x);
  with_dtype(x.scalar_type(), [&](auto zero) {
    using S = decltype(zero);
    const auto& table = kernels()->of<ComputeType<S>>();
    const S *const xs = x.const_data_ptr<S>(), *const ts = t.const_data_ptr<S>();
    S* const out = result.mutable_data_ptr<S>();
    S* const dx = grad_input ? grad_input->mutable_data_ptr<S>() : nullptr;
    std::vector<double> sums(each ? 0 : at::divup(n, kChunk));
    for_each_chunk(n, [&](int64_t chunk, int64_t begin, int64_t count) {
      Buffers<ComputeType<S>> buffers;
      const Chunk<S> xc(buffers, xs, begin, count), tc(buffers, ts, begin, count);
      const WeightChunk<S> wc(buffers, w, begin, count);
      const BceOperands<ComputeType<S>> operands{xc.values(), tc.values(), wc.values(), count};
      unsigned bad = 0;
      if (each) {
        OutputChunk<S> losses(buffers, out, begin, count);
        table.bce_each(operands, losses.values(), &bad);
      } else {
        sums[chunk] = table.bce_sum(operands, &bad);
      }
      if (dx) {
        OutputChunk<S> dxc(buffers, dx, begin, count);
        table.bce_backward(operands, nullptr, 1, 1 / scale, dxc.values(), nullptr);
      }
      if (bad) out_of_range |= bad;
    });
    if (!each) {
      double sum = 0;
      for (const double of_chunk : sums) sum += of_chunk;
      *out = static_cast<S>(sum / scale);  // an empty mean is NaN, as in torch
    }
  });
  check_range(out_of_range);
  return result;
}

Tensor binary_cross_entropy_op(const Tensor& input, const Tensor& target,
                               const OptionalTensor& weight, int64_t reduction) {
  if (!supports(input, target, weight, reduction)) {
    return trace::run(report("forward", "torch", input, target), [&] {
      return native::binary_cross_entropy(input, target, weight, reduction);
    });
  }
  return trace::run(report("forward", "vectorized", input, target),
                    [&] { return compute(input, target, weight, reduction, nullptr); });
}

Gradients2 binary_cross_entropy_backward_op(const Tensor& grad_output, const Tensor& input,
                                            const Tensor& target, const OptionalTensor& weight,
                                            int64_t reduction, std::array<bool, 2> output_mask) {
  const bool each = reduction == at::Reduction::None;
  const bool agrees = is_plain(grad_output) && grad_output.scalar_type() == input.scalar_type() &&
                      (each ? grad_output.sizes() == input.sizes() : grad_output.numel() == 1);
  if (!agrees || !supports(input, target, weight, reduction)) {
    return trace::run(report(direction_of(output_mask), "torch", input, target), [&] {
      return native::binary_cross_entropy_backward(grad_output, input, target, weight, reduction,
                                                   output_mask);
    });
  }
  const Tensor x = without_gaps(input), t = in_order_of(x, target);
  const Weight w = weight_for(x, weight);
  const Tensor grad = each ? in_order_of(x, grad_output) : grad_output;
  const int64_t n = x.numel();
  const Tensor grad_input = output_mask[0] ? result_like(x) : Tensor();
  const Tensor grad_target = output_mask[1] ? result_like(x) : Tensor();
  const auto compute_gradients = [&](auto zero) {
    using S = decltype(zero);
    using T = ComputeType<S>;
    const auto& table = kernels()->of<T>();
    const S *const xs = x.const_data_ptr<S>(), *const ts = t.const_data_ptr<S>();
    const S* const gs = grad.const_data_ptr<S>();
    S* const dx = output_mask[0] ? grad_input.mutable_data_ptr<S>() : nullptr;
    S* const dt = output_mask[1] ? grad_target.mutable_data_ptr<S>() : nullptr;
    const double scale = reduction == at::Reduction::Mean ? 1 / double(n) : 1.0;
    const T uniform = each ? T(0) : static_cast<T>(*gs);
    for_each_chunk(n, [&](int64_t, int64_t begin, int64_t count) {
      Buffers<T> buffers;
      const Chunk<S> xc(buffers, xs, begin, count), tc(buffers, ts, begin, count);
      const WeightChunk<S> wc(buffers, w, begin, count);
      const Chunk<S> gc(buffers, each ? gs : nullptr, begin, count);
      OutputChunk<S> dxc(buffers, dx, begin, count), dtc(buffers, dt, begin, count);
      table.bce_backward({xc.values(), tc.values(), wc.values(), count}, gc.values(), uniform,
                         scale, dxc.values(), dtc.values());
    });
  };
  trace::run(report(direction_of(output_mask), "vectorized", input, target),
             [&] { with_dtype(x.scalar_type(), compute_gradients); });
  return {grad_input, grad_target};
}

}  // namespace
}  // namespace inkgrad::cpu

namespace inkgrad {

std::optional<LossAndGradient> binary_cross_entropy_with_gradient(const Tensor& input,
                                                                  const Tensor& target,
                                                                  const OptionalTensor& weight,
                                                                  int64_t reduction) {
  using namespace cpu;
  if (reduction == at::Reduction::None || !supports(input, target, weight, reduction))
    return std::nullopt;
  LossAndGradient result;
  trace::run(report("forward+grad_input", "vectorized", input, target),
             [&] { result.loss = compute(input, target, weight, reduction, &result.grad_input); });
  return result;
}

}  // namespace inkgrad

TORCH_LIBRARY_IMPL(inkgrad, CPU, m) {
  m.impl("binary_cross_entropy", inkgrad::cpu::binary_cross_entropy_op);
  m.impl("binary_cross_entropy_backward", inkgrad::cpu::binary_cross_entropy_backward_op);
}
