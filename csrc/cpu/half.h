// float16 and bfloat16 are computed in float32 on processors without arithmetic for them: there
// torch's products and convolutions take 5 to 50 times as long as converting to float32 and back,
// which also rounds once.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

// Whether these operands are of a half type that this processor has no arithmetic for.
bool goes_through_float(const Tensor& input, const Tensor& weight, const OptionalTensor& bias);

OptionalTensor to_float(const OptionalTensor& bias);
Gradients3 from_float(const Gradients3& gradients, at::ScalarType dtype);

}  // namespace inkgrad::cpu
