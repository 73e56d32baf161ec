"""Batch norm folded into the convolution before it: values, gradients, rounding."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from inkgrad import folding

EPS = 1e-3


def operands(dtype: torch.dtype, groups: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {
        "input": torch.randn(3, 4, 9, 10, dtype=dtype),
        "weight": torch.randn(6, 4 // groups, 3, 3, dtype=dtype),
        "bias": torch.randn(6, dtype=dtype),
        "mean": torch.randn(6, dtype=dtype),
        "variance": torch.rand(6, dtype=dtype) + 0.1,
        "scale": torch.randn(6, dtype=dtype),
        "shift": torch.randn(6, dtype=dtype),
    }


def formula(
    input: Tensor, weight: Tensor, bias: Tensor | None, mean: Tensor, variance: Tensor,
    scale: Tensor | None, shift: Tensor | None, **geometry: object,
) -> Tensor:  # fmt: skip
    convolved = F.conv2d(input, weight, bias, **geometry)
    return F.batch_norm(convolved, mean, variance, scale, shift, eps=EPS)


GEOMETRIES = [
    {"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    {"stride": (2, 1), "padding": (1, 2), "dilation": 2, "groups": 2},
    {"stride": 1, "padding": "same", "dilation": 1, "groups": 4},
]


@pytest.mark.parametrize("absent", [(), ("bias",), ("scale", "shift"), ("bias", "scale")], ids=str)
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_values_and_gradients(geometry: dict[str, object], absent: tuple[str, ...]) -> None:
    tensors: dict[str, Tensor | None] = operands(torch.float64, geometry["groups"])
    if geometry["groups"] == 4:
        tensors["weight"] = torch.randn(8, 1, 3, 3).double()
        tensors |= {
            k: torch.rand(8).double() + 0.1 for k in tensors if k not in ("input", "weight")
        }
    tensors |= dict.fromkeys(absent)
    results = []
    for function in (formula, folding.conv2d_batch_norm):
        leaves = {k: None if t is None else t.clone() for k, t in tensors.items()}
        trained = [
            t.requires_grad_()
            for k, t in leaves.items()
            if t is not None and k not in ("mean", "variance")
        ]
        extra = {} if function is formula else {"eps": EPS}
        output = function(**leaves, **geometry, **extra)
        results.append([output, *torch.autograd.grad(output.square().sum(), trained)])
    assert_close(results[1], results[0])


@pytest.mark.parametrize("window", [2, (1, 3)], ids=str)
def test_with_relu_and_pool(window: int | tuple[int, int]) -> None:
    tensors = operands(torch.float64)
    expected = F.max_pool2d(F.relu(formula(**tensors)), window)
    found = folding.conv2d_batch_norm_relu_max_pool2d(
        **tensors, **GEOMETRIES[0], eps=EPS, kernel_size=window
    )
    assert_close(found, expected)


SMALL = {
    "filters": ("input", "weight", "bias"),
    "all": ("input", "weight", "bias", "mean", "variance", "scale", "shift"),
    "under autocast": (),
}


@pytest.mark.parametrize("name", SMALL)
def test_rounds_no_worse_than_the_two_ops(name: str) -> None:
    """Statistics in float32, as torch keeps them, beside bfloat16 filters; ``model.bfloat16()``;
    autocast."""
    autocast = not SMALL[name]
    tensors = operands(torch.float32)
    tensors |= {k: tensors[k].bfloat16() for k in SMALL[name]}
    exact = formula(**{k: t.double() for k, t in tensors.items()})
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        native = formula(**tensors)
        ours = folding.conv2d_batch_norm(**tensors, **GEOMETRIES[0], eps=EPS)
    assert ours.dtype is native.dtype is torch.bfloat16
    errors = [(each - exact).square().mean().sqrt() for each in (ours, native)]
    assert errors[0] < 1.2 * errors[1]
