"""Which kernel computes a convolution: the lists of csrc/cpu/conv/algorithms.cpp, problem by problem,
under every instruction set that the suite runs under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

import inkgrad
from comparing import needs_extension
from inkgrad import functional, kernels

pytestmark = [needs_extension, pytest.mark.core]

LIBRARY = inkgrad.build_config()["cpu_library_loaded"]
DIRECTIONS = ("forward", "grad_input", "grad_weight", "grad_bias")
# Kernels that only AVX-512 has registers for, and what the other sets run instead.
CHANNEL_LANES = {"avx512": "direct:channel_lanes"}


@dataclass(frozen=True)
class Problem:
    """A convolution and the kernel of each of DIRECTIONS, as by_set() gives it where instruction sets
    differ. Several kernels of a direction, in the order in which they end, are joined by a comma."""

    image: tuple[int, ...]
    weight: tuple[int, ...]
    kernels: tuple[str | dict[str, str], ...]
    options: dict[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    threads: int = 1
    pools: bool = False


def by_set(avx512: str, avx2: str, default: str) -> dict[str, str]:
    return {"avx512": avx512, "avx2": avx2, "default": default}


def tensors(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    image, weight, bias = (
        torch.randn(shape, dtype=torch.float64).to(problem.dtype)
        for shape in (problem.image, problem.weight, problem.weight[:1])
    )
    if problem.channels_last:
        image, weight = (t.to(memory_format=torch.channels_last) for t in (image, weight))
    return image, weight, bias


def kernels_of(problem: Problem, operands: tuple[Tensor, ...]) -> dict[str, str]:
    """The names by direction."""
    name = "conv2d_relu_max_pool2d" if problem.pools else "conv2d"
    before = torch.get_num_threads()
    torch.set_num_threads(problem.threads)
    try:
        with kernels.record() as calls:
            output = getattr(functional, name)(*operands, **problem.options)
            wanted = [t for t in operands if t.requires_grad]
            if wanted:
                torch.autograd.grad(output, wanted, torch.ones_like(output))
    finally:
        torch.set_num_threads(before)
    names: dict[str, list[str]] = {}
    for call in calls:
        for direction in call.direction.split("+"):
            names.setdefault(direction, []).append(call.kernel)
    return {direction: ",".join(found) for direction, found in names.items()}


PROBLEMS: dict[str, Problem] = {}
