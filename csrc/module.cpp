// The Python module inkgrad._C: what a build is made of, and the choice of its CPU kernel library.
#include <torch/csrc/utils/pybind.h>
#include <torch/version.h>

#include "cpu/runtime.h"

PYBIND11_MODULE(_C, m) {
  m.doc() = "Operators and build information of inkgrad.";
  m.def("load_cpu_kernels", &inkgrad::cpu::load_kernels, pybind11::arg("path"),
        "Opens one of the _cpu_* libraries beside this module; its kernels serve every op from "
        "then on.");
  m.attr("torch_version") = TORCH_VERSION;
  m.attr("cxx_standard") = __cplusplus;
#if defined(__clang__)
  m.attr("compiler") = "clang " __clang_version__;
#else
  m.attr("compiler") = "gcc " __VERSION__;
#endif
}
