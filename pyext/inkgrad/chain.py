"""A sequence of layers, or a whole training step of it, in one call.

In a small model, or with a single image, autograd, Python and the dispatcher cost up to many times
the arithmetic. A :class:`Chain` knows its layers and its loss in advance and records no graph:
their output, or forward, loss, backward and the weight update, are one call into C++, on the same
kernels as :mod:`inkgrad.functional`. On CUDA, for small linear layers, a training step is a single
kernel (:mod:`inkgrad.device_chain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, SupportsFloat, cast

import torch
from torch import Tensor, nn

from inkgrad.chain_layers import calls_of, difference, loss_of, named, parameters_of, watch
from inkgrad.device_chain import DeviceChain, check_linear
from inkgrad.extension import LOADED


class Chain:
    """Apply ``layers`` one after another, or train them to minimize ``criterion``.

    A chain does what forward, backward and :class:`torch.optim.SGD` do with these layers, or raises
    ValueError: each call first checks that nothing was changed or attached that it would pass over
    (:meth:`validate`). Frozen parameters stay as they are; learning rate and ``requires_grad`` may
    change between calls. Hooks of a container of the layers are not seen.

    Only one thread at a time may train a chain; any number may call :meth:`forward`. The GIL is
    released during a call.

    Args:
        layers: :class:`torch.nn.Linear`, :class:`torch.nn.Conv2d`, :class:`torch.nn.ReLU`,
            :class:`torch.nn.Flatten` and the modules of :mod:`inkgrad.nn`; on CUDA only linear
            layers of up to a few dozen units. A linear layer flattens all dimensions after the
            first. Parameters are contiguous float32 and are updated in place.
        criterion: :class:`~inkgrad.nn.BCELoss` or :class:`torch.nn.CrossEntropyLoss` (CPU only),
            reduced by mean or sum, without class weights. Without one, a chain on the CPU computes
            outputs only.

    Raises:
        ValueError: a layer, a parameter or the criterion is not supported, with the reason.
            :meth:`of` returns None instead.
    """

    def __init__(self, layers: Iterable[nn.Module], criterion: nn.Module | None = None) -> None:
        if LOADED.module is None:
            raise ValueError("chain: the compiled kernels are not loaded; see inkgrad info")
        self._layers = list(layers)
        self._criterion = criterion
        self._device = _device_of(self._layers)
        self._loss = loss_of(criterion)
        self._calls = calls_of(self._layers, self._device)
        self._parameters = [p for call in self._calls for p in parameters_of(call)]
        if not self._parameters:
            raise ValueError("chain: expected at least one layer with parameters")
        self._shapes = [[p.shape for p in parameters_of(call)] for call in self._calls]
        if self._device.type == "cuda":
            check_linear(self._calls)
        self._chain = _chain_on(self._device, *self._loss)
        for method, arguments in self._calls:
            getattr(self._chain, method)(*arguments)
        self._is_unchanged = self._watch()

    def _watch(self) -> Callable[[], bool]:
        criterion = [] if self._criterion is None else [self._criterion]
        return watch([*self._layers, *criterion], self._parameters)

    @classmethod
    def of(
        cls, layers: Sequence[nn.Module] | None, criterion: nn.Module | None = None
    ) -> Chain | None:
        """Return the chain of ``layers``, or None if a layer or ``criterion`` is not supported."""
        if not layers:
            return None
        try:
            return cls(layers, criterion)
        except ValueError:
            return None

    def validate(self) -> None:
        """Check that the layers are those that the chain was made with, as every call does.

        Raises:
            ValueError: a layer, a parameter or the criterion was exchanged or changed, has memory
                in common with another, or has a hook or a forward of its own. A chain of the layers
                as they are now may be possible.
        """
        if self._is_unchanged():
            return
        if loss_of(self._criterion) != self._loss:
            raise ValueError("chain: the criterion was changed after the chain was made")
        calls = calls_of(self._layers, self._device)
        for index, (before, now, shapes) in enumerate(
            zip(self._calls, calls, self._shapes, strict=True)
        ):
            reason = difference(before, now, shapes)
            if reason:
                raise ValueError(
                    f"chain: {named(index, self._layers[index])}: {reason}; make a new Chain"
                )
        self._is_unchanged = self._watch()

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters of all layers, in order."""
        return list(cast(list[nn.Parameter], self._parameters))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the output of the last layer, without a record for backward. CPU only.

        Args:
            inputs: ``(N, ...)`` float32, or uint8 pixels, which are divided by 255.

        Raises:
            RuntimeError: shapes or dtypes do not match.
            ValueError: as :meth:`backward`; or the chain is on CUDA.
        """
        if not self._is_unchanged():
            self.validate()
        output: Tensor = self._chain.forward(inputs)
        return output

    def gradients(self) -> list[Tensor | None]:
        """Return the gradient of each of :meth:`parameters`, None if it is frozen: :meth:`backward`
        overwrites these tensors in place.
        """
        return [
            gradient if parameter.requires_grad else None
            for parameter, gradient in zip(self._parameters, self._chain.gradients(), strict=True)
        ]

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
            ValueError: :meth:`validate`; there are no examples, or they require a gradient; no
                parameter requires one; under autocast, a TorchDispatchMode or torch.func.
        """
        if not self._is_unchanged():
            self.validate()
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

        Raises:
            ValueError: as :meth:`backward`; or ``lr``, ``momentum`` or ``weight_decay`` is
                negative.
        """
        if not self._is_unchanged():
            self.validate()
        loss: SupportsFloat = self._chain.step(inputs, targets, rows, lr, momentum, weight_decay)
        return loss

    def evaluate(
        self, inputs: Tensor, targets: Tensor, chunk_size: int = 1024
    ) -> tuple[float, int]:
        """Return the loss and the number of correct predictions, ``chunk_size`` examples at a time.

        A prediction is correct if the probability is on the target's side of 1/2, or if the target
        has the largest logit.

        Raises:
            RuntimeError, ValueError: as :meth:`backward`.
        """
        if not self._is_unchanged():
            self.validate()
        loss, correct = self._chain.evaluate(inputs, targets, chunk_size)
        return loss, correct

    @property
    def is_finite(self) -> bool:
        """Whether all parameters are finite."""
        if not self._is_unchanged():
            self.validate()
        return bool(self._chain.is_finite())


def _device_of(layers: Iterable[nn.Module]) -> torch.device:
    """Return the device of the first parameter if it is a GPU, else the CPU."""
    for layer in layers:
        if isinstance(layer, nn.Module):
            for parameter in layer.parameters():
                return parameter.device if parameter.is_cuda else torch.device("cpu")
    return torch.device("cpu")


def _chain_on(device: torch.device, is_binary: bool | None, mean: bool, ignored: int) -> Any:
    if device.type == "cuda":
        return DeviceChain(is_binary, mean, device)
    return LOADED.module.Chain(is_binary, mean, ignored)
