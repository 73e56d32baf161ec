// The Python module inkgrad._C: what a build is made of, and the choice of its kernel libraries.
#include <ATen/Parallel.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/version.h>

#include <chrono>

#include "common/trace.h"
#include "cpu/chain.h"
#include "cpu/runtime.h"
#include "cuda/chain.h"
#include "cuda/runtime.h"
#include "differentiation/grad.h"
#include "direct.h"
#include "inkgrad_cuda_build.h"  // written by setup.py

namespace {

namespace py = pybind11;

// Multiplications and additions a second, on torch's threads, in about 20 ms.
template <typename T>
double multiply_add_rate() {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kRounds = 1 << 22;
  const auto& table = inkgrad::cpu::kernels()->of<T>();
  const int threads = at::get_num_threads();
  std::vector<T> results(threads);
  const auto begin = Clock::now();
  at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) results[i] = table.multiply_add_chains(kRounds);
  });
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return double(threads) * kRounds * table.chain_operations / seconds;
}

double measure_fma_rate(const std::string& dtype) {
  TORCH_CHECK_VALUE(dtype == "float32" || dtype == "float64",
                    "measure_fma_rate: expected float32 or float64, got ", dtype);
  return dtype == "float32" ? multiply_add_rate<float>() : multiply_add_rate<double>();
}

// Behind inkgrad.kernels.record().
void define_trace(py::module_& m) {
  m.def("start_trace", &inkgrad::trace::start);
  m.def("stop_trace", [](int64_t start) {
    py::list calls;
    for (const auto& r : inkgrad::trace::stop(start)) {
      const auto shape = [&](int i) { return py::tuple(py::cast(r.shapes[i])); };
      calls.append(py::make_tuple(r.op, r.direction, py::make_tuple(shape(0), shape(1)), r.dtype,
                                  r.kernel, r.microseconds));
    }
    return calls;
  });
}

// Arguments are converted with the interpreter's lock held; what is computed needs it no more.
void define_chain(py::module_& m) {
  using inkgrad::cpu::Chain;
  using inkgrad::cpu::Loss;
  using without_lock = py::call_guard<py::gil_scoped_release>;
  py::class_<Chain>(m, "Chain", "Behind inkgrad.chain.Chain.")
      .def(py::init([](bool is_binary, bool mean) {
             return Chain(is_binary ? Loss::binary_cross_entropy : Loss::cross_entropy, mean);
           }),
           py::arg("is_binary"), py::arg("mean"))
      .def("standardise", &Chain::standardise)
      .def("linear", &Chain::linear)
      .def("conv2d_relu_max_pool2d", &Chain::conv2d_relu_max_pool2d)
      .def("gradients", &Chain::gradients)
      .def("velocities", &Chain::velocities)
      .def("backward", &Chain::backward, without_lock())
      .def(
          "step",
          [](Chain& chain, const at::Tensor& inputs, const at::Tensor& targets,
             const std::optional<at::Tensor>& rows, double lr, double momentum,
             double decay) { return chain.step(inputs, targets, rows, {lr, momentum, decay}); },
          without_lock())
      .def(
          "judge",
          [](Chain& chain, const at::Tensor& inputs, const at::Tensor& targets, int64_t piece) {
            const auto judgement = chain.judge(inputs, targets, piece);
            return std::make_pair(judgement.loss, judgement.right);
          },
          without_lock())
      .def("finite", &Chain::finite, without_lock());
}

void define_cuda_chain(py::module_& m) {
  using inkgrad::cuda::Chain;
  using without_lock = py::call_guard<py::gil_scoped_release>;
  py::class_<Chain>(m, "CudaChain", "Behind inkgrad.device_chain.DeviceChain.")
      .def(py::init<bool>(), py::arg("mean"))
      .def("linear", &Chain::linear)
      .def("gradients", &Chain::gradients)
      .def("velocities", &Chain::velocities)
      .def("backward", &Chain::backward, without_lock())
      .def(
          "step",
          [](Chain& chain, const at::Tensor& inputs, const at::Tensor& targets,
             const std::optional<at::Tensor>& rows, double lr, double momentum, double decay,
             const at::Tensor& report) {
            chain.step(inputs, targets, rows, {lr, momentum, decay}, report);
          },
          without_lock())
      .def("judge", &Chain::judge, without_lock())
      .def_property_readonly_static(
          "report_size", [](const py::object&) { return int(inkgrad::cuda::kChainReport); });
}

}  // namespace

PYBIND11_MODULE(_C, m) {
  m.doc() = "Operators and build information of inkgrad.";
  m.def("load_cpu_kernels", &inkgrad::cpu::load_kernels, pybind11::arg("path"),
        "Opens one of the _cpu_* libraries beside this module; its kernels serve every op from "
        "then on.");
  m.def("load_cuda_kernels", &inkgrad::cuda::load_kernels, pybind11::arg("path"),
        "Opens the _cuda library beside this module; its kernels serve CUDA tensors from then on.");
  m.def(
      "measure_fma_rate", &measure_fma_rate, py::arg("dtype"),
      py::call_guard<py::gil_scoped_release>(),
      "FLOP/s of independent multiply-adds in registers, on torch's threads: the ceiling of every "
      "kernel.");
  inkgrad::define_direct_calls(m);
  m.def("grad", &inkgrad::grad);
  define_trace(m);
  define_chain(m);
  define_cuda_chain(m);
  m.attr("cuda_toolkit") = INKGRAD_CUDA_TOOLKIT;
  m.attr("cuda_of_torch") = INKGRAD_CUDA_OF_TORCH;
  m.attr("cuda_architectures") = INKGRAD_CUDA_ARCHITECTURES;
  m.attr("cuda_left_out") = INKGRAD_CUDA_LEFT_OUT;
  m.attr("torch_version") = TORCH_VERSION;
  m.attr("cxx_standard") = __cplusplus;
#if defined(__clang__)
  m.attr("compiler") = "clang " __clang_version__;
#else
  m.attr("compiler") = "gcc " __VERSION__;
#endif
}
