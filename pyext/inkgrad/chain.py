"""A whole training step of a sequence of layers in one call.

In a small model, autograd, Python and the dispatcher cost many times the arithmetic. A
:class:`Chain` knows its layers and its loss in advance and records no graph: forward, loss,
backward and the weight update are one call into C++, on the same kernels as
:mod:`inkgrad.functional`. On CUDA, for small linear layers, they are a single kernel
(:mod:`inkgrad.device_chain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, SupportsFloat

import torch
from torch import Tensor, nn

from inkgrad import nn as ink
from inkgrad.device_chain import DeviceChain
from inkgrad.extension import LOADED

# Linear layers and the activation that each applies.
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Linear: "none",
    ink.LinearSigmoid: "sigmoid",
    ink.LinearReLU: "relu",
}
# Exactly these classes: a subclass may compute something else.
_SUPPORTED = {ink.Standardize, ink.ConvReluMaxPool2d, nn.Flatten, *_ACTIVATIONS}


class Chain:
    """Train ``layers``, applied one after another, to minimize ``criterion``.

    Only one thread at a time may use a chain. The GIL is released during a call.

    Args:
        layers: :class:`torch.nn.Linear`, :class:`torch.nn.Flatten` and the modules of
            :mod:`inkgrad.nn` except :class:`~inkgrad.nn.Conv2d`; on CUDA only linear layers of up
            to a few dozen units. A linear layer flattens all dimensions after the first.
            Parameters are contiguous float32 and are updated in place.
        criterion: :class:`~inkgrad.nn.BCELoss` or :class:`torch.nn.CrossEntropyLoss` (CPU only),
            reduced by mean or sum, without class weights.

    Raises:
        ValueError: a layer, a parameter or the criterion is not supported. :meth:`of` returns None
            instead.
    """

    def __init__(self, layers: Iterable[nn.Module], criterion: nn.Module) -> None:
        if LOADED.module is None:
            raise ValueError("chain: the compiled kernels are not loaded; see inkgrad info")
        layers = list(layers)
        self._chain = _chain_on(_device_of(layers), *_loss(criterion))
        self._parameters: list[nn.Parameter] = []
        for layer in layers:
            self._add(layer)
        if not self._parameters:
            raise ValueError("chain: expected at least one layer with parameters")

    @classmethod
    def of(cls, layers: Sequence[nn.Module] | None, criterion: nn.Module) -> Chain | None:
        """Return the chain of ``layers``, or None if a layer or ``criterion`` is not supported."""
        if not layers:
            return None
        try:
            return cls(layers, criterion)
        except ValueError:
            return None

    def _add(self, layer: nn.Module) -> None:
        kind = type(layer)
        if kind not in _SUPPORTED:
            names = ", ".join(sorted(supported.__name__ for supported in _SUPPORTED))
            raise ValueError(f"chain: expected layers of {names}, got {layer}")
        if isinstance(layer, ink.Standardize):
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
            raise ValueError(
                f"chain: expected Flatten(1, -1) and padding by a number of zeros, got {layer}"
            )
        self._parameters += layer.parameters()

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters of all layers, in order."""
        return list(self._parameters)

    def gradients(self) -> list[Tensor]:
        """Return the gradient of each of :meth:`parameters`: :meth:`backward` overwrites these
        tensors in place.
        """
        return list(self._chain.gradients())

    def velocities(self) -> list[Tensor]:
        """Return the momentum buffer of each of :meth:`parameters`, initially zero."""
        return list(self._chain.velocities())

    def backward(self, inputs: Tensor, targets: Tensor, rows: Tensor | None = None) -> float:
        """Compute the loss and overwrite :meth:`gradients`; nothing is accumulated.

        Args:
            inputs: ``(N, ...)`` float32, or uint8 pixels, which are divided by 255. On the
                parameters' device.
            targets: for BCE float32 of the output's shape, in [0, 1]; for cross entropy int64
                ``(N,)``.
            rows: int64 indices of the examples to use, or None for all.

        Returns:
            The loss. If it is not finite, the gradients are left unchanged.

        Raises:
            RuntimeError: shapes or dtypes do not match, or a target is out of range.
            ValueError: there are no examples.
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
        """Run :meth:`backward`, then one update like that of :class:`torch.optim.SGD`.

        Returns:
            The loss before the update. If it is not finite, nothing has changed. On CUDA the call
            does not wait for the device; ``float(loss)`` does, and raises for examples out of
            range, which have changed nothing.
        """
        loss: SupportsFloat = self._chain.step(inputs, targets, rows, lr, momentum, weight_decay)
        return loss

    def evaluate(
        self, inputs: Tensor, targets: Tensor, chunk_size: int = 1024
    ) -> tuple[float, int]:
        """Return the loss and the number of correct predictions, ``chunk_size`` examples at a time.

        A prediction is correct if the probability is on the target's side of 1/2, or if the target
        has the largest logit.
        """
        loss, correct = self._chain.evaluate(inputs, targets, chunk_size)
        return loss, correct

    @property
    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        return bool(self._chain.is_finite())


def _device_of(layers: Iterable[nn.Module]) -> torch.device:
    """Return the device of the first parameter; without parameters, the CPU."""
    parameters = (parameter for layer in layers for parameter in layer.parameters())
    first = next(parameters, None)
    return torch.device("cpu") if first is None else first.device


def _chain_on(device: torch.device, is_binary: bool, mean: bool) -> Any:
    if device.type == "cuda":
        return DeviceChain(is_binary, mean, device)
    return LOADED.module.Chain(is_binary, mean)


def _loss(criterion: nn.Module) -> tuple[bool, bool]:
    """Return whether the criterion is binary cross entropy, and whether it is a mean."""
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
