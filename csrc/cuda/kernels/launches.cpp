// The symbol that the library exports, and its only part that knows torch: the current stream and
// torch's errors.
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "entries.h"

namespace inkgrad::cuda {

Kernels& own_table() {
  static Kernels table{};
  return table;
}

void check_launch(const char* function, const char* file, int line) {
  c10::cuda::c10_cuda_check_implementation(static_cast<int32_t>(cudaGetLastError()), file, function,
                                           line, /*include_device_assertions=*/true);
}

void check_driver(int result, const char* function) {
  TORCH_CHECK(result == 0, function, " failed with the driver's error ", result);
}

namespace {

void* current_stream(int device) {
  return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

const Entries entries([](Kernels& table) { table.current_stream = current_stream; });

}  // namespace
}  // namespace inkgrad::cuda

const inkgrad::cuda::Kernels* inkgrad_cuda_kernels() { return &inkgrad::cuda::own_table(); }
