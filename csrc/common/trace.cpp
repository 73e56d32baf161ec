#include "trace.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace inkgrad::trace {
namespace {

bool is_verbose() {
  static const bool verbose = [] {
    const char* const value = std::getenv("INKGRAD_VERBOSE");
    return value != nullptr && *value != '\0' && std::string(value) != "0";
  }();
  return verbose;
}

std::mutex mutex;  // of the two below
std::vector<Record> records;
int64_t recorders = 0;

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kHalf:
      return "float16";
    case at::kBFloat16:
      return "bfloat16";
    default:
      return c10::toString(dtype);
  }
}

std::string joined(const std::vector<int64_t>& sizes) {
  std::string text;
  for (const int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

}  // namespace

std::atomic<bool> is_on = is_verbose();

const char* gradients(std::array<bool, 3> output_mask) {
  static constexpr const char* kNames[] = {"none",
                                           "grad_input",
                                           "grad_weight",
                                           "grad_input+grad_weight",
                                           "grad_bias",
                                           "grad_input+grad_bias",
                                           "grad_weight+grad_bias",
                                           "grad_input+grad_weight+grad_bias"};
  return kNames[output_mask[0] + 2 * output_mask[1] + 4 * output_mask[2]];
}

int64_t start() {
  const std::lock_guard lock(mutex);
  ++recorders;
  is_on = true;
  return int64_t(records.size());
}

std::vector<Record> stop(int64_t start) {
  const std::lock_guard lock(mutex);
  const std::vector<Record> result(records.begin() + start, records.end());
  if (--recorders == 0) {
    records.clear();
    is_on = is_verbose();
  }
  return result;
}

void report(const Run& run, double microseconds) {
  const Record record{run.op,
                      run.direction,
                      run.kernel,
                      dtype_name(run.dtype),
                      {run.shapes[0].vec(), run.shapes[1].vec()},
                      microseconds};
  const std::lock_guard lock(mutex);
  if (is_verbose()) {
    std::fprintf(stderr, "inkgrad,%s,%s,%s:%s,%s,%s,%.1f\n", run.op, run.direction,
                 joined(record.shapes[0]).c_str(), joined(record.shapes[1]).c_str(),
                 record.dtype.c_str(), run.kernel, microseconds);
  }
  if (recorders > 0) records.push_back(record);
}

}  // namespace inkgrad::trace
