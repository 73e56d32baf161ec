// What the library offers, and the only part of it that knows torch: its current stream and its
// errors.
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "fill.h"

namespace inkgrad::cuda {

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

Kernels filled() {
  Kernels table{};
  table.current_stream = current_stream;
  fill_bce(table);
  fill_epilogue(table);
  fill_split(table);
  fill_gemm(table);
  fill_pool(table);
  fill_layout(table);
  fill_conv_forward(table);
  fill_conv_weight_grad(table);
  fill_conv_input_grad(table);
  fill_small_linear(table);
  fill_chain(table);
  return table;
}

}  // namespace
}  // namespace inkgrad::cuda

const inkgrad::cuda::Kernels* inkgrad_cuda_kernels() {
  static const inkgrad::cuda::Kernels table = inkgrad::cuda::filled();
  return &table;
}
