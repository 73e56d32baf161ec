// Which kernel computed a call: collected by inkgrad.kernels.record(), printed under
// INKGRAD_VERBOSE=1.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <vector>

namespace inkgrad::trace {

// One kernel's work. direction: "forward", or the gradients that it computes together, such as
// "grad_input+grad_weight". shapes: of the two main operands.
struct Run {
  const char *op, *direction, *kernel;
  at::ScalarType dtype;
  std::array<at::IntArrayRef, 2> shapes;
};

// The direction of gradients that are computed together: those of input, weight and bias in a mask.
const char* gradients(std::array<bool, 3> output_mask);

struct Record {
  std::string op, direction, kernel, dtype;
  std::array<std::vector<int64_t>, 2> shapes;
  double microseconds;
};

// Whether anything collects or prints.
extern std::atomic<bool> is_on;

// Collects all runs of all threads from the first start() to the last stop(), which returns those
// since its start().
int64_t start();
std::vector<Record> stop(int64_t start);

void report(const Run& run, double microseconds);

// Reports the time until it goes out of scope, unless by an exception.
class Timer {
 public:
  explicit Timer(const Run& run) : run_(run) {}
  ~Timer() {
    if (std::uncaught_exceptions() > exceptions_) return;
    const std::chrono::duration<double, std::micro> time = Clock::now() - begin_;
    report(run_, time.count());
  }

 private:
  using Clock = std::chrono::steady_clock;
  const Run& run_;
  const int exceptions_ = std::uncaught_exceptions();
  const Clock::time_point begin_ = Clock::now();
};

// f(), reported. Costs one predictable branch while nothing is traced.
template <typename F>
decltype(auto) run(const Run& what, F&& f) {
  if (C10_LIKELY(!is_on.load(std::memory_order_relaxed))) return f();
  const Timer timer(what);
  return f();
}

}  // namespace inkgrad::trace
