// The parts of a training step beside its layers: the cross entropy of logits, and the update of
// stochastic gradient descent.
//
//   loss(x, c)    = log(sum over j of exp(x[j])) - x[c],  from exp(x[j] - max x): nothing overflows
//   dloss/dx[j]   = softmax(x)[j] - (j == c)
#include <cmath>

#include "entries.h"
#include "vec_math.h"

namespace inkgrad::cpu {
namespace {

template <typename T>
inline T largest(const T* x, int64_t n, int64_t* index) {
  T best = x[0];
  *index = 0;
  for (int64_t i = 1; i < n; ++i) {
    if (x[i] > best || x[i] != x[i]) {
      best = x[i];
      *index = i;
    }
  }
  return best;
}

template <typename T>
double cross_entropy(const T* logits, const int64_t* labels, int64_t rows, int64_t classes, T scale,
                     T* grad, int64_t* correct) {
  constexpr int L = kLanes<T> > 8 ? kLanes<T> : 8;  // ten classes in one or two vectors
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r, logits += classes) {
    int64_t predicted;
    const T top = largest(logits, classes, &predicted);
    *correct += predicted == labels[r];
    // The exponentials are the numerators of the gradient, and are stored in its place.
    Vec<T, L> sums{}, e{};
    for (int64_t j = 0; j < classes; j += L) {
      const int64_t n = classes - j;
      if (n >= L) {
        e = exp<T, L>(load<L>(logits + j) - top);
        sums += e;
        if (grad) store<L>(grad + j, e);
      } else {
        e = exp<T, L>(load_first<L>(logits + j, n) - top);
        e = select(first_lanes<T, L>(n), e, Vec<T, L>{});
        sums += e;
        if (grad) store_first<L>(grad + j, e, n);
      }
    }
    const T sum = horizontal_sum<T, L>(sums);
    loss += std::log(double(sum)) - (double(logits[labels[r]]) - double(top));
    if (!grad) continue;
    const T factor = scale / sum;
    for (int64_t j = 0; j < classes; ++j) grad[j] *= factor;
    grad[labels[r]] -= scale;
    grad += classes;
  }
  return loss;
}

// As in common/sgd.h; without a velocity, w -= lr g.
template <typename T>
void sgd(T* w, const T* grad, T* velocity, int64_t n, const Sgd& settings) {
  constexpr int L = kLanes<T>;
  const T lr = T(settings.lr), momentum = T(settings.momentum), decay = T(settings.weight_decay);
  const auto update = [&](auto get, auto put, int64_t i) {
    const Vec<T> old = get(w + i);
    Vec<T> step = get(grad + i) + decay * old;
    if (velocity) {
      step = momentum * get(velocity + i) + step;
      put(velocity + i, step);
    }
    put(w + i, old - lr * step);
  };
  int64_t i = 0;
  for (; i + L <= n; i += L) {
    update([](const T* p) { return load<L>(p); }, [](T* p, Vec<T> v) { store<L>(p, v); }, i);
  }
  if (i < n) {
    update([&](const T* p) { return load_first<L>(p, n - i); },
           [&](T* p, Vec<T> v) { store_first<L>(p, v, n - i); }, i);
  }
}

const Entries entries([]<typename T>(KernelsOf<T>& table) {
  table.cross_entropy = cross_entropy<T>;
  table.sgd = sgd<T>;
});

}  // namespace
}  // namespace inkgrad::cpu
