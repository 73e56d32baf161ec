#include "direct.h"

#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <type_traits>

#include "ops.h"

namespace inkgrad {
namespace {

// The arguments of a call, in order; TypeError for one of another type.
class Arguments {
 public:
  Arguments(PyObject* const* values, Py_ssize_t count, Py_ssize_t expected) : values_(values) {
    if (count != expected) throw torch::TypeError("wrong number of arguments");
  }

  const Tensor& next(std::type_identity<const Tensor&>) {
    PyObject* const value = *values_++;
    if (!THPVariable_CheckExact(value)) throw torch::TypeError("expected a tensor");
    const Tensor& tensor = THPVariable_Unpack(value);
    if (tensor.layout() != at::kStrided || tensor.is_nested())
      throw torch::TypeError("expected a strided tensor");
    return tensor;
  }
  OptionalTensor next(std::type_identity<const OptionalTensor&>) {
    if (*values_ != Py_None) return next(std::type_identity<const Tensor&>{});
    ++values_;
    return std::nullopt;
  }
  int64_t next(std::type_identity<int64_t>) { return integer(*values_++); }
  std::array<int64_t, 2> next(std::type_identity<IntArrayRef>) {
    PyObject* const value = *values_++;
    if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 2)
      throw torch::TypeError("expected a tuple of two");
    return {integer(PyTuple_GET_ITEM(value, 0)), integer(PyTuple_GET_ITEM(value, 1))};
  }

 private:
  // (A bool is an int as well, which torch's convolutions do not take.)
  static int64_t integer(PyObject* value) {
    int overflow = 0;
    const int64_t result = PyLong_CheckExact(value) ? PyLong_AsLongLongAndOverflow(value, &overflow)
                                                    : throw torch::TypeError("expected an int");
    if (overflow != 0) throw torch::TypeError("expected an int of 64 bits");
    return result;
  }

  PyObject* const* values_;
};

const Tensor& first_of(const Tensor& result) { return result; }
const Tensor& first_of(const Gradients2& results) { return std::get<0>(results); }

using FastCall = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);

template <auto op, typename Result, typename... Parameters>
FastCall direct(Result (*)(Parameters...)) {
  return [](PyObject*, PyObject* const* values, Py_ssize_t count) -> PyObject* {
    HANDLE_TH_ERRORS
    if (torch::jit::tracer::isTracing()) throw torch::TypeError("tracing");
    Arguments arguments(values, count, sizeof...(Parameters));
    // Braces, because they are evaluated in order.
    const std::tuple<decltype(arguments.next(std::type_identity<Parameters>{}))...> converted{
        arguments.next(std::type_identity<Parameters>{})...};
    return std::apply(
        [](const auto&... each) {
          Tensor result;
          {
            const pybind11::gil_scoped_release release;
            result = first_of(op(each...));
          }
          return THPVariable_Wrap(std::move(result));
        },
        converted);
    END_HANDLE_TH_ERRORS
  };
}

template <auto op>
PyMethodDef method() {
  return {op.name,
          reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(direct<op>(op.formula))),
          METH_FASTCALL, nullptr};
}

}  // namespace

void define_direct_calls(pybind11::module_& m) {
  static PyMethodDef methods[] = {
      method<linear_sigmoid>(),         method<linear_relu>(),
      method<binary_cross_entropy>(),   method<conv2d>(),
      method<conv2d_relu_max_pool2d>(), {nullptr, nullptr, 0, nullptr},
  };
  if (PyModule_AddFunctions(m.ptr(), methods) != 0) throw pybind11::error_already_set();
}

}  // namespace inkgrad
