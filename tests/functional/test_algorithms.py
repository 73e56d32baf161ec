"""The kernel of each problem: the lists of csrc/cpu/conv/algorithms.cpp, under every instruction
set that the suite runs under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from comparing import HAS_BFLOAT16, LIBRARY, needs_extension
from inkgrad import functional, kernels

pytestmark = [needs_extension, pytest.mark.core]

DIRECTIONS = ("forward", "grad_input", "grad_weight", "grad_bias")
BATCH, CHANNEL, DIRECT = "direct:batch_lanes", "direct:channel_lanes", "direct"
SPARSE, WINOGRAD, TORCH = "pooled:sparse", "winograd", "torch"
CHANNEL_WINOGRAD = "winograd:channel_lanes"
UNFUSED = "torch,unfused"  # the convolution's kernel, then the pool's


@dataclass(frozen=True)
class Problem:
    """A convolution and the kernel of each of DIRECTIONS; by_set() where instruction sets differ.

    Several kernels of one direction are joined by a comma, in the order in which they end.
    """

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


# 16 lanes of float32 with 32 registers, 8 and 4 with 16 registers.
CHANNEL_OR_DIRECT = by_set(CHANNEL, DIRECT, DIRECT)
NARROW_WINOGRAD = by_set(CHANNEL_WINOGRAD, WINOGRAD, WINOGRAD)
# Torch's convolution records its own graph: its gradients are not this package's.
ALL_TORCH = (TORCH,)
CHANNEL_WINOGRAD_AND_TORCH = (CHANNEL_WINOGRAD, TORCH, TORCH, TORCH)
THROUGH_FLOAT32 = (DIRECT, by_set(DIRECT, DIRECT, BATCH), DIRECT, DIRECT)
PAD = {"padding": 1}

PROBLEMS = {
    # ---- Winograd
    "course, second layer": Problem(
        (64, 10, 12, 12), (20, 10, 5, 5), (WINOGRAD, BATCH, WINOGRAD, DIRECT)
    ),
    "in float64": Problem(
        (64, 10, 12, 12),
        (20, 10, 5, 5),
        (WINOGRAD, BATCH, WINOGRAD, DIRECT),
        dtype=torch.float64,
    ),
    "too few inputs for Winograd": Problem(
        (16, 5, 12, 12), (20, 5, 5, 5), (DIRECT, BATCH, DIRECT, DIRECT)
    ),
    "too few outputs for Winograd": Problem(
        (16, 10, 12, 12), (7, 10, 5, 5), (DIRECT, BATCH, WINOGRAD, DIRECT)
    ),
    "few windows are cut off": Problem(
        (16, 8, 7, 7), (8, 8, 3, 3), (WINOGRAD, BATCH, DIRECT, DIRECT)
    ),
    "too many windows are cut off": Problem(
        (16, 8, 5, 5), (8, 8, 3, 3), (BATCH, BATCH, DIRECT, DIRECT)
    ),
    "lanes for four images": Problem(
        (4, 64, 14, 14),
        (64, 64, 3, 3),
        (
            by_set(CHANNEL_WINOGRAD, CHANNEL_WINOGRAD, WINOGRAD),
            by_set(TORCH, TORCH, WINOGRAD),
            by_set(TORCH, TORCH, WINOGRAD),
            by_set(TORCH, TORCH, DIRECT),
        ),
        options=PAD,
    ),
    "images that do not fill the lanes": Problem(
        (11, 10, 12, 12),
        (20, 10, 5, 5),
        (
            by_set("winograd,direct", "winograd,direct", WINOGRAD),
            by_set(DIRECT, BATCH, BATCH),
            by_set(DIRECT, DIRECT, WINOGRAD),
            DIRECT,
        ),
    ),
    "more filters than fit the cache": Problem(
        (16, 520, 6, 6), (512, 520, 3, 3), ALL_TORCH, options=PAD
    ),
    "few windows for many filters": Problem(
        (8, 256, 4, 4), (256, 256, 3, 3), CHANNEL_WINOGRAD_AND_TORCH, options=PAD
    ),
    "windows enough for many filters": Problem(
        (16, 256, 4, 4), (256, 256, 3, 3), (WINOGRAD, TORCH, TORCH, TORCH), options=PAD
    ),
    "few windows for few filters": Problem(
        (8, 48, 4, 4), (64, 48, 3, 3), (NARROW_WINOGRAD, TORCH, TORCH, TORCH), options=PAD
    ),
    "half vectors of few channels": Problem(
        (8, 48, 14, 14),
        (64, 48, 3, 3),
        (NARROW_WINOGRAD, NARROW_WINOGRAD, WINOGRAD, DIRECT),
        options=PAD,
    ),
    "half vectors of many channels": Problem(
        (8, 64, 14, 14),
        (64, 64, 3, 3),
        (NARROW_WINOGRAD, NARROW_WINOGRAD, WINOGRAD, DIRECT),
        options=PAD,
    ),
    "too many filters for wide vectors": Problem(
        (16, 256, 6, 6),
        (264, 256, 3, 3),
        (NARROW_WINOGRAD, TORCH, TORCH, TORCH),
        options=PAD,
    ),
    "windows cut off, for the weight's gradient": Problem(
        (16, 64, 7, 7), (64, 64, 3, 3), (WINOGRAD, TORCH, TORCH, TORCH), options=PAD
    ),
    "no window is cut off": Problem(
        (16, 64, 8, 8), (64, 64, 3, 3), (WINOGRAD, WINOGRAD, WINOGRAD, DIRECT), options=PAD
    ),
    "torch gives both gradients": Problem(
        (64, 64, 10, 10), (64, 64, 3, 3), (WINOGRAD, TORCH, TORCH, TORCH)
    ),
    # ---- direct
    "course, first layer": Problem((64, 1, 28, 28), (10, 1, 5, 5), (DIRECT, BATCH, DIRECT, DIRECT)),
    "rows that do not fill vectors": Problem(
        (16, 2, 13, 13),
        (4, 2, 5, 5),
        (by_set(BATCH, BATCH, DIRECT), BATCH, DIRECT, DIRECT),
    ),
    "too few taps to transpose images for": Problem(
        (16, 2, 13, 13), (4, 2, 3, 3), (DIRECT, BATCH, DIRECT, DIRECT)
    ),
    "outputs that fill a vector": Problem(
        (4, 3, 28, 28),
        (16, 3, 3, 3),
        (CHANNEL_OR_DIRECT, by_set(DIRECT, DIRECT, BATCH), DIRECT, DIRECT),
    ),
    "outputs that do not": Problem(
        (4, 3, 28, 28),
        (13, 3, 3, 3),
        (DIRECT, by_set(DIRECT, DIRECT, BATCH), DIRECT, DIRECT),
    ),
    "an image": Problem((1, 32, 14, 14), (48, 32, 3, 3), CHANNEL_WINOGRAD_AND_TORCH, options=PAD),
    "an image whose channels do not fill torch's blocks": Problem(
        (1, 20, 14, 14),
        (24, 20, 3, 3),
        (
            by_set(DIRECT, CHANNEL_WINOGRAD, CHANNEL_WINOGRAD),
            by_set(DIRECT, DIRECT, CHANNEL_WINOGRAD),
            DIRECT,
            DIRECT,
        ),
        options=PAD,
    ),
    "an image of many channels": Problem((1, 64, 7, 7), (96, 64, 3, 3), CHANNEL_WINOGRAD_AND_TORCH),
    "an image with a dilation": Problem(
        (1, 48, 14, 14),
        (64, 48, 3, 3),
        (by_set(CHANNEL, DIRECT, DIRECT), TORCH, TORCH, TORCH),
        options={"padding": 2, "dilation": 2},
    ),
    "an image of many channels and a dilation": Problem(
        (1, 64, 9, 9),
        (96, 64, 3, 3),
        (by_set(CHANNEL, TORCH, TORCH), *[by_set(TORCH, "", "")] * 3),
        options={"dilation": 2},
    ),
    "an image of many channels and long rows": Problem(
        (1, 128, 18, 18), (128, 128, 3, 3), ALL_TORCH, options={"dilation": 2}
    ),
    "torch's blocks are filled": Problem(
        (2, 16, 14, 14), (16, 16, 3, 3), ALL_TORCH, options={"dilation": 2}
    ),
    "torch's blocks are not filled": Problem(
        (2, 20, 14, 14),
        (16, 20, 3, 3),
        (CHANNEL_OR_DIRECT, DIRECT, DIRECT, DIRECT),
        options={"dilation": 2},
    ),
    "torch's blocks are filled without AVX-512": Problem(
        (2, 24, 14, 14),
        (24, 24, 3, 3),
        (by_set(DIRECT, TORCH, TORCH), *[by_set(DIRECT, "", "")] * 3),
        options={"dilation": 2},
    ),
    "a tap, for torch's product of matrices": Problem((8, 20, 9, 9), (40, 20, 1, 1), ALL_TORCH),
    "an image's tap": Problem((1, 40, 14, 14), (64, 40, 1, 1), ALL_TORCH),
    "a tap of many images": Problem(
        (16, 10, 9, 9), (20, 10, 1, 1), (DIRECT, DIRECT, DIRECT, DIRECT)
    ),
    "too many channels": Problem(
        (2, 60, 14, 14), (16, 60, 3, 3), ALL_TORCH, options={"dilation": 2}
    ),
    "many taps": Problem(
        (2, 32, 14, 14), (16, 32, 5, 5), (CHANNEL_OR_DIRECT, DIRECT, DIRECT, DIRECT)
    ),
    "a plane larger than the cache": Problem(
        (2, 3, 400, 400), (4, 3, 3, 3), (DIRECT, TORCH, DIRECT, DIRECT)
    ),
    "a large image for one thread": Problem(
        (1, 3, 200, 200), (16, 3, 5, 5), (CHANNEL_OR_DIRECT, DIRECT, DIRECT, DIRECT)
    ),
    "a large image for two": Problem((1, 3, 200, 200), (16, 3, 5, 5), ALL_TORCH, threads=2),
    "two columns of taps": Problem((16, 4, 9, 9), (4, 4, 3, 2), (DIRECT, DIRECT, DIRECT, DIRECT)),
    # ---- torch
    "stride": Problem((4, 3, 9, 9), (4, 3, 3, 3), ALL_TORCH, options={"stride": 2}),
    "groups": Problem((4, 4, 9, 9), (4, 2, 3, 3), ALL_TORCH, options={"groups": 2}),
    "bfloat16": Problem(
        (4, 3, 9, 9),
        (4, 3, 3, 3),
        ALL_TORCH if HAS_BFLOAT16 else THROUGH_FLOAT32,
        dtype=torch.bfloat16,
    ),
    "channels last": Problem((4, 3, 9, 9), (4, 3, 3, 3), ALL_TORCH, channels_last=True),
    # ---- with a pool
    "pool: course, first layer": Problem(
        (64, 1, 28, 28), (10, 1, 5, 5), (BATCH, BATCH, SPARSE, DIRECT), pools=True
    ),
    "pool: course, second layer": Problem(
        (64, 10, 12, 12), (20, 10, 5, 5), (WINOGRAD, SPARSE, SPARSE, DIRECT), pools=True
    ),
    "pool: images that do not fill the lanes": Problem(
        (11, 10, 12, 12),
        (20, 10, 5, 5),
        (by_set("winograd,direct", "winograd,direct", WINOGRAD), SPARSE, SPARSE, DIRECT),
        pools=True,
    ),
    "pool: windows of 3 x 3": Problem(
        (64, 10, 12, 12),
        (20, 10, 5, 5),
        (DIRECT, SPARSE, SPARSE, DIRECT),
        options={"kernel_size": 3},
        pools=True,
    ),
    "pool: windows of 1 x 2": Problem(
        (16, 10, 12, 12),
        (20, 10, 5, 5),
        (DIRECT, BATCH, WINOGRAD, DIRECT),
        options={"kernel_size": (1, 2)},
        pools=True,
    ),
    "pool: too few inputs for sparse patches": Problem(
        (3, 4, 12, 12),
        (20, 4, 5, 5),
        (by_set(DIRECT, DIRECT, BATCH), by_set(DIRECT, DIRECT, BATCH), SPARSE, DIRECT),
        pools=True,
    ),
    "pool: weights larger than the cache": Problem(
        (8, 128, 8, 8), (256, 128, 3, 3), (NARROW_WINOGRAD, TORCH, TORCH, DIRECT), pools=True
    ),
    "pool: channels last": Problem(
        (8, 64, 14, 14),
        (64, 64, 3, 3),
        (NARROW_WINOGRAD, SPARSE, SPARSE, DIRECT),
        channels_last=True,
        pools=True,
    ),
    "pool: channels last, not worth a copy": Problem(
        (2, 64, 14, 14),
        (64, 64, 3, 3),
        (UNFUSED, SPARSE, SPARSE, DIRECT),
        options={"dilation": 2},
        channels_last=True,
        pools=True,
    ),
    "pool: 128 channels": Problem(
        (2, 128, 11, 11),
        (16, 128, 3, 3),
        (CHANNEL_OR_DIRECT, SPARSE, SPARSE, DIRECT),
        options={"dilation": 2},
        pools=True,
    ),
    "pool: 129 channels": Problem(
        (2, 129, 11, 11),
        (16, 129, 3, 3),
        (UNFUSED, SPARSE, SPARSE, DIRECT),
        options={"dilation": 2},
        pools=True,
    ),
    "pool: stride": Problem(
        (4, 3, 9, 9),
        (4, 3, 3, 3),
        (UNFUSED, TORCH, TORCH, TORCH),
        options={"stride": 2},
        pools=True,
    ),
    "pool: bfloat16": Problem(
        (4, 3, 9, 9),
        (4, 3, 3, 3),
        (UNFUSED, TORCH, TORCH, TORCH)
        if HAS_BFLOAT16
        else ("direct,unfused", *THROUGH_FLOAT32[1:]),
        dtype=torch.bfloat16,
        pools=True,
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_kernels_of_all_directions(name):
    problem = PROBLEMS[name]
    expected = [
        kernel[LIBRARY] if isinstance(kernel, dict) else kernel for kernel in problem.kernels
    ]
    operands = tuple(t.requires_grad_() for t in tensors(problem))
    found = kernels_of(problem, operands)
    assert found == {d: k for d, k in zip(DIRECTIONS, expected, strict=False) if k}


def test_torch_gives_the_gradients_of_both_or_none():
    """The weight's alone is Winograd's where torch would give it along with the input's."""
    problem = PROBLEMS["torch gives both gradients"]
    image, weight, bias = tensors(problem)
    found = kernels_of(problem, (image, weight.requires_grad_(), bias))
    assert found == {"forward": WINOGRAD, "grad_weight": WINOGRAD}


