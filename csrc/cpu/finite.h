// Whether values are finite, which some algorithms need.
#pragma once

#include <ATen/core/Tensor.h>

namespace inkgrad::cpu {

// Takes float32 or float64, without gaps in memory.
bool all_finite(const at::Tensor& t);

}  // namespace inkgrad::cpu
