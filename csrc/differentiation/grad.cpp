#include "grad.h"

#include <ATen/EmptyTensor.h>
#include <ATen/PythonTorchFunctionTLS.h>
#include <ATen/ops/ones_like.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>

#include "path.h"

namespace inkgrad {
namespace {

namespace py = pybind11;
using at::Tensor;
using torch::autograd::variable_list;

// Appends a tensor, or an undefined one for None; false for anything else, also for a subclass,
// which may override torch's functions.
bool append(PyObject* object, variable_list& tensors) {
  if (object == Py_None) {
    tensors.emplace_back();
    return true;
  }
  if (!THPVariable_CheckExact(object)) return false;
  tensors.push_back(THPVariable_Unpack(object));
  return true;
}

// One tensor or several.
bool collect(py::handle from, variable_list& tensors) {
  PyObject* const object = from.ptr();
  if (!PyTuple_Check(object) && !PyList_Check(object)) return append(object, tensors);
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(object);
  tensors.reserve(size);
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!append(PySequence_Fast_GET_ITEM(object, i), tensors)) return false;
  }
  return true;
}

// A one without the way through the dispatcher.
Tensor one_like(const Tensor& output) {
  if (output.layout() != at::kStrided || output.scalar_type() != at::kFloat)
    return at::ones_like(output);
  const Tensor one = at::detail::empty_cpu(output.sizes(), at::kFloat);
  *one.mutable_data_ptr<float>() = 1;
  return one;
}

// Completes the gradient of an output; false unless both are plainly right.
bool completes(const Tensor& output, Tensor& grad) {
  if (!output.defined() || !output.device().is_cpu() || !output.requires_grad()) return false;
  if (grad.defined())
    return grad.sizes() == output.sizes() && grad.options().type_equal(output.options());
  if (output.numel() != 1 || !output.is_floating_point()) return false;
  grad = one_like(output);
  return true;
}

bool prepare(const variable_list& outputs, const variable_list& inputs, variable_list& grads) {
  if (outputs.empty() || inputs.empty() || grads.size() != outputs.size()) return false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!completes(outputs[i], grads[i])) return false;
  }
  return std::all_of(inputs.begin(), inputs.end(),
                     [](const Tensor& input) { return input.defined() && input.requires_grad(); });
}

variable_list run(const variable_list& outputs, const variable_list& inputs,
                  const variable_list& grads, bool retain_graph, bool create_graph,
                  bool allow_unused) {
  if (outputs.size() == 1 && !create_graph) {
    if (auto gradients = path_gradients(outputs[0], inputs, grads[0], retain_graph)) {
      for (const Tensor& gradient : *gradients) {
        TORCH_CHECK(gradient.defined() || allow_unused,
                    "One of the differentiated Tensors appears to not have been used in the graph. "
                    "Set allow_unused=True if this is the desired behavior.");
      }
      return *std::move(gradients);
    }
  }
  return torch::autograd::grad(outputs, inputs, grads, retain_graph, create_graph, allow_unused);
}

}  // namespace

py::object grad(py::handle outputs, py::handle inputs, py::handle grad_outputs,
                py::handle retain_graph, bool create_graph, bool allow_unused) {
  variable_list of, by, grads;
  if (at::impl::torch_function_mode_enabled() || !collect(outputs, of) || !collect(inputs, by))
    return py::none();
  if (grad_outputs.is_none()) {
    grads.resize(of.size());
  } else if (!collect(grad_outputs, grads)) {
    return py::none();
  }
  if (!prepare(of, by, grads)) return py::none();
  const bool retain = retain_graph.is_none() ? create_graph : retain_graph.cast<bool>();
  // An error in a Python function on the way back stays the error that it was.
  static const auto without_lock = torch::wrap_pybind_function_no_gil(run);
  const variable_list results = without_lock(of, by, grads, retain, create_graph, allow_unused);
  py::tuple gradients(results.size());
  for (size_t i = 0; i < results.size(); ++i)
    PyTuple_SET_ITEM(gradients.ptr(), i, THPVariable_Wrap(results[i]));
  return gradients;
}

}  // namespace inkgrad
