"""Put inkgrad's fused modules in the place of native ones in any model, and take them out again.

A native module is never altered. Its slot in the parent gets a stand-in: an :mod:`inkgrad.nn`
module that shares the parameters, buffers and hooks of the native one and remembers it. So a layer
that is also used elsewhere (under another attribute, in another model) goes on computing there what
it did before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard, TypeVar

import torch
from torch import nn

from inkgrad import nn as fused

__all__ = ["patch", "unpatch"]

Model = TypeVar("Model", bound=nn.Module)

# Where a stand-in keeps the native module: in the instance's __dict__, not among the submodules, so
# that names, state-dict keys and parameters() of the model stay as they are.
_NATIVE = "_inkgrad_native"

_SINGLE: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: fused.Conv2d,
    nn.BCELoss: fused.BCELoss,
}
# what may follow a Linear or a Conv2d in a Sequential to be fused into it
_LINEAR_TAILS: dict[tuple[type, ...], type[nn.Linear]] = {
    (nn.Sigmoid,): fused.LinearSigmoid,
    (nn.ReLU,): fused.LinearReLU,
}
_CONV_TAILS = {(nn.MaxPool2d, nn.ReLU), (nn.ReLU, nn.MaxPool2d)}
_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def patch(model: Model) -> Model:
    """Swap native modules of ``model`` for fused ones, in place, and return it.

    - ``nn.Conv2d`` and ``nn.BCELoss``, wherever they are;
    - in an ``nn.Sequential``: ``nn.Linear`` and the ``nn.Sigmoid`` or ``nn.ReLU`` after it;
      ``nn.Conv2d`` and the ``nn.MaxPool2d`` and ``nn.ReLU`` after it, in either order. What was
      fused into its forerunner becomes an ``nn.Identity``, so that places and state-dict keys stay.

    Parameters are shared, so optimizers and checkpoints do not notice. Left as they are:

    - subclasses, and modules with a forward of their own;
    - parametrized, weight-normed and pruned ones, and those whose weight is a tensor subclass or of
      another dtype than float64, float32, bfloat16 and float16;
    - pools whose windows do not tile the image, or that return indices;
    - neighbours of which one has forward or backward hooks: they are not fused.

    A bare ``patch(nn.BCELoss())`` has no parent to hold the stand-in: use what is returned.
    Patching twice changes nothing more. A model that runs the layers of an ``nn.Sequential`` one at
    a time and looks at what lies between them finds the activation already applied.
    """
    stand_ins = _StandIns()
    for parent in list(model.modules()):
        if _runs_in_sequence(parent):
            _fuse_neighbours(parent, stand_ins)
        for slot, child in list(parent._modules.items()):
            if child is not None and _is_plain(child) and type(child) in _SINGLE:
                parent._modules[slot] = stand_ins.get(child, _SINGLE[type(child)])
    if _is_plain(model) and type(model) in _SINGLE:
        return stand_ins.get(model, _SINGLE[type(model)])  # type: ignore[return-value]
    return model


def unpatch(model: Model) -> Model:
    """Undo :func:`patch`: the very native modules return, with the weights, mode and hooks of now.

    Raises RuntimeError, before anything is changed, if a stand-in was parametrized since.
    """
    for name, module in model.named_modules():
        if _NATIVE in vars(module) and type(module) not in _STAND_INS:
            raise RuntimeError(
                f"unpatch: '{name}' was parametrized after patch and is a "
                f"{type(module).__name__} now; remove its parametrizations first"
            )
    for parent in list(model.modules()):
        for slot, child in list(parent._modules.items()):
            if child is not None and _NATIVE in vars(child):
                parent._modules[slot] = _restore(child)
    return _restore(model) if _NATIVE in vars(model) else model  # type: ignore[return-value]


class _StandIns:
    """Makes each stand-in once: a module in two places is still one module in two places."""

    def __init__(self) -> None:
        self._made: dict[Any, nn.Module] = {}

    def get(self, native: nn.Module, cls: type[nn.Module], **fields: Any) -> nn.Module:
        key = (id(native), cls, *fields.values())
        if key not in self._made:
            stand_in = cls.__new__(cls)
            # A shallow copy: the dicts of parameters, buffers and hooks are the native one's own,
            # so what is replaced in one (by load_state_dict(assign=True), say) is replaced in both.
            vars(stand_in).update(vars(native), **fields)
            vars(stand_in)[_NATIVE] = native
            self._made[key] = stand_in
        return self._made[key]


_STAND_INS = {*_SINGLE.values(), *_LINEAR_TAILS.values(), fused.ConvReluMaxPool2d, nn.Identity}


def _restore(stand_in: nn.Module) -> nn.Module:
    state = dict(vars(stand_in))
    native = state.pop(_NATIVE)
    if isinstance(stand_in, fused.ConvReluMaxPool2d):
        del state["pool"]
    vars(native).update(state)
    return native


def _fuse_neighbours(parent: nn.Sequential, stand_ins: _StandIns) -> None:
    for slots, cls, fields in list(_groups(parent)):
        head, *tail = slots
        parent._modules[head] = stand_ins.get(parent._modules[head], cls, **fields)
        for slot in tail:
            parent._modules[slot] = stand_ins.get(parent._modules[slot], nn.Identity)


def _groups(parent: nn.Sequential) -> Iterator[tuple[list[str], type[nn.Module], dict[str, Any]]]:
    """For neighbours that one fused module can replace: their slots, its class, its own fields."""
    slots, modules = list(parent._modules), list(parent._modules.values())
    kinds = [type(module) if _is_fusible(module) else type(None) for module in modules]
    for i, kind in enumerate(kinds):
        if kind is nn.Linear and tuple(kinds[i + 1 : i + 2]) in _LINEAR_TAILS:
            yield slots[i : i + 2], _LINEAR_TAILS[(kinds[i + 1],)], {}
        elif kind is nn.Conv2d and tuple(kinds[i + 1 : i + 3]) in _CONV_TAILS:
            pool = next(m for m in modules[i + 1 : i + 3] if type(m) is nn.MaxPool2d)
            if _tiles(pool):
                yield slots[i : i + 3], fused.ConvReluMaxPool2d, {"pool": pool.kernel_size}


def _tiles(pool: nn.MaxPool2d) -> bool:
    """Whether the windows lie side by side, the only pooling that is fused."""
    return (
        _pair(pool.stride) == _pair(pool.kernel_size)
        and _pair(pool.padding) == (0, 0)
        and _pair(pool.dilation) == (1, 1)
        and not pool.return_indices
        and not pool.ceil_mode
    )


def _pair(size: int | tuple[int, ...]) -> tuple[int, ...]:
    return (size, size) if isinstance(size, int) else tuple(size)


def _runs_in_sequence(module: nn.Module) -> TypeGuard[nn.Sequential]:
    return (
        isinstance(module, nn.Sequential)
        and type(module).forward is nn.Sequential.forward
        and not _has_own_call(module)
    )


def _has_own_call(module: nn.Module) -> bool:
    """Whether this object's forward was replaced, or compiled: its class then says little."""
    return "forward" in vars(module) or module._compiled_call_impl is not None


def _is_plain(module: nn.Module) -> bool:
    """Whether the module computes what its class says, from ordinary floating-point parameters."""
    if _has_own_call(module):
        return False
    if not isinstance(module, (nn.Linear, nn.Conv2d)):
        return True
    # weight_norm, pruning and the like move "weight" out of the parameters; quantisation puts a
    # tensor subclass there
    weight = module._parameters.get("weight")
    return type(weight) is nn.Parameter and weight.dtype in _DTYPES


def _is_fusible(module: nn.Module | None) -> bool:
    """Whether the module is plain and nobody watches its input or output."""
    if module is None or not _is_plain(module):
        return False
    return not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
