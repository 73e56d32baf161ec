// How a source of the library adds its functions to the table: in its unnamed namespace
//
//   const Entries entries([]<typename T>(KernelsOf<T>& table) { table.sgd = sgd<T>; });
#pragma once

#include "table.h"

namespace inkgrad::cpu {

// The table of this library, which its sources fill while it is loaded (table.cpp).
Kernels& own_table();

struct Entries {
  template <typename Add>
  explicit Entries(Add add) {
    add(own_table().f32);
    add(own_table().f64);
  }
};

}  // namespace inkgrad::cpu
