"""Fuse neighbors in any model without exchanging one of its modules.

``patch`` gives every ``nn.Sequential`` of a model the class :class:`inkgrad.nn.Sequential`, which
looks for neighbors to fuse each time that it runs. Layers, activations, parameters, names and
state-dict keys stay what they are, so whatever is done to a patched model does what it does to a
native one. :func:`inkgrad.explain` lists what is fused and why the rest is not.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inkgrad import functional, plain
from inkgrad import nn as ink

__all__ = ["PatchedBCELoss", "PatchedSequential", "patch", "unpatch"]

Model = TypeVar("Model", bound=nn.Module)


class PatchedSequential(ink.Sequential):
    """The class that :func:`patch` gives an ``nn.Sequential``; :func:`unpatch` takes it back."""


class PatchedBCELoss(ink.BCELoss):
    """The class that :func:`patch` gives an ``nn.BCELoss``; native for tracers and subclasses."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        if not torch.jit.is_scripting():
            return _binary_cross_entropy(self, input, target)
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


def _binary_cross_entropy(loss: nn.BCELoss, input: Tensor, target: Tensor) -> Tensor:
    if plain.is_watched() or not (plain.takes(input) and plain.takes(target)):
        return nn.BCELoss.forward(loss, input, target)
    return functional.binary_cross_entropy(
        input, target, weight=loss.weight, reduction=loss.reduction
    )


_PATCHED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Sequential: PatchedSequential,
    nn.BCELoss: PatchedBCELoss,
}
_NATIVE: dict[type, type[nn.Module]] = {patched: native for native, patched in _PATCHED.items()}


def patch(model: Model) -> Model:
    """Let ``model`` fuse what it can when it runs; changes it in place and returns it.

    - In every ``nn.Sequential``: ``nn.Linear`` with the ``nn.Sigmoid`` or ``nn.ReLU`` after it;
      ``nn.Conv2d`` with the ``nn.MaxPool2d`` and ``nn.ReLU`` after it, in either order.
    - ``nn.BCELoss``.

    Nothing else changes: the modules are the same objects of the same classes, apart from the
    containers themselves, which become subclasses of ``nn.Sequential``. Hooks, parametrizations,
    quantized weights and compiled children keep their effect, since such modules are not fused
    (:func:`inkgrad.explain` says so). Subclasses of ``nn.Sequential``, and layers that a
    ``forward`` calls by name, are left alone: use :func:`inkgrad.compile` for these.

    Patching twice changes nothing more. Patch before ``torch.compile(model)``, which remembers the
    class of the model.
    """
    for module in model.modules():
        patched = _PATCHED.get(type(module))
        if patched is not None and "forward" not in vars(module):
            module.__class__ = patched
    return model


def unpatch(model: Model) -> Model:
    """Undo :func:`patch`, at any time; returns ``model``."""
    for module in model.modules():
        if isinstance(module, tuple(_NATIVE)):
            module.__class__ = _native_class(type(module))
    return model


def _native_class(cls: type) -> type:
    """``cls`` without what patch made of it: also of a subclass that FSDP or a parametrization
    made of the patched class afterwards."""
    if cls in _NATIVE:
        return _NATIVE[cls]
    bases = tuple(_native_class(base) if issubclass(base, nn.Module) else base
                  for base in cls.__bases__)  # fmt: skip
    if bases == cls.__bases__:
        return cls
    body: dict[str, Any] = {
        name: value
        for name, value in vars(cls).items()
        if name not in ("__dict__", "__weakref__", "__doc__")
    }
    return type(cls)(cls.__name__, bases, body)
