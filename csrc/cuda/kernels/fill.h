// Each source of kernels puts its own into the table.
#pragma once

#include "kernels.h"

namespace inkgrad::cuda {

void fill_bce(Kernels& table);
void fill_epilogue(Kernels& table);
void fill_split(Kernels& table);
void fill_gemm(Kernels& table);
void fill_pool(Kernels& table);
void fill_layout(Kernels& table);
void fill_conv_forward(Kernels& table);
void fill_conv_weight_grad(Kernels& table);
void fill_conv_input_grad(Kernels& table);
void fill_small_linear(Kernels& table);
void fill_chain(Kernels& table);

}  // namespace inkgrad::cuda
