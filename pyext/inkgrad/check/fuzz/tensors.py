"""Tensors of a case: values, layouts in memory, and special values in given places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor

__all__ = ["LAYOUTS", "SPECIAL_VALUES", "draw_special", "make"]

# No product of two of them overflows: whether it does before it is added depends on the kernel.
SPECIAL_VALUES = (math.nan, math.inf, -math.inf, 1e15, -1e15, 1e-15, 0.0, 1.0)


def _strided(tensor: Tensor) -> Tensor:
    return torch.stack([tensor, torch.full_like(tensor, math.nan)], -1)[..., 0]


def _offset(tensor: Tensor) -> Tensor:
    memory = torch.cat([tensor.new_full((3,), math.nan), tensor.flatten()])
    return memory[3:].view(tensor.shape)


def _window(tensor: Tensor) -> Tensor:
    larger = tensor.new_full([size + 2 for size in tensor.shape], math.nan)
    return larger[tuple(slice(1, size + 1) for size in tensor.shape)].copy_(tensor)


def _reversed(tensor: Tensor) -> Tensor:
    order = list(range(tensor.dim()))[::-1]
    return tensor.permute(order).contiguous().permute(order)


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def _expanded(tensor: Tensor) -> Tensor:
    return tensor[:1].expand(tensor.shape) if tensor.dim() and len(tensor) else tensor


def _one_element(tensor: Tensor) -> Tensor:
    return tensor.flatten()[:1].view([1] * tensor.dim()).expand(tensor.shape)


def _overlapping(tensor: Tensor) -> Tensor:
    """Rows that begin one element after another."""
    return tensor.as_strided(tensor.shape, [1] * tensor.dim())


LAYOUTS = {
    "contiguous": lambda tensor: tensor,
    "strided": _strided,
    "offset": _offset,
    "window": _window,
    "reversed": _reversed,
    "channels_last": _channels_last,
    "expanded": _expanded,
    "one_element": _one_element,
    "overlapping": _overlapping,
}


def draw_special(random: Random) -> list[list[float]]:
    """Draw values and the places where they go, as fractions of the number of elements."""
    if random.random() < 0.6:
        return []
    return [
        [round(random.random(), 3), random.choice(SPECIAL_VALUES)]
        for _ in range(random.randint(1, 3))
    ]


def make(
    shape: Sequence[int],
    dtype: torch.dtype,
    seed: int,
    *,
    unit: bool = False,
    layout: str = "contiguous",
    special: Sequence[Sequence[float]] = (),
) -> Tensor:
    """Make small integers, which no order of summation rounds; with ``unit`` 64ths in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    low, high, scale = (0, 65, 64) if unit else (-3, 4, 1)
    values = torch.randint(low, high, tuple(shape), generator=generator).double() / scale
    for place, value in special if values.numel() else ():
        values.view(-1)[int(place * (values.numel() - 1))] = value
    tensor: Tensor = LAYOUTS[layout](values.to(dtype)) if values.numel() else values.to(dtype)
    return tensor


def describe(value: Any) -> str:
    """Return sizes and dtype of tensors, and anything else as Python prints it."""
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(describe, value))}]"
    return repr(value)
