// Activations on vectors.
#pragma once

#include "table.h"
#include "vec_math.h"

namespace inkgrad::cpu {

template <typename T, int L>
inline Vec<T, L> activate(Vec<T, L> z, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return sigmoid<T, L>(z);
    case Activation::relu:
      return select(z < T(0), Vec<T, L>{}, z);  // keeps NaN
    case Activation::none:
      break;
  }
  return z;
}

template <typename T, int L>
inline Vec<T, L> activate_backward(Vec<T, L> grad, Vec<T, L> y, Activation activation) {
  switch (activation) {
    case Activation::sigmoid:
      return grad * (y * (T(1) - y));
    case Activation::relu:
      return select(y <= T(0), Vec<T, L>{}, grad);
    case Activation::none:
      break;
  }
  return grad;
}

}  // namespace inkgrad::cpu
