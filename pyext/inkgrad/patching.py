"""Replace the native modules of any model by inkgrad's fused ones, and restore them.

A native module is never modified. Its parent gets a replacement instead: an :mod:`inkgrad.nn`
module that shares the parameters, buffers and hooks of the native one and keeps a reference to it.
So a layer that is also used elsewhere (under another attribute, in another model) is unaffected
there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard, TypeVar

import torch
from torch import nn

from inkgrad import nn as fused

__all__ = ["patch", "unpatch"]

Model = TypeVar("Model", bound=nn.Module)

# Where a replacement keeps the native module: in the instance's __dict__, not among the submodules,
# so that module names, state-dict keys and parameters() of the model do not change.
_NATIVE = "_inkgrad_native"

_SINGLE: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv2d: fused.Conv2d,
    nn.BCELoss: fused.BCELoss,
}
# the modules after a Linear or a Conv2d in a Sequential that are fused into it
_LINEAR_TAILS: dict[tuple[type, ...], type[nn.Linear]] = {
    (nn.Sigmoid,): fused.LinearSigmoid,
    (nn.ReLU,): fused.LinearReLU,
}
_CONV_TAILS = {(nn.MaxPool2d, nn.ReLU), (nn.ReLU, nn.MaxPool2d)}
_DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def patch(model: Model) -> Model:
    """Replace native modules of ``model`` by fused ones, in place, and return the model.

    Replaced are:

    - ``nn.Conv2d`` and ``nn.BCELoss``, anywhere in the model;
    - in an ``nn.Sequential``, ``nn.Linear`` with the ``nn.Sigmoid`` or ``nn.ReLU`` after it, and
      ``nn.Conv2d`` with the ``nn.MaxPool2d`` and ``nn.ReLU`` after it, in either order. The modules
      that were fused into their predecessor become ``nn.Identity``, so that indices and state-dict
      keys stay.

    Parameters are shared, so optimizers and checkpoints keep working. Left unchanged are:

    - subclasses, and modules whose ``forward`` was replaced;
    - modules whose weight is parametrized, weight-normed, pruned, a tensor subclass, or of a dtype
      other than float64, float32, bfloat16 and float16;
    - pools whose windows overlap or leave gaps, or that return indices;
    - adjacent modules of which one has forward or backward hooks: they are not fused.

    ``patch(nn.BCELoss())`` has no parent to modify: use the returned module. Patching a patched
    model changes nothing. A model that calls the layers of an ``nn.Sequential`` one at a time and
    reads the results in between gets them with the activation already applied.
    """
    replacements = _Replacements()
    for parent in list(model.modules()):
        if _runs_in_sequence(parent):
            _fuse_adjacent(parent, replacements)
        for slot, child in list(parent._modules.items()):
            if child is not None and _is_plain(child) and type(child) in _SINGLE:
                parent._modules[slot] = replacements.get(child, _SINGLE[type(child)])
    if _is_plain(model) and type(model) in _SINGLE:
        return replacements.get(model, _SINGLE[type(model)])  # type: ignore[return-value]
    return model


def unpatch(model: Model) -> Model:
    """Undo :func:`patch`: restore the native modules, with the current weights, mode and hooks.

    Raises:
        RuntimeError: a replacement was parametrized after :func:`patch`. Nothing is changed then.
    """
    for name, module in model.named_modules():
        if _NATIVE in vars(module) and type(module) not in _REPLACEMENT_TYPES:
            raise RuntimeError(
                f"unpatch: '{name}' was parametrized after patch and is now a "
                f"{type(module).__name__}; remove its parametrizations first"
            )
    for parent in list(model.modules()):
        for slot, child in list(parent._modules.items()):
            if child is not None and _NATIVE in vars(child):
                parent._modules[slot] = _restore(child)
    return _restore(model) if _NATIVE in vars(model) else model  # type: ignore[return-value]


class _Replacements:
    """Makes one replacement per module: a module that is used twice stays one module."""

    def __init__(self) -> None:
        self._made: dict[Any, nn.Module] = {}

    def get(self, native: nn.Module, cls: type[nn.Module], **fields: Any) -> nn.Module:
        key = (id(native), cls, *fields.values())
        if key not in self._made:
            replacement = cls.__new__(cls)
            # A shallow copy: both share the dicts of parameters, buffers and hooks, so that a
            # parameter assigned in one (by load_state_dict(assign=True), say) changes in both.
            vars(replacement).update(vars(native), **fields)
            vars(replacement)[_NATIVE] = native
            self._made[key] = replacement
        return self._made[key]


_REPLACEMENT_TYPES = {
    *_SINGLE.values(),
    *_LINEAR_TAILS.values(),
    fused.ConvReluMaxPool2d,
    nn.Identity,
}


def _restore(replacement: nn.Module) -> nn.Module:
    state = dict(vars(replacement))
    native = state.pop(_NATIVE)
    if isinstance(replacement, fused.ConvReluMaxPool2d):
        del state["pool"]
    vars(native).update(state)
    return native


def _fuse_adjacent(parent: nn.Sequential, replacements: _Replacements) -> None:
    for slots, cls, fields in list(_groups(parent)):
        head, *tail = slots
        parent._modules[head] = replacements.get(parent._modules[head], cls, **fields)
        for slot in tail:
            parent._modules[slot] = replacements.get(parent._modules[slot], nn.Identity)


def _groups(parent: nn.Sequential) -> Iterator[tuple[list[str], type[nn.Module], dict[str, Any]]]:
    """Yield each run of adjacent modules that can be fused.

    Yields the names of the modules, the class that replaces them and the attributes to set on it.
    """
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
    """Whether the windows are adjacent, without overlap or gaps: only such a pool is fused."""
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
    """Whether this object's forward was replaced or compiled, so that its class does not count."""
    return "forward" in vars(module) or module._compiled_call_impl is not None


def _is_plain(module: nn.Module) -> bool:
    """Whether the module computes what its class defines, on plain floating-point parameters."""
    if _has_own_call(module):
        return False
    if not isinstance(module, (nn.Linear, nn.Conv2d)):
        return True
    # weight_norm, pruning and the like move "weight" out of the parameters; quantization makes it a
    # tensor subclass
    weight = module._parameters.get("weight")
    return type(weight) is nn.Parameter and weight.dtype in _DTYPES


def _is_fusible(module: nn.Module | None) -> bool:
    """Whether the module is plain and no hook sees its input or output."""
    if module is None or not _is_plain(module):
        return False
    return not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
