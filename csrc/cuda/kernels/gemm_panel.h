// Products of 16-bit matrices whose sums are short (gemm_panel.cu).
#pragma once

#include "gemm_parts.cuh"
#include "tensor_maps.h"

namespace inkgrad::cuda {

bool panel_supports(int64_t k);
// C [m, n] = activation(A [m, k] B [n, k]^T + bias), row-major.
void panel_product(Dtype dtype, const Stored& a, const Stored& b, const GemmResult& result,
                   void* stream);

}  // namespace inkgrad::cuda
