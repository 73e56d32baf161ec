#include "watch.h"

#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <utility>
#include <vector>

namespace inkgrad {
namespace {

namespace py = pybind11;

bool is_empty(PyObject* dict_or_null) {
  return !dict_or_null || dict_or_null == Py_None || PyObject_Length(dict_or_null) == 0;
}

// Hooks of the tensor itself (register_hook, register_post_accumulate_grad_hook), whose removal
// leaves an empty dict; hooks of the node that accumulates its gradient (DistributedDataParallel);
// or the tensor is no leaf.
bool sends_gradient_elsewhere(PyObject* object) {
  const auto* variable = reinterpret_cast<THPVariable*>(object);
  if (!is_empty(variable->backward_hooks) || !is_empty(variable->post_accumulate_grad_hooks))
    return true;
  const auto* autograd = torch::autograd::impl::get_autograd_meta(variable->cdata);
  if (!autograd) return false;
  const size_t of_python = variable->backward_hooks ? 1 : 0;
  if (autograd->grad_fn_ || autograd->hooks_.size() > of_python) return true;
  if (autograd->grad_accumulator_.expired()) return false;
  const auto node = autograd->grad_accumulator_.lock();
  return node && !(node->pre_hooks().empty() && node->post_hooks().empty());
}

// An item of a dict: key and value compared by identity, at their place in the order of the dict.
class Item {
 public:
  Item(py::object dict, py::handle wanted) : dict_(std::move(dict)) {
    PyObject *key, *value;
    for (Py_ssize_t next = 0;; at_ = next) {
      if (!PyDict_Next(dict_.ptr(), &next, &key, &value)) throw py::key_error();
      if (wanted.equal(py::handle(key))) break;
    }
    key_ = py::reinterpret_borrow<py::object>(key);
    value_ = py::reinterpret_borrow<py::object>(value);
  }

  bool is_unchanged() const {
    Py_ssize_t at = at_;
    PyObject *key, *value;
    return PyDict_Next(dict_.ptr(), &at, &key, &value) && key == key_.ptr() &&
           value == value_.ptr();
  }

 private:
  py::object dict_, key_, value_;
  Py_ssize_t at_ = 0;
};

// A module's class, and that no attribute is added to it.
class Module {
 public:
  explicit Module(py::handle module)
      : module_(py::reinterpret_borrow<py::object>(module)),
        type_(Py_TYPE(module.ptr())),
        dict_(module.attr("__dict__")),
        size_(PyDict_GET_SIZE(dict_.ptr())) {
    while (PyDict_Next(dict_.ptr(), &end_, nullptr, nullptr)) {
    }
  }

  bool is_unchanged() const {
    if (Py_TYPE(module_.ptr()) != type_ || PyDict_GET_SIZE(dict_.ptr()) != size_) return false;
    Py_ssize_t at = end_;
    if (PyDict_Next(dict_.ptr(), &at, nullptr, nullptr)) return false;  // one removed, one added
    const auto dict =
        py::reinterpret_steal<py::object>(PyObject_GenericGetDict(module_.ptr(), nullptr));
    return dict.is(dict_);
  }

 private:
  py::object module_;
  PyTypeObject* type_;
  py::object dict_;
  Py_ssize_t size_, end_ = 0;
};

// A plain tensor's memory, which `tensor.data = other` exchanges, and its part in autograd.
class Memory {
 public:
  explicit Memory(py::handle object) : object_(py::reinterpret_borrow<py::object>(object)) {
    impl_ = impl();
    keys_ = impl_->key_set();
    dtype_ = impl_->dtype();
    sizes_ = impl_->sizes();
    strides_ = impl_->strides();
    offset_ = impl_->storage_offset();
    data_ = impl_->storage().data();
    bytes_ = impl_->storage().nbytes();
  }

  bool is_unchanged() const {
    const auto* now = impl();
    return now == impl_ && now->key_set() == keys_ && now->dtype() == dtype_ &&
           now->sizes() == sizes_ && now->strides() == strides_ &&
           now->storage_offset() == offset_ && now->storage().data() == data_ &&
           now->storage().nbytes() == bytes_ && !sends_gradient_elsewhere(object_.ptr());
  }

 private:
  c10::TensorImpl* impl() const { return THPVariable_Unpack(object_.ptr()).unsafeGetTensorImpl(); }

  py::object object_;
  c10::TensorImpl* impl_;
  c10::DispatchKeySet keys_;
  caffe2::TypeMeta dtype_;
  c10::DimVector sizes_, strides_;
  int64_t offset_;
  const void* data_;
  size_t bytes_;
};

class Empty {
 public:
  explicit Empty(py::handle dict) : dict_(py::reinterpret_borrow<py::object>(dict)) {}
  bool is_unchanged() const { return PyDict_GET_SIZE(dict_.ptr()) == 0; }

 private:
  py::object dict_;
};

struct Watch {
  std::vector<Module> modules;
  std::vector<Item> items;
  std::vector<Empty> empty;
  std::vector<Memory> tensors;

  bool sees_no_change() const {
    const auto are_unchanged = [](const auto& all) {
      for (const auto& each : all) {
        if (!each.is_unchanged()) return false;
      }
      return true;
    };
    return are_unchanged(modules) && are_unchanged(items) && are_unchanged(empty) &&
           are_unchanged(tensors);
  }
};

PyObject* call(PyObject* self, PyObject*) {
  const auto* watch = static_cast<const Watch*>(PyCapsule_GetPointer(self, nullptr));
  return PyBool_FromLong(watch->sees_no_change());
}

py::handle checked(py::handle tensor) {
  if (!THPVariable_Check(tensor.ptr())) throw py::type_error("expected a tensor");
  return tensor;
}

py::object dict_of(py::handle dict_or_class) {
  PyObject* const object = dict_or_class.ptr();
  return py::reinterpret_borrow<py::object>(
      PyType_Check(object) ? reinterpret_cast<PyTypeObject*>(object)->tp_dict : object);
}

// A builtin function: calling one of pybind's takes as long as the work.
py::object watch(const py::list& modules, const py::list& items, const py::list& empty,
                 const py::list& tensors) {
  auto watch = std::make_unique<Watch>();
  for (const py::handle each : modules) watch->modules.emplace_back(each);
  for (const py::handle each : items) {
    const auto [dict, key] = each.cast<std::pair<py::object, py::object>>();
    watch->items.emplace_back(dict_of(dict), key);
  }
  for (const py::handle each : empty) watch->empty.emplace_back(each);
  for (const py::handle each : tensors) watch->tensors.emplace_back(checked(each));
  const py::capsule capsule(watch.release(),
                            [](void* pointer) { delete static_cast<Watch*>(pointer); });
  static PyMethodDef method{"is_unchanged", call, METH_NOARGS, nullptr};
  return py::reinterpret_steal<py::object>(PyCFunction_New(&method, capsule.ptr()));
}

}  // namespace

void define_watch(py::module_& m) {
  m.def("watch", &watch);
  m.def("sends_gradient_elsewhere",
        [](const py::object& tensor) { return sends_gradient_elsewhere(checked(tensor).ptr()); });
}

}  // namespace inkgrad
