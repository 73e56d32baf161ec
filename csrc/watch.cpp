#include "watch.h"

#include <ATen/PythonTorchFunctionTLS.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
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

// CPython up to 3.13 gives a dict a new number, which no other has, whenever it changes.
#if PY_VERSION_HEX < 0x030E0000
constexpr bool kDictsHaveVersions = true;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
uint64_t version_of(const py::object& dict) {
  return reinterpret_cast<PyDictObject*>(dict.ptr())->ma_version_tag;
}
#pragma GCC diagnostic pop
#else
constexpr bool kDictsHaveVersions = false;
uint64_t version_of(const py::object&) { return 0; }
#endif

// Some items of a dict: key and value compared by identity, at their place in the order of the dict.
class Dict {
 public:
  // `is_whole`: no item is added, either.
  Dict(py::object dict, bool is_whole)
      : dict_(std::move(dict)),
        is_whole_(is_whole),
        size_(PyDict_GET_SIZE(dict_.ptr())),
        version_(version_of(dict_)) {
    while (PyDict_Next(dict_.ptr(), &end_, nullptr, nullptr)) {
    }
  }

  bool is(const py::object& dict) const { return dict_.is(dict); }

  void watch(py::handle wanted) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    for (Py_ssize_t next = 0;; at = next) {
      if (!PyDict_Next(dict_.ptr(), &next, &key, &value)) throw py::key_error();
      if (wanted.equal(py::handle(key))) break;
    }
    items_.push_back(
        {py::reinterpret_borrow<py::object>(key), py::reinterpret_borrow<py::object>(value), at});
  }

  bool is_unchanged() {
    const uint64_t version = version_of(dict_);
    if (kDictsHaveVersions && version == version_) return true;
    if (!has_all_items() || (is_whole_ && has_others())) return false;
    version_ = version;
    return true;
  }

 private:
  struct Item {
    py::object key, value;
    Py_ssize_t at;
  };

  bool has_all_items() const {
    for (const Item& item : items_) {
      Py_ssize_t at = item.at;
      PyObject *key, *value;
      if (!PyDict_Next(dict_.ptr(), &at, &key, &value) || key != item.key.ptr() ||
          value != item.value.ptr())
        return false;
    }
    return true;
  }

  bool has_others() const {
    Py_ssize_t at = end_;  // behind which an item is if one was removed and one added
    return PyDict_GET_SIZE(dict_.ptr()) != size_ || PyDict_Next(dict_.ptr(), &at, nullptr, nullptr);
  }

  py::object dict_;
  bool is_whole_;
  Py_ssize_t size_, end_ = 0;
  uint64_t version_;  // the last one at which the items were those
  std::vector<Item> items_;
};

// A module's class, and that its attributes are in the same dict.
class Module {
 public:
  explicit Module(py::handle module)
      : module_(py::reinterpret_borrow<py::object>(module)),
        type_(Py_TYPE(module.ptr())),
        dict_(module.attr("__dict__")) {}

  const py::object& dict() const { return dict_; }

  bool is_unchanged() const {
    if (Py_TYPE(module_.ptr()) != type_) return false;
    const auto dict =
        py::reinterpret_steal<py::object>(PyObject_GenericGetDict(module_.ptr(), nullptr));
    return dict.is(dict_);
  }

 private:
  py::object module_;
  PyTypeObject* type_;
  py::object dict_;
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

// The torch-function modes around a call, by their number and the innermost one, and whether
// torch.jit.trace records it.
struct Modes {
  int64_t count = at::impl::PythonTorchFunctionTLS::stack_len();
  // Kept, so that no other mode gets its address.
  std::shared_ptr<c10::SafePyObject> innermost =
      count > 0 ? at::impl::PythonTorchFunctionTLS::get_stack_at(count - 1) : nullptr;
  bool traces = c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::Tracer);

  bool operator==(const Modes&) const = default;
};

struct Watch {
  std::vector<Module> modules;
  std::vector<Dict> dicts;
  std::vector<Empty> empty;
  std::vector<Memory> tensors;
  Modes modes;

  Dict& of(const py::object& dict, bool is_whole) {
    for (Dict& each : dicts) {
      if (each.is(dict)) return each;
    }
    return dicts.emplace_back(dict, is_whole);
  }

  bool sees_no_change() {
    if (modes != Modes()) return false;
    const auto are_unchanged = [](auto& all) {
      for (auto& each : all) {
        if (!each.is_unchanged()) return false;
      }
      return true;
    };
    return are_unchanged(modules) && are_unchanged(dicts) && are_unchanged(empty) &&
           are_unchanged(tensors);
  }
};

PyObject* call(PyObject* self, PyObject*) {
  auto* const watch = static_cast<Watch*>(PyCapsule_GetPointer(self, nullptr));
  return PyBool_FromLong(watch->sees_no_change());
}

py::handle checked(py::handle tensor) {
  if (!THPVariable_Check(tensor.ptr())) throw py::type_error("expected a tensor");
  return tensor;
}

py::object dict_of(PyTypeObject* type) { return py::reinterpret_borrow<py::object>(type->tp_dict); }

// A builtin function: calling one of pybind's takes as long as the work.
py::object watch(const py::list& modules, const py::list& items, const py::list& empty,
                 const py::list& tensors) {
  auto watch = std::make_unique<Watch>();
  for (const py::handle each : modules) {
    watch->of(watch->modules.emplace_back(each).dict(), /*is_whole=*/true);
    // An attribute that is added to a class hides one of its bases.
    for (const py::handle base : py::reinterpret_borrow<py::tuple>(Py_TYPE(each.ptr())->tp_mro)) {
      auto* const type = reinterpret_cast<PyTypeObject*>(base.ptr());
      if (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) watch->of(dict_of(type), /*is_whole=*/true);
    }
  }
  for (const py::handle each : items) {
    const auto [owner, key] = each.cast<std::pair<py::object, py::object>>();
    const bool is_class = PyType_Check(owner.ptr());
    watch->of(is_class ? dict_of(reinterpret_cast<PyTypeObject*>(owner.ptr())) : owner, is_class)
        .watch(key);
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
