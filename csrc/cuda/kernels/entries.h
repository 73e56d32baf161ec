// How a source of the library adds its functions to the table: in its unnamed namespace
//
//   const Entries entries([](Kernels& table) { table.chain_pass = chain_pass; });
#pragma once

#include "launches.h"

namespace inkgrad::cuda {

// The table of this library, which its sources fill while it is loaded (launches.cpp).
Kernels& own_table();

struct Entries {
  explicit Entries(void (*add)(Kernels& table)) { add(own_table()); }
};

}  // namespace inkgrad::cuda
