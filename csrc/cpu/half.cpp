#include "half.h"

#include "runtime.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace inkgrad::cpu {
namespace {

bool has_half_arithmetic() {
#if defined(__x86_64__)
  static const bool has = [] {
    constexpr unsigned kAvx512Fp16 = 1 << 23;
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & kAvx512Fp16) != 0;
  }();
  return has;
#else
  return true;
#endif
}

}  // namespace

bool goes_through_float(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  return kernels() && is_plain(input) && is_plain(weight) && input.scalar_type() == at::kHalf &&
         weight.scalar_type() == at::kHalf &&
         (!is_defined(bias) || bias->scalar_type() == at::kHalf) && !has_half_arithmetic();
}

OptionalTensor to_float(const OptionalTensor& bias) {
  return is_defined(bias) ? OptionalTensor(bias->to(at::kFloat)) : bias;
}

Gradients3 to_half(const Gradients3& gradients) {
  const auto half = [](const Tensor& t) { return t.defined() ? t.to(at::kHalf) : t; };
  const auto& [input, weight, bias] = gradients;
  return {half(input), half(weight), half(bias)};
}

}  // namespace inkgrad::cpu
