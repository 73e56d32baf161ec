// Linear layers on plain memory: what the ops (linear.cpp) and the training step (chain.cpp) share.
#pragma once

#include "kernels/table.h"

namespace inkgrad::cpu {

// y[rows, outputs] = activation(x[rows, inputs] w[outputs, inputs]^T + bias). y is contiguous.
template <typename T>
struct LinearLayer {
  int64_t rows, outputs, inputs;
  Matrix<T> x, w;
  Activation activation;
};

// bias may be null.
template <typename T>
void linear_forward(const LinearLayer<T>& layer, const T* bias, T* y);

// The gradients that are not null: dx[rows, inputs], dw[outputs, inputs], db[outputs]. dy and y are
// contiguous; dz[rows, outputs] is room to work in, and may be dy itself.
template <typename T>
void linear_backward(const LinearLayer<T>& layer, const T* dy, const T* y, T* dz, T* dx, T* dw,
                     T* db);

}  // namespace inkgrad::cpu
