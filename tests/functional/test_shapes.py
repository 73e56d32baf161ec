"""Values and derivatives at odd sizes: the rests of lanes, tiles, panels and windows."""

import pytest
import torch

from comparing import assert_like_native, every_dtype, every_float
from inkgrad.check.ops import OPS, Case, bind
from shapes import CONV, CROSS_ENTROPY, LINEAR, PANEL_EDGES, POOL, TILE_EDGES, Row, linear

LINEAR_OPS = ("linear_sigmoid", "linear_relu")


def check(name, row, dtype, device, order):
    op = OPS[name]
    case = Case(row.why, row.shapes, row.settings)
    assert_like_native(
        bind(op.fused, case),
        bind(op.native, case),
        op.inputs(case, dtype, device),
        order=order,
        differentiable=op.requires_grad(case),
        label=f"{name}, {row.why}, {row.shapes}",
    )


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("row", LINEAR, ids=str)
@pytest.mark.parametrize("name", LINEAR_OPS)
def test_linear(name, row, dtype, device):
    check(name, row, dtype, device, order=2)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("axis", ["samples", "features", "outputs"])
@pytest.mark.parametrize("name", LINEAR_OPS)
def test_linear_at_tile_edges(name, axis, dtype, device):
    for size in PANEL_EDGES if axis == "features" else TILE_EDGES:
        m, k, n = {
            "samples": (size, 13, 9),
            "features": (7, size, 5),
            "outputs": (5, 11, size),
        }[axis]
        check(name, Row(f"{axis} {size}", linear(m, k, n)), dtype, device, order=1)


@pytest.mark.core
@every_float
@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 8, 12, 13])
@pytest.mark.parametrize("name", LINEAR_OPS)
def test_linear_of_few_samples(name, samples, dtype, device):
    """Which have a kernel of their own: rests of its tiles and of its chains of additions."""
    for features in (256, 300, 1023, 1024, 1025, 2047, 2048, 2049, 2100):
        for outputs in (1, 3, 4, 5, 7, 8, 9, 17):
            row = Row(f"{features} features", linear(samples, features, outputs))
            check(name, row, dtype, device, order=0)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("row", CROSS_ENTROPY, ids=str)
def test_binary_cross_entropy(row, reduction, dtype, device):
    row = Row(row.why, row.shapes, {"reduction": reduction})
    check("binary_cross_entropy", row, dtype, device, order=2)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("row", CONV, ids=str)
def test_conv2d(row, dtype, device):
    check("conv2d", row, dtype, device, order=2)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("row", POOL, ids=str)
def test_conv2d_relu_max_pool2d(row, dtype, device):
    check("conv2d_relu_max_pool2d", row, dtype, device, order=2)


@every_float
@pytest.mark.parametrize("row", CONV, ids=str)
def test_pool_on_every_convolution(row, dtype, device):
    case = Case(row.why, row.shapes, row.settings)
    op = OPS["conv2d"]
    height, width = bind(op.native, case)(*op.inputs(case, torch.float32)).shape[-2:]
    window = (min(height, 2), min(width, 2))
    row = Row(row.why, row.shapes, {**row.settings, "kernel_size": window})
    check("conv2d_relu_max_pool2d", row, dtype, device, order=1)
