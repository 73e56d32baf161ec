"""Chains of small linear layers on CUDA: a step is one kernel, which nothing waits for."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from inkgrad.chain_layers import Call
from inkgrad.extension import LOADED

# Reports of steps in one block of memory: one copy fetches them all.
_CAPACITY = 256


class LateLoss:
    """A loss that the device may still be computing: ``float(loss)`` waits for it.

    Raises:
        IndexError: a row was out of range. RuntimeError: a target was. Both are raised by
            ``float(loss)``; the step changed nothing.
    """

    __slots__ = ("_block", "_index")

    def __init__(self, block: Reports, index: int) -> None:
        self._block = block
        self._index = index

    def __float__(self) -> float:
        return self.read()[0]

    def __repr__(self) -> str:
        return f"LateLoss({float(self)})"

    def read(self) -> tuple[float, int]:
        """Return the loss and the number of outputs on their target's side of 1/2."""
        loss, correct, bad_rows, bad_targets = self._block.read(self._index)
        if bad_rows:
            raise IndexError("chain: a row is out of range of the examples")
        if bad_targets:
            raise RuntimeError("all elements of target should be between 0 and 1")
        return loss, int(correct)


class Reports:
    """Reports on the device, written one by one, and a copy of those that were read."""

    def __init__(self, device: torch.device) -> None:
        size = (_CAPACITY, LOADED.module.DeviceChain.report_size)
        self._reports = torch.empty(size, dtype=torch.float64, device=device)
        self._rows = self._reports.unbind()
        self._written = 0
        self._copy: list[list[float]] = []

    @property
    def is_full(self) -> bool:
        return self._written == len(self._rows)

    def add(self) -> tuple[Tensor, LateLoss]:
        """Return the next report's memory, and its reader."""
        index = self._written
        self._written += 1
        return self._rows[index], LateLoss(self, index)

    def read(self, index: int) -> list[float]:
        if index >= len(self._copy):
            self._copy = self._reports[: self._written].tolist()
        return self._copy[index]


def check_linear(calls: Iterable[Call]) -> None:
    """Raise ValueError if one of the calls adds another layer than a linear one."""
    if any(method != "linear" for method, _ in calls):
        raise ValueError("chain: on CUDA all layers are linear")


class DeviceChain:
    """Behind :class:`inkgrad.chain.Chain` for parameters on a CUDA device.

    Raises:
        ValueError: a layer is too large for the kernel, or the loss is not binary cross entropy.
    """

    def __init__(self, is_binary: bool | None, mean: bool, device: torch.device) -> None:
        if not is_binary:
            raise ValueError("chain: on CUDA the loss is binary cross entropy")
        self._chain = LOADED.module.DeviceChain(mean)
        self._device = device
        self._parameters: list[Tensor] = []
        self._reports = Reports(device)

    def linear(self, weight: Tensor, bias: Tensor | None, activation: str) -> None:
        self._chain.linear(weight, bias, activation)
        self._parameters += [weight] if bias is None else [weight, bias]

    def forward(self, inputs: Tensor) -> Tensor:
        raise ValueError("chain: on CUDA a chain only trains; call the layers for their output")

    def gradients(self) -> list[Tensor]:
        return list(self._chain.gradients())

    def velocities(self) -> list[Tensor]:
        return list(self._chain.velocities())

    def backward(self, inputs: Tensor, targets: Tensor, rows: Tensor | None) -> float:
        report, loss = self._next_report()
        self._chain.backward(inputs, targets, rows, report)
        return float(loss)

    def step(
        self,
        inputs: Tensor,
        targets: Tensor,
        rows: Tensor | None,
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> LateLoss:
        report, loss = self._next_report()
        self._chain.step(inputs, targets, rows, lr, momentum, weight_decay, report)
        return loss

    def evaluate(self, inputs: Tensor, targets: Tensor, chunk_size: int) -> tuple[float, int]:
        """``chunk_size`` bounds the memory on the CPU; the kernel needs none."""
        if chunk_size < 1:
            raise ValueError(f"chain: expected a positive chunk_size, got {chunk_size}")
        report, loss = self._next_report()
        self._chain.evaluate(inputs, targets, report)
        return loss.read()

    def is_finite(self) -> bool:
        everything = torch.cat([parameter.detach().flatten() for parameter in self._parameters])
        return bool(everything.isfinite().all())

    def _next_report(self) -> tuple[Tensor, LateLoss]:
        if self._reports.is_full:
            self._reports = Reports(self._device)
        return self._reports.add()
