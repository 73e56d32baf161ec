#include "direct.h"

#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>

#include "ops.h"

namespace inkgrad {
namespace {

// The arguments of a call, in order; a TypeError for one that is not what it should be.
class Arguments {
 public:
  Arguments(PyObject* const* values, Py_ssize_t count, Py_ssize_t expected) : values_(values) {
    if (count != expected) throw torch::TypeError("wrong number of arguments");
  }
  const Tensor& tensor() {
    PyObject* const value = *values_++;
    if (!THPVariable_Check(value)) throw torch::TypeError("expected a tensor");
    return THPVariable_Unpack(value);
  }
  OptionalTensor optional_tensor() {
    if (*values_ != Py_None) return tensor();
    ++values_;
    return std::nullopt;
  }
  int64_t integer() { return integer(*values_++); }
  std::array<int64_t, 2> pair() {
    PyObject* const value = *values_++;
    if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 2)
      throw torch::TypeError("expected a tuple of two");
    return {integer(PyTuple_GET_ITEM(value, 0)), integer(PyTuple_GET_ITEM(value, 1))};
  }

 private:
  static int64_t integer(PyObject* value) {
    const int64_t result = PyLong_AsLongLong(value);
    if (result == -1 && PyErr_Occurred()) throw python_error();
    return result;
  }

  PyObject* const* values_;
};

// What is computed needs the interpreter's lock no more.
template <typename F>
PyObject* unlocked(F f) {
  Tensor result;
  {
    const pybind11::gil_scoped_release release;
    result = f();
  }
  return THPVariable_Wrap(std::move(result));
}

template <auto op>
PyObject* linear(PyObject*, PyObject* const* values, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  Arguments arguments(values, count, 3);
  const Tensor &input = arguments.tensor(), &weight = arguments.tensor();
  const OptionalTensor bias = arguments.optional_tensor();
  return unlocked([&] { return op(input, weight, bias); });
  END_HANDLE_TH_ERRORS
}

PyObject* cross_entropy(PyObject*, PyObject* const* values, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  Arguments arguments(values, count, 3);
  const Tensor &input = arguments.tensor(), &target = arguments.tensor();
  const int64_t reduction = arguments.integer();
  // Torch's own error, which is the caller's to raise.
  if (input.sizes() != target.sizes()) throw torch::TypeError("sizes differ");
  return unlocked(
      [&] { return inkgrad::binary_cross_entropy(input, target, std::nullopt, reduction); });
  END_HANDLE_TH_ERRORS
}

template <bool pools>
PyObject* convolution(PyObject*, PyObject* const* values, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  Arguments arguments(values, count, pools ? 8 : 7);
  const Tensor &input = arguments.tensor(), &weight = arguments.tensor();
  const OptionalTensor bias = arguments.optional_tensor();
  const auto stride = arguments.pair(), padding = arguments.pair(), dilation = arguments.pair();
  const int64_t groups = arguments.integer();
  if constexpr (pools) {
    const auto window = arguments.pair();
    return unlocked([&] {
      return std::get<0>(
          conv2d_relu_max_pool2d(input, weight, bias, stride, padding, dilation, groups, window));
    });
  } else {
    return unlocked(
        [&] { return inkgrad::conv2d(input, weight, bias, stride, padding, dilation, groups); });
  }
  END_HANDLE_TH_ERRORS
}

template <typename F>
constexpr PyMethodDef method(const char* name, F function) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
          METH_FASTCALL, nullptr};
}

}  // namespace

void define_direct_calls(pybind11::module_& m) {
  static PyMethodDef methods[] = {
      method("linear_sigmoid", linear<linear_sigmoid>),
      method("linear_relu", linear<linear_relu>),
      method("binary_cross_entropy", cross_entropy),
      method("conv2d", convolution<false>),
      method("conv2d_relu_max_pool2d", convolution<true>),
      {nullptr, nullptr, 0, nullptr},
  };
  if (PyModule_AddFunctions(m.ptr(), methods) != 0) throw pybind11::error_already_set();
}

}  // namespace inkgrad
