// Stochastic gradient descent:
//   g = grad + weight_decay w;  velocity = momentum velocity + g;  w -= lr velocity
#pragma once

namespace inkgrad {

struct Sgd {
  double lr, momentum, weight_decay;
};

}  // namespace inkgrad
