// float16 by way of float32. Where the processor does not calculate in float16, torch's products
// and convolutions in it take 5 to 50 times as long as those in float32 of copies, which are also
// rounded but once.
#pragma once

#include "../ops.h"

namespace inkgrad::cpu {

// Whether all of them are float16 and had better not be computed with as they are.
bool goes_through_float(const Tensor& input, const Tensor& weight, const OptionalTensor& bias);

OptionalTensor to_float(const OptionalTensor& bias);
Gradients3 to_half(const Gradients3& gradients);

}  // namespace inkgrad::cpu
