// The Python module inkgrad._C_torch*, named after its torch: loads kernel libraries, binds chains,
// describes the build.
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/version.h>

#include <chrono>
#include <memory>

#include "common/trace.h"
#include "cpu/chain.h"
#include "cpu/runtime.h"
#include "cuda/device_chain.h"
#include "cuda/runtime.h"
#include "direct.h"
#include "inkgrad_cuda_build.h"  // written by setup.py
#include "watch.h"

namespace {

namespace py = pybind11;

// FLOP/s of independent multiply-adds on torch's threads, measured for about 20 ms.
template <typename T>
double fma_rate() {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kRounds = 1 << 22;
  const auto& table = inkgrad::cpu::kernels()->of<T>();
  const int threads = at::get_num_threads();
  std::vector<T> results(threads);
  const auto begin = Clock::now();
  inkgrad::cpu::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) results[i] = table.fma_rounds(kRounds);
  });
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return double(threads) * kRounds * table.fma_round_operations / seconds;
}

double measure_fma_rate(const std::string& dtype) {
  TORCH_CHECK_VALUE(dtype == "float32" || dtype == "float64",
                    "measure_fma_rate: expected float32 or float64, got ", dtype);
  return dtype == "float32" ? fma_rate<float>() : fma_rate<double>();
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

// A chain for Python. Arguments are converted with the GIL held, and computed without.
template <typename Chain>
class Bound : public Chain {
 public:
  using Chain::Chain;

  template <typename F>
  auto run(F f) {
    TORCH_CHECK(!is_in_use_, "chain: another thread is using it");
    is_in_use_ = true;
    const std::unique_ptr<bool, void (*)(bool*)> until_end(&is_in_use_,
                                                           [](bool* flag) { *flag = false; });
    const py::gil_scoped_release release;
    return f();
  }

 private:
  bool is_in_use_ = false;
};

// The tensor, unless it is of a subclass, which may mean something else by its elements.
at::Tensor plain(const py::handle value) {
  const char* const type = Py_TYPE(value.ptr())->tp_name;
  TORCH_CHECK_TYPE(THPVariable_Check(value.ptr()), "chain: expected a tensor, got ", type);
  TORCH_CHECK_VALUE(THPVariable_CheckExact(value.ptr()), "chain: expected a torch.Tensor, got a ",
                    type);
  return THPVariable_Unpack(value.ptr());
}

struct Examples {
  at::Tensor inputs, targets;
  std::optional<at::Tensor> rows;

  Examples(py::handle inputs, py::handle targets, py::handle rows)
      : inputs(plain(inputs)), targets(plain(targets)) {
    if (!rows.is_none()) this->rows = plain(rows);
  }
};

void define_chain(py::module_& m) {
  using inkgrad::cpu::Loss;
  using Chain = Bound<inkgrad::cpu::Chain>;
  py::class_<Chain>(m, "Chain", "Behind inkgrad.chain.Chain.")
      .def(py::init([](std::optional<bool> is_binary, bool mean, int64_t ignore_index) {
             const auto loss = !is_binary   ? Loss::none
                               : *is_binary ? Loss::binary_cross_entropy
                                            : Loss::cross_entropy;
             return std::make_unique<Chain>(loss, mean, ignore_index);
           }),
           py::arg("is_binary"), py::arg("mean"), py::arg("ignore_index"))
      .def("standardize", &Chain::standardize)
      .def("flatten", &Chain::flatten)
      .def("relu", &Chain::relu)
      .def("linear", &Chain::linear)
      .def("conv2d", &Chain::conv2d)
      .def("conv2d_relu_max_pool2d", &Chain::conv2d_relu_max_pool2d)
      .def("forward",
           [](const Chain& chain, py::handle inputs) {
             const at::Tensor examples = plain(inputs);
             const py::gil_scoped_release release;  // not run(): any number of threads
             return chain.forward(examples);
           })
      .def("gradients", &Chain::gradients)
      .def("velocities", &Chain::velocities)
      .def("backward",
           [](Chain& chain, py::handle inputs, py::handle targets, py::handle rows) {
             const Examples e(inputs, targets, rows);
             return chain.run([&] { return chain.backward(e.inputs, e.targets, e.rows); });
           })
      .def("step",
           [](Chain& chain, py::handle inputs, py::handle targets, py::handle rows, double lr,
              double momentum, double decay) {
             const Examples e(inputs, targets, rows);
             return chain.run(
                 [&] { return chain.step(e.inputs, e.targets, e.rows, {lr, momentum, decay}); });
           })
      .def("evaluate",
           [](Chain& chain, py::handle inputs, py::handle targets, int64_t chunk_size) {
             const Examples e(inputs, targets, py::none());
             const auto result =
                 chain.run([&] { return chain.evaluate(e.inputs, e.targets, chunk_size); });
             return std::make_pair(result.loss, result.correct);
           })
      .def("is_finite", &Chain::is_finite, py::call_guard<py::gil_scoped_release>());
}

void define_device_chain(py::module_& m) {
  using DeviceChain = Bound<inkgrad::cuda::DeviceChain>;
  py::class_<DeviceChain>(m, "DeviceChain", "Behind inkgrad.device_chain.DeviceChain.")
      .def(py::init<bool>(), py::arg("mean"))
      .def("linear", &DeviceChain::linear)
      .def("gradients", &DeviceChain::gradients)
      .def("velocities", &DeviceChain::velocities)
      .def("backward",
           [](DeviceChain& chain, py::handle inputs, py::handle targets, py::handle rows,
              const at::Tensor& report) {
             const Examples e(inputs, targets, rows);
             chain.run([&] { chain.backward(e.inputs, e.targets, e.rows, report); });
           })
      .def("step",
           [](DeviceChain& chain, py::handle inputs, py::handle targets, py::handle rows, double lr,
              double momentum, double decay, const at::Tensor& report) {
             const Examples e(inputs, targets, rows);
             chain.run(
                 [&] { chain.step(e.inputs, e.targets, e.rows, {lr, momentum, decay}, report); });
           })
      .def("evaluate",
           [](DeviceChain& chain, py::handle inputs, py::handle targets, const at::Tensor& report) {
             const Examples e(inputs, targets, py::none());
             chain.run([&] { chain.evaluate(e.inputs, e.targets, report); });
           })
      .def_property_readonly_static(
          "report_size", [](const py::object&) { return int(inkgrad::cuda::kChainReport); });
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.doc() = "Operators and build information of inkgrad.";
  m.def("load_cpu_kernels", &inkgrad::cpu::load_kernels, pybind11::arg("path"),
        "Loads one of the _cpu_* libraries beside this module, for all CPU ops.");
  m.def("load_cuda_kernels", &inkgrad::cuda::load_kernels, pybind11::arg("path"),
        "Loads the _cuda library beside this module, for all CUDA ops.");
  m.def("measure_fma_rate", &measure_fma_rate, py::arg("dtype"),
        py::call_guard<py::gil_scoped_release>(),
        "Peak FLOP/s: independent multiply-adds in registers, on torch's threads.");
  inkgrad::define_direct_calls(m);
  inkgrad::define_watch(m);
  define_trace(m);
  define_chain(m);
  define_device_chain(m);
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
