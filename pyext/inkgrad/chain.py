"""A training step of a chain of layers in one call.

In small models, autograd, Python and the dispatcher take many times as long as the arithmetic. A
chain knows its layers and its loss beforehand and records nothing: forward, loss, backward and
update are one call into C++, on the kernels of :mod:`inkgrad.functional`. On CUDA, small linear
layers are one kernel (:mod:`inkgrad.device_chain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, SupportsFloat

import torch
from torch import Tensor, nn

from inkgrad import nn as ink
from inkgrad.device_chain import DeviceChain
from inkgrad.extension import LOADED

# Linear layers and the activation that follows.
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Linear: "none",
    ink.LinearSigmoid: "sigmoid",
    ink.LinearReLU: "relu",
}
# No subclasses: they may compute something else.
_KNOWN = {ink.Standardise, ink.ConvReluMaxPool2d, nn.Flatten, *_ACTIVATIONS}


class Chain:
    """Trains ``layers``, one after the other, to minimize ``criterion``.

    Layers are :class:`torch.nn.Linear`, :class:`torch.nn.Flatten` and the modules of
    :mod:`inkgrad.nn` except :class:`~inkgrad.nn.Conv2d`; a linear layer flattens all dimensions of
    its input behind the first. Parameters are contiguous float32 and are updated in place.
    ``criterion`` is :class:`~inkgrad.nn.BCELoss` or :class:`torch.nn.CrossEntropyLoss`, mean or
    sum, without weights. On CUDA, layers are linear with at most 128 units, and the criterion is
    BCELoss; examples have to be on the parameters' device.

    Not thread-safe, but other threads run during its calls.

    Raises:
        ValueError: a layer, its parameters or the criterion are none of these. :meth:`of` returns
            None instead.
    """

    def __init__(self, layers: Iterable[nn.Module], criterion: nn.Module) -> None:
        if LOADED.module is None:
            raise ValueError("chain: the compiled kernels are not loaded")
        layers = list(layers)
        self._chain = _chain_on(_device_of(layers), *_loss(criterion))
        self._parameters: list[nn.Parameter] = []
        for layer in layers:
            self._add(layer)
        if not self._parameters:
            raise ValueError("chain: expected at least one layer with parameters")

    @classmethod
    def of(cls, layers: Sequence[nn.Module] | None, criterion: nn.Module) -> Chain | None:
        """Return a chain, or None if the constructor would raise ValueError."""
        if not layers:
            return None
        try:
            return cls(layers, criterion)
        except ValueError:
            return None

    def _add(self, layer: nn.Module) -> None:
        kind = type(layer)
        if kind not in _KNOWN:
            raise ValueError(f"chain: unsupported layer {layer}")
        if isinstance(layer, ink.Standardise):
            self._chain.standardize(layer.mean, layer.std)
        elif isinstance(layer, nn.Linear):
            self._chain.linear(layer.weight, layer.bias, _ACTIVATIONS[kind])
        elif isinstance(layer, ink.ConvReluMaxPool2d) and _pads_with_zeros(layer):
            self._chain.conv2d_relu_max_pool2d(
                layer.weight,
                layer.bias,
                layer.stride,
                layer.padding,
                layer.dilation,
                layer.groups,
                (layer.pool, layer.pool) if isinstance(layer.pool, int) else layer.pool,
            )
        elif not isinstance(layer, nn.Flatten) or (layer.start_dim, layer.end_dim) != (1, -1):
            raise ValueError(f"chain: unsupported layer {layer}")
        self._parameters += layer.parameters()

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the layers, in order."""
        return list(self._parameters)

    def gradients(self) -> list[Tensor]:
        """Return the tensors that :meth:`backward` writes, one for each of :meth:`parameters`;
        always the same tensors.
        """
        return list(self._chain.gradients())

    def velocities(self) -> list[Tensor]:
        """Return the momentum buffers of :meth:`step`, one for each of :meth:`parameters`; initially
        zero.
        """
        return list(self._chain.velocities())

    def backward(self, inputs: Tensor, targets: Tensor, rows: Tensor | None = None) -> float:
        """Return the loss and write its gradients (which are overwritten, not accumulated).

        Args:
            inputs: ``(N, ...)`` float32, or uint8 pixels, which become x / 255.
            targets: BCE: float32 of the output's shape, in [0, 1]. Cross entropy: int64 ``(N,)``.
            rows: int64 indices of examples, or None for all.

        Returns:
            The loss. If it is not finite, the gradients do not change.

        Raises:
            RuntimeError: shapes or dtypes do not match, or a target is out of range.
            ValueError: no examples.
        """
        return float(self._chain.backward(inputs, targets, rows))

    def step(
        self,
        inputs: Tensor,
        targets: Tensor,
        rows: Tensor | None = None,
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> SupportsFloat:
        """Run :meth:`backward` and one update, as :class:`torch.optim.SGD`.

        Returns:
            The loss before the update. If it is not finite, nothing changes. On CUDA only
            ``float(loss)`` waits for the device and raises for rows and targets out of range, which
            change nothing.
        """
        loss: SupportsFloat = self._chain.step(inputs, targets, rows, lr, momentum, weight_decay)
        return loss

    def evaluate(
        self, inputs: Tensor, targets: Tensor, batch_size: int = 1024
    ) -> tuple[float, int]:
        """Return the loss and the number of examples that are predicted correctly.

        That is: the probability is on the target's side of 1/2, or the largest logit is the
        target's. ``batch_size`` bounds the memory on the CPU.
        """
        loss, correct = self._chain.evaluate(inputs, targets, batch_size)
        return loss, correct

    @property
    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return bool(self._chain.is_finite())


def _device_of(layers: Iterable[nn.Module]) -> torch.device:
    """Return the device of the first parameter."""
    parameters = (parameter for layer in layers for parameter in layer.parameters())
    first = next(parameters, None)
    return torch.device("cpu") if first is None else first.device


def _chain_on(device: torch.device, is_binary: bool, mean: bool) -> Any:
    if device.type == "cuda":
        return DeviceChain(is_binary, mean, device)
    return LOADED.module.Chain(is_binary, mean)


def _loss(criterion: nn.Module) -> tuple[bool, bool]:
    """Return (is binary, is the mean)."""
    reduction = getattr(criterion, "reduction", None)
    if reduction in ("mean", "sum"):
        if type(criterion) in (nn.BCELoss, ink.BCELoss) and criterion.weight is None:
            return True, reduction == "mean"
        if isinstance(criterion, nn.CrossEntropyLoss) and _is_plain(criterion):
            return False, reduction == "mean"
    raise ValueError(f"chain: expected BCELoss or CrossEntropyLoss, mean or sum, got {criterion}")


def _is_plain(criterion: nn.CrossEntropyLoss) -> bool:
    return (
        type(criterion) is nn.CrossEntropyLoss
        and criterion.weight is None
        and criterion.label_smoothing == 0
        and criterion.ignore_index < 0
    )


def _pads_with_zeros(layer: nn.Conv2d) -> bool:
    return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
