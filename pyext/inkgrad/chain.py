"""A whole training step of a chain of layers in one call.

In a small model autograd, Python and the dispatcher cost many times the arithmetic. A chain knows
its layers and its loss beforehand and records nothing: forward, loss, backward and the update of
the weights are one call into C++, on the same kernels as :mod:`inkgrad.functional`; on CUDA, for
small linear layers, they are one kernel (:mod:`inkgrad.device_chain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, SupportsFloat

import torch
from torch import Tensor, nn

from inkgrad import nn as ink
from inkgrad.device_chain import DeviceChain
from inkgrad.extension import LOADED

# Layers that are linear, with the activation that follows.
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Linear: "none",
    ink.LinearSigmoid: "sigmoid",
    ink.LinearReLU: "relu",
}
# These and no subclass of theirs, which may compute something else.
_KNOWN = {ink.Standardise, ink.ConvReluMaxPool2d, nn.Flatten, *_ACTIVATIONS}


class Chain:
    """Trains ``layers``, one after the other, towards a small loss.

    Layers may be :class:`torch.nn.Linear` and the modules of :mod:`inkgrad.nn` except
    :class:`~inkgrad.nn.Conv2d`, and :class:`torch.nn.Flatten`; a linear layer takes all dimensions
    behind the first as its inputs. Parameters are contiguous float32; they stay where they are and
    are changed in place. ``criterion`` is :class:`~inkgrad.nn.BCELoss` or
    :class:`torch.nn.CrossEntropyLoss`, mean or sum, without weights. On CUDA there are linear
    layers of a few dozen units and BCELoss; what is given stands on the parameters' device.

    One thread at a time may use a chain; others may run meanwhile.

    Raises:
        ValueError: a layer, its parameters or the criterion are none of these. :meth:`of` returns
            None instead.
    """

    def __init__(self, layers: Iterable[nn.Module], criterion: nn.Module) -> None:
        if LOADED.module is None:
            raise ValueError("chain: the compiled kernels are not there")
        layers = list(layers)
        self._chain = _chain_on(_device_of(layers), *_loss(criterion))
        self._parameters: list[nn.Parameter] = []
        for layer in layers:
            self._add(layer)
        if not self._parameters:
            raise ValueError("chain: expected at least one layer with parameters")

    @classmethod
    def of(cls, layers: Sequence[nn.Module] | None, criterion: nn.Module) -> Chain | None:
        """The chain, or None where there cannot be one."""
        if not layers:
            return None
        try:
            return cls(layers, criterion)
        except ValueError:
            return None

    def _add(self, layer: nn.Module) -> None:
        kind = type(layer)
        if kind not in _KNOWN:
            raise ValueError(f"chain: no place for {layer}")
        if isinstance(layer, ink.Standardise):
            self._chain.standardise(layer.mean, layer.std)
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
            raise ValueError(f"chain: no place for {layer}")
        self._parameters += layer.parameters()

    def parameters(self) -> list[nn.Parameter]:
        """Those of the layers, in order."""
        return list(self._parameters)

    def gradients(self) -> list[Tensor]:
        """Where :meth:`backward` writes them: for each of :meth:`parameters` a tensor that stays
        the same.
        """
        return list(self._chain.gradients())

    def velocities(self) -> list[Tensor]:
        """Momentum's memory of :meth:`step` for each of :meth:`parameters`; zero at first."""
        return list(self._chain.velocities())

    def backward(self, inputs: Tensor, targets: Tensor, rows: Tensor | None = None) -> float:
        """The loss, and its gradients, which are overwritten and not added to.

        Args:
            inputs: ``(N, ...)`` float32, or uint8 pixels, which become x / 255.
            targets: BCE: float32 of the output's shape, in [0, 1]. Cross entropy: int64 ``(N,)``.
            rows: int64 indices of the examples to take, or None for all.

        Returns:
            The loss. If it is not finite the gradients stay as they were.

        Raises:
            RuntimeError: shapes or dtypes that do not go together, or a target out of range.
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
        """:meth:`backward`, then one update as by :class:`torch.optim.SGD`.

        Returns:
            The loss before the update. If it is not finite nothing has changed. On CUDA
            ``float(loss)`` waits for the device, which otherwise nothing here does; examples that
            are out of range are an error then, and have changed nothing.
        """
        loss: SupportsFloat = self._chain.step(inputs, targets, rows, lr, momentum, weight_decay)
        return loss

    def judge(self, inputs: Tensor, targets: Tensor, piece: int = 1024) -> tuple[float, int]:
        """The loss of examples, and how many are got right; ``piece`` of them at once.

        Right is a probability on the target's side of 1/2, or the largest logit at the target.
        """
        loss, right = self._chain.judge(inputs, targets, piece)
        return loss, right

    @property
    def is_finite(self) -> bool:
        """Whether every parameter is a finite number."""
        return bool(self._chain.finite())


def _device_of(layers: Iterable[nn.Module]) -> torch.device:
    """That of the first parameter."""
    parameters = (parameter for layer in layers for parameter in layer.parameters())
    first = next(parameters, None)
    return torch.device("cpu") if first is None else first.device


def _chain_on(device: torch.device, is_binary: bool, mean: bool) -> Any:
    if device.type == "cuda":
        return DeviceChain(is_binary, mean, device)
    return LOADED.module.Chain(is_binary, mean)


def _loss(criterion: nn.Module) -> tuple[bool, bool]:
    """(is binary, is the mean)."""
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
