"""Chains of small linear layers on CUDA: a step is one kernel, and nothing waits for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inkgrad.extension import LOADED

# Reports of steps that are kept in one piece of memory, so that one copy fetches them all.
_REPORTS_IN_A_BOOK = 256


class LateLoss:
    """A loss that the device may still be working on: ``float(loss)`` waits for it.

    Raises:
        IndexError: a row was out of range. RuntimeError: a target was. Asked for the number, that
            is: the step itself then changed nothing.
    """

    __slots__ = ("_book", "_page")

    def __init__(self, book: Book, page: int) -> None:
        self._book = book
        self._page = page

    def __float__(self) -> float:
        return self.read()[0]

    def __repr__(self) -> str:
        return f"LateLoss({float(self)})"

    def read(self) -> tuple[float, int]:
        """The loss, and how many outputs are on their target's side of 1/2."""
        loss, right, bad_rows, bad_targets = self._book.read(self._page)
        if bad_rows:
            raise IndexError("chain: a row is out of range of the examples")
        if bad_targets:
            raise RuntimeError("all elements of target should be between 0 and 1")
        return loss, int(right)


class Book:
    """Reports on the device, written page by page, and read from a copy as far as it goes."""

    def __init__(self, device: torch.device) -> None:
        size = (_REPORTS_IN_A_BOOK, LOADED.module.CudaChain.report_size)
        self._reports = torch.empty(size, dtype=torch.float64, device=device)
        self._pages = self._reports.unbind()
        self._written = 0
        self._copy: list[list[float]] = []

    @property
    def is_full(self) -> bool:
        return self._written == len(self._pages)

    def next_page(self) -> tuple[Tensor, LateLoss]:
        """Where to write, and who reads it."""
        page = self._written
        self._written += 1
        return self._pages[page], LateLoss(self, page)

    def read(self, page: int) -> list[float]:
        if page >= len(self._copy):
            self._copy = self._reports[: self._written].tolist()
        return self._copy[page]


class DeviceChain:
    """Behind :class:`inkgrad.chain.Chain` for parameters on a CUDA device.

    ValueError for anything but linear layers that fit one kernel and binary cross entropy.
    """

    def __init__(self, is_binary: bool, mean: bool, device: torch.device) -> None:
        if not is_binary:
            raise ValueError("chain: on CUDA the loss is binary cross entropy")
        self._chain = LOADED.module.CudaChain(mean)
        self._device = device
        self._parameters: list[Tensor] = []
        self._book = Book(device)

    def linear(self, weight: Tensor, bias: Tensor | None, activation: str) -> None:
        self._chain.linear(weight, bias, activation)
        self._parameters += [weight] if bias is None else [weight, bias]

    def standardise(self, mean: float, std: float) -> None:
        raise ValueError("chain: on CUDA all layers are linear")

    def conv2d_relu_max_pool2d(self, *_: Any) -> None:
        raise ValueError("chain: on CUDA all layers are linear")

    def gradients(self) -> list[Tensor]:
        return list(self._chain.gradients())

    def velocities(self) -> list[Tensor]:
        return list(self._chain.velocities())

    def backward(self, inputs: Tensor, targets: Tensor, rows: Tensor | None) -> float:
        page, loss = self._next_page()
        self._chain.backward(inputs, targets, rows, page)
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
        page, loss = self._next_page()
        self._chain.step(inputs, targets, rows, lr, momentum, weight_decay, page)
        return loss

    def judge(self, inputs: Tensor, targets: Tensor, piece: int) -> tuple[float, int]:
        """``piece`` bounds the memory of a chain on the CPU; the kernel needs none."""
        if piece < 1:
            raise ValueError(f"chain: expected pieces of at least one, got pieces of {piece}")
        page, loss = self._next_page()
        self._chain.judge(inputs, targets, page)
        return loss.read()

    def finite(self) -> bool:
        everything = torch.cat([parameter.detach().flatten() for parameter in self._parameters])
        return bool(everything.isfinite().all())

    def _next_page(self) -> tuple[Tensor, LateLoss]:
        if self._book.is_full:
            self._book = Book(self._device)
        return self._book.next_page()