@pytest.mark.parametrize("pools", [False, True])
def test_images_that_are_not_finite_are_computed_again(pools):
    problem = Problem((16, 10, 12, 12), (20, 10, 5, 5), (), pools=pools)
    image, weight, bias = tensors(problem)
    image[[3, 7, 8], 0, 5, 5] = float("inf")
    assert kernels_of(problem, (image, weight, bias)) == {"forward": "winograd,direct,direct"}


def test_gradients_that_are_not_finite_are_computed_again():
    problem = Problem((16, 10, 12, 12), (20, 10, 5, 5), ())
    image, weight, bias = tensors(problem)
    image[3, 0, 5, 5] = float("inf")
    found = kernels_of(problem, (image, weight.requires_grad_(), bias))
    assert found["grad_weight"] == "winograd,direct"


@pytest.mark.parametrize(("operand", "gradient"), [(0, "grad_weight"), (1, "grad_input")])
def test_sparse_gradients_need_finite_operands(operand, gradient):
    problem = Problem((16, 10, 12, 12), (20, 10, 5, 5), (), pools=True)
    operands = tensors(problem)
    operands[operand].view(-1)[0] = float("inf")
    found = kernels_of(problem, tuple(t.requires_grad_() for t in operands))
    assert found[gradient].split(",")[0] == SPARSE
    assert found[gradient].split(",")[1] in (BATCH, DIRECT, WINOGRAD)
