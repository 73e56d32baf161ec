"""Fuse neighbors in any model without exchanging one of its modules.

``patch`` gives every ``nn.Sequential`` of a model the class :class:`inkgrad.nn.Sequential`, which
looks for neighbors to fuse each time that it runs. Layers, activations, parameters, names and
state-dict keys stay what they are, so whatever is done to a patched model does what it does to a
native one. ``explain`` lists what is fused and why the rest is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inkgrad import functional, plain
from inkgrad import nn as ink
from inkgrad.sequential import PATTERNS, matches

__all__ = ["Explanation", "Row", "explain", "patch", "unpatch"]

Model = TypeVar("Model", bound=nn.Module)


class PatchedSequential(ink.Sequential):
    """What :func:`patch` makes of an ``nn.Sequential`` and :func:`unpatch` makes one of again."""


class PatchedBCELoss(ink.BCELoss):
    """What :func:`patch` makes of an ``nn.BCELoss``: native again for tracers and subclasses."""

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
    (:func:`explain` says so). Subclasses of ``nn.Sequential``, and layers that a ``forward`` calls
    by name, are left alone: use ``torch.compile(model, backend="inkgrad")`` for these.

    Patching twice changes nothing more.
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


@dataclass(frozen=True)
class Row:
    """A layer of a model: its path, its class, the fused op that runs it or the reason why none."""

    path: str
    module: str
    op: str | None
    reason: str

    @property
    def is_fused(self) -> bool:
        return self.op is not None


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found, layer by layer; prints as a table."""

    rows: tuple[Row, ...]

    @property
    def fused(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.is_fused)

    def __str__(self) -> str:
        if not self.rows:
            return "No layer that inkgrad knows."
        cells = [("layer", "module", "runs as"), *(_cells(row) for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(2)]
        return "\n".join(
            f"{path:{widths[0]}}  {module:{widths[1]}}  {runs}" for path, module, runs in cells
        )


def _cells(row: Row) -> tuple[str, str, str]:
    return row.path or "(model)", row.module, row.op or f"torch: {row.reason}"


_LAYERS = {pattern.classes[0] for pattern in PATTERNS} | {nn.BCELoss}
_OWN: dict[type[nn.Module], str] = {
    ink.LinearSigmoid: "linear_sigmoid",
    ink.LinearReLU: "linear_relu",
    ink.Conv2d: "conv2d",
    ink.ConvReluMaxPool2d: "conv2d_relu_max_pool2d",
    ink.BCELoss: "binary_cross_entropy",
    PatchedBCELoss: "binary_cross_entropy",
}


def explain(model: nn.Module) -> Explanation:
    """Say of every layer whether a fused op of inkgrad runs it, and why not.

    Layers are those that a fused op can begin with: ``nn.Linear``, ``nn.Conv2d`` and
    ``nn.BCELoss``, subclasses included. The answer is about the model as it is now: adding a hook,
    say, changes it.
    """
    fused: dict[int, list[tuple[str | None, str]]] = {}
    for parent in model.modules():
        if isinstance(parent, nn.Sequential):
            for module, op, reason in _explain_sequence(parent):
                fused.setdefault(id(module), []).append((op, reason))
    rows = []
    for path, module in model.named_modules():
        if type(module) in _OWN:
            rows.append(Row(path, type(module).__name__, _OWN[type(module)], ""))
        elif isinstance(module, tuple(_LAYERS)):
            found = fused.get(id(module), [(None, _outside(module))])
            rows += [Row(path, type(module).__name__, op, reason) for op, reason in found]
    return Explanation(tuple(rows))


def _outside(module: nn.Module) -> str:
    if isinstance(module, nn.BCELoss):
        return "not patched"
    return 'called by a forward: see torch.compile(model, backend="inkgrad")'


def _explain_sequence(parent: nn.Sequential) -> Iterator[tuple[nn.Module, str | None, str]]:
    """For each layer of ``parent`` that a pattern can begin with: the op, or the reason."""
    modules = list(parent._modules.values())
    found = {match.start: match for match in matches(modules)}
    in_sequence = _why_not_in_sequence(parent)
    for i, module in enumerate(modules):
        if not isinstance(module, tuple(_LAYERS)):
            continue
        match = found.get(i)
        if match is None:
            yield module, None, _why_no_match(module)
        elif in_sequence is not None:
            yield module, None, in_sequence
        elif not match.is_fused:
            obstacles = zip(modules[i : match.stop], match.obstacles, strict=True)
            reasons = [f"{type(m).__name__}: {why}" for m, why in obstacles if why is not None]
            yield module, None, "; ".join([*reasons, *filter(None, [match.refusal])])
        else:
            yield module, match.pattern.op, ""


def _why_not_in_sequence(parent: nn.Sequential) -> str | None:
    if not isinstance(parent, ink.Sequential):
        return "not patched" if type(parent) is nn.Sequential else "in a subclass of Sequential"
    if type(parent).forward is not ink.Sequential.forward or "forward" in vars(parent):
        return "in a Sequential with a forward of its own"
    return None


def _why_no_match(module: nn.Module) -> str:
    if type(module) not in _LAYERS:
        return f"{type(module).__name__} is a subclass"
    why = plain.obstacle(module)
    return why or "nothing after it to fuse with"
