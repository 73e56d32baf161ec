"""Small integers are summed without rounding: fused and native must agree to the last bit.

An off-by-one at the edge of a tile can hide below a tolerance. Here there is none.
"""

import pytest
import torch

from comparing import assert_equal, every_dtype
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import OPS, Case, bind
from shapes import CONV, LINEAR, POOL, TILE_EDGES, Row, linear

ROWS = [
    *(("linear_relu", row) for row in LINEAR),
    *(("conv2d", row) for row in CONV),
    *(("conv2d_relu_max_pool2d", row) for row in POOL),
]


def integers(shape, seed, dtype, device, largest):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(-largest, largest + 1, shape, generator=generator)
    return values.to(device, dtype)


def check(name, row, dtype, device):
    # For large kernels cuDNN takes Fourier transforms, which are not exact.
    with torch.backends.cudnn.flags(enabled=False):
        check_exactly(name, row, dtype, device)


def check_exactly(name, row, dtype, device):
    op, case = OPS[name], Case(row.why, row.shapes, row.settings)
    # bfloat16 holds integers up to 256, and sums of these rarely pass it: few and small values.
    inputs = [integers(shape, i, dtype, device, largest=1) for i, shape in enumerate(row.shapes)]
    if name == "linear_relu" and row.shapes[1][-1] > 256:
        # Two values in three are nonzero: keep sums of many terms small by thinning the input.
        inputs[0] *= integers(row.shapes[0], 9, dtype, device, largest=1).abs()
    results = []
    for function in (op.fused, op.native):
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        output = bind(function, case)(*leaves)
        cotangent = integers(output.shape, 7, dtype, device, largest=1)
        # With a graph of the gradients they are torch's formulas, without one the kernels'.
        firsts = torch.autograd.grad(output, leaves, cotangent, retain_graph=True)
        grads = torch.autograd.grad(output, leaves, cotangent, create_graph=True)
        directions = [integers(g.shape, 11 + i, dtype, device, 1) for i, g in enumerate(grads)]
        value = sum((g * d).sum() for g, d in zip(grads, directions, strict=True))
        seconds = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
        results.append([output.detach(), *firsts, *(g.detach() for g in grads), *seconds])
    for actual, expected in zip(*results, strict=True):
        assert_equal(actual, expected)
    wide = [tensor.double() for tensor in inputs]
    oracle = derivatives(bind(op.native, case), wide, order=0)["output"]
    assert_equal(results[0][0].double(), oracle)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize(("name", "row"), ROWS, ids=[f"{name}-{row}" for name, row in ROWS])
def test_integer_values(name, row, dtype, device):
    check(name, row, dtype, device)


@pytest.mark.core
@every_dtype
@pytest.mark.parametrize("axis", ["samples", "features", "outputs"])
def test_integer_values_at_tile_edges(axis, dtype, device):
    for size in TILE_EDGES:
        m, k, n = {"samples": (size, 9, 7), "features": (6, size, 5), "outputs": (5, 7, size)}[axis]
        check("linear_relu", Row(f"{axis} {size}", linear(m, k, n)), dtype, device)
