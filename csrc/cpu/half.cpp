#include "half.h"

#include "runtime.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace inkgrad::cpu {
namespace {

#if defined(__x86_64__)
// The parts eax and edx of what the cpuid instruction says of a subleaf of leaf 7.
struct Features {
  unsigned eax = 0, edx = 0;
};

Features features(unsigned subleaf) {
  unsigned b = 0, c = 0;
  Features f;
  return __get_cpuid_count(7, subleaf, &f.eax, &b, &c, &f.edx) != 0 ? f : Features{};
}
#endif

bool has_arithmetic(at::ScalarType dtype) {
#if defined(__x86_64__)
  constexpr unsigned kAvx512Fp16 = 1 << 23, kAvx512Bf16 = 1 << 5;
  static const bool has_float16 = (features(0).edx & kAvx512Fp16) != 0,
                    has_bfloat16 = (features(1).eax & kAvx512Bf16) != 0;
  // A library without AVX-512 runs on processors without it, or stands for them in tests.
  const bool is_avx512 = kernels()->f32.conv.lanes * int64_t(sizeof(float)) == 64;
  return dtype == at::kHalf ? has_float16 : has_bfloat16 && is_avx512;
#else
  return true;
#endif
}

}  // namespace

bool goes_through_float(const Tensor& input, const Tensor& weight, const OptionalTensor& bias) {
  const auto dtype = input.scalar_type();
  // Torch's results of empty operands are shaped by rules of their own.
  return (dtype == at::kHalf || dtype == at::kBFloat16) && weight.scalar_type() == dtype &&
         input.numel() > 0 && weight.numel() > 0 &&
         (!is_defined(bias) || bias->scalar_type() == dtype) && kernels() && is_plain(input) &&
         is_plain(weight) && !has_arithmetic(dtype);
}

OptionalTensor to_float(const OptionalTensor& bias) {
  return is_defined(bias) ? OptionalTensor(bias->to(at::kFloat)) : bias;
}

Gradients3 from_float(const Gradients3& gradients, at::ScalarType dtype) {
  const auto convert = [&](const Tensor& t) { return t.defined() ? t.to(dtype) : t; };
  const auto& [input, weight, bias] = gradients;
  return {convert(input), convert(weight), convert(bias)};
}

}  // namespace inkgrad::cpu
