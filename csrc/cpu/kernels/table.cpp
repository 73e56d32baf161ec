// The one symbol that the library exports.
#include "fill.h"

namespace {

template <typename T>
void fill(inkgrad::cpu::KernelsOf<T>& table) {
  using namespace inkgrad::cpu;
  fill_bce(table);
  fill_gemm(table);
  fill_narrow(table);
  fill_few_rows(table);
  fill_elementwise(table);
  fill_conv_forward(table);
  fill_conv_channels_forward(table);
  fill_conv_batch_forward(table);
  fill_conv_winograd(table);
  fill_conv_winograd_weight(table);
  fill_conv_backward_input(table);
  fill_conv_batch_backward_input(table);
  fill_conv_backward_weight(table);
  fill_conv_pooled(table);
  fill_pool(table);
  fill_training(table);
  fill_ceiling(table);
}

}  // namespace

const inkgrad::cpu::Kernels* inkgrad_cpu_kernels() {
  static const inkgrad::cpu::Kernels table = [] {
    inkgrad::cpu::Kernels filled{};
    fill(filled.f32);
    fill(filled.f64);
    return filled;
  }();
  return &table;
}
