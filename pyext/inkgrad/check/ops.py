"""The ops to check: the fused op, native torch's, and inputs that cover the corner cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from inkgrad import functional, reference
from inkgrad.check.derivatives import noise
from inkgrad.check.tolerance import is_half

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Case:
    """The arguments of one call: tensors by shape, other arguments by value.

    `small` cases are cheap enough for finite differences, whose cost grows with the square of the
    number of elements.
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    settings: dict[str, Any] = field(default_factory=dict)
    small: bool = True


@dataclass(frozen=True)
class Op:
    """An op of :mod:`inkgrad.functional`.

    Attributes:
        name: its name in `inkgrad.functional`, `inkgrad.reference` and `torch.ops.inkgrad`.
        cases: calls that cover its arguments.
        make: makes the tensors of a case in float64 on the CPU, with values that suit the given
            dtype.
        differentiable: how many of the tensors, from the first, can require a gradient.
    """

    name: str
    cases: tuple[Case, ...]
    make: Callable[[Case, torch.dtype], list[Tensor]]
    differentiable: int = 3

    @property
    def fused(self) -> Callable[..., Tensor]:
        """The op of `inkgrad.functional`."""
        return getattr(functional, self.name)

    @property
    def native(self) -> Callable[..., Tensor]:
        """The same op in plain torch."""
        return getattr(reference, self.name)

    def inputs(
        self, case: Case, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> list[Tensor]:
        """Make the tensors of a case: on every device the same numbers, rounded to `dtype`."""
        return [tensor.to(dtype).to(device) for tensor in self.make(case, dtype)]

    def requires_grad(self, case: Case) -> list[bool]:
        """Return for each tensor of a case whether it can require a gradient."""
        return [i < self.differentiable for i in range(len(case.shapes))]


def _normal(case: Case, dtype: torch.dtype) -> list[Tensor]:
    """Make standard normal values, the weight scaled so that outputs have a variance near one."""
    tensors = [
        noise(torch.empty(shape, dtype=torch.float64), seed=100 + i)
        for i, shape in enumerate(case.shapes)
    ]
    fan_in = max(math.prod(case.shapes[1][1:]), 1)
    # A power of two, so that scaling does not round.
    tensors[1] *= 2.0 ** -round(math.log2(fan_in) / 2)
    return tensors


def _pooled(case: Case, dtype: torch.dtype) -> list[Tensor]:
    """Make normal values, but small integers for the half types.

    In a half type, many values of one pooling window round to the same maximum, and the gradient
    then goes to another element than in exact arithmetic. Sums of integers are not rounded, so that
    ties are the same in every dtype.
    """
    tensors = _normal(case, dtype)
    return [(2 * t).round().clamp(-3, 3) for t in tensors] if is_half(dtype) else tensors


def _probabilities(case: Case, dtype: torch.dtype) -> list[Tensor]:
    """Make input, target and weight in (0, 1), with room for the steps of finite differences."""
    generator = torch.Generator().manual_seed(0)
    # Multiples of 1/64 are exact in every dtype, so that all dtypes get the same problem.
    return [torch.randint(2, 63, shape, generator=generator).double() / 64 for shape in case.shapes]


_LINEAR = (
    Case("bias", ((5, 7), (3, 7), (3,))),
    Case("no bias", ((4, 6), (9, 6))),
    Case("one sample", ((8,), (6, 8), (6,))),
    Case("three-dimensional input", ((2, 3, 4), (5, 4), (5,))),
    Case("one feature", ((6, 1), (4, 1), (4,))),
    Case("no samples", ((0, 4), (3, 4), (3,))),
    Case("no features", ((3, 0), (4, 0), (4,))),
    Case("tiles and a remainder", ((33, 130), (67, 130), (67,)), small=False),
)

_CROSS_ENTROPY = (
    Case("mean", ((5, 3), (5, 3))),
    Case("sum", ((7,), (7,)), {"reduction": "sum"}),
    Case("none", ((4, 3), (4, 3)), {"reduction": "none"}),
    Case("weight, mean", ((4, 3), (4, 3), (4, 3)), {"reduction": "mean"}),
    Case("broadcast weight, none", ((4, 3), (4, 3), (3,)), {"reduction": "none"}),
    Case("scalar", ((), ())),
    Case("lanes and a remainder", ((41, 53), (41, 53), (41, 1)), {"reduction": "sum"}, small=False),
)

_CONV = (
    Case("bias", ((2, 3, 6, 5), (4, 3, 3, 3), (4,))),
    Case("no bias", ((1, 2, 5, 5), (3, 2, 2, 3))),
    Case("unbatched", ((2, 5, 5), (3, 2, 3, 3), (3,))),
    Case(
        "stride and padding",
        ((2, 2, 6, 7), (3, 2, 3, 2), (3,)),
        {"stride": (2, 1), "padding": (1, 2)},
    ),
    Case("dilation", ((1, 2, 7, 8), (2, 2, 2, 3), (2,)), {"dilation": (3, 2)}),
    Case("groups", ((2, 4, 5, 5), (6, 2, 3, 3), (6,)), {"groups": 2}),
    Case("depthwise, same", ((1, 3, 5, 4), (3, 1, 3, 3), (3,)), {"groups": 3, "padding": "same"}),
    Case("pointwise", ((2, 5, 4, 4), (3, 5, 1, 1), (3,))),
    Case("course layer", ((3, 1, 28, 28), (10, 1, 5, 5), (10,)), small=False),
    Case("tiles and a remainder", ((2, 17, 19, 18), (33, 17, 3, 3), (33,)), small=False),
)

_POOL = (
    *_CONV,
    Case("pool 3", ((1, 2, 8, 8), (2, 2, 3, 3), (2,)), {"kernel_size": 3}),
    Case("pool (1, 3)", ((1, 2, 6, 9), (2, 2, 2, 3), (2,)), {"kernel_size": (1, 3)}),
)

OPS = {
    op.name: op
    for op in (
        Op("linear_sigmoid", _LINEAR, _normal),
        Op("linear_relu", _LINEAR, _normal),
        Op("binary_cross_entropy", _CROSS_ENTROPY, _probabilities, differentiable=2),
        Op("conv2d", _CONV, _normal),
        Op("conv2d_relu_max_pool2d", _POOL, _pooled),
    )
}


def bind(function: Callable[..., Tensor], case: Case) -> Callable[..., Tensor]:
    """Return `function` with the settings of the case bound, so that it takes tensors only."""

    def call(*tensors: Tensor) -> Tensor:
        return function(*tensors, **case.settings)

    return call
