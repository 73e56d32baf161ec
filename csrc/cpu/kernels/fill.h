// Each source of the library fills its part of the table; table.cpp puts it together.
#pragma once

#include "kernels.h"

namespace inkgrad::cpu {

template <typename T>
void fill_bce(KernelsOf<T>& table);
template <typename T>
void fill_gemm(KernelsOf<T>& table);
template <typename T>
void fill_narrow(KernelsOf<T>& table);
template <typename T>
void fill_few_rows(KernelsOf<T>& table);
template <typename T>
void fill_elementwise(KernelsOf<T>& table);
template <typename T>
void fill_conv_forward(KernelsOf<T>& table);
template <typename T>
void fill_conv_channels_forward(KernelsOf<T>& table);
template <typename T>
void fill_conv_batch_forward(KernelsOf<T>& table);
template <typename T>
void fill_conv_winograd(KernelsOf<T>& table);
template <typename T>
void fill_conv_winograd_weight(KernelsOf<T>& table);
template <typename T>
void fill_conv_backward_input(KernelsOf<T>& table);
template <typename T>
void fill_conv_batch_backward_input(KernelsOf<T>& table);
template <typename T>
void fill_conv_backward_weight(KernelsOf<T>& table);
template <typename T>
void fill_conv_pooled(KernelsOf<T>& table);
template <typename T>
void fill_pool(KernelsOf<T>& table);
template <typename T>
void fill_training(KernelsOf<T>& table);
template <typename T>
void fill_ceiling(KernelsOf<T>& table);

}  // namespace inkgrad::cpu
