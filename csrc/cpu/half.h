// Without native fp16 arithmetic, float16 is computed in float32: torch's products and convolutions
// in float16 take 5 to 50 times as long as converting to float32 and back, which also rounds once.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

// Whether these operands are float16 and this processor has no arithmetic for it.
bool goes_through_float(const Tensor& input, const Tensor& weight, const OptionalTensor& bias);

OptionalTensor to_float(const OptionalTensor& bias);
Gradients3 to_half(const Gradients3& gradients);

}  // namespace inkgrad::cpu
