// The one symbol that the library exports.
#include "entries.h"

inkgrad::cpu::Kernels& inkgrad::cpu::own_table() {
  static Kernels table{};
  return table;
}

const inkgrad::cpu::Kernels* inkgrad_cpu_kernels() { return &inkgrad::cpu::own_table(); }
