// Linear layers on plain memory, for the ops (linear.cpp) and the training step (chain.cpp).
#pragma once

#include "kernels/table.h"

namespace inkgrad::cpu {

// y is contiguous.
template <typename T>
void linear_forward(const LinearLayer<T>& layer, T* y);

// Whether linear_backward() needs the workspace dz.
template <typename T>
bool needs_workspace(const LinearLayer<T>& layer);

// All contiguous. dz[rows, outputs] is workspace, and may be dy. Gradients that are null are not
// computed: dx[rows, inputs], dw[outputs, inputs], db[outputs].
template <typename T>
struct LinearGradients {
  const T *dy, *y;
  T *dz, *dx, *dw, *db;
};
template <typename T>
void linear_backward(const LinearLayer<T>& layer, const LinearGradients<T>& gradients);

}  // namespace inkgrad::cpu
