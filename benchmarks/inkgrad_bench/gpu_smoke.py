"""Run every kernel on small and odd sizes under compute-sanitizer.

``python -m inkgrad_bench.gpu_smoke`` is a stage of ``benchmarks/gpu.py``. It only makes the kernels
access memory; their results are checked by the test suite.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import torch

from inkgrad.chain import Chain
from inkgrad.check.derivatives import derivatives
from inkgrad.check.ops import DTYPES, OPS, Case, bind
from inkgrad.course import models
from inkgrad.functional import linear_sigmoid

# Slightly more than a chunk, a tile or a block.
LARGER = {
    "linear_sigmoid": Case("", ((257, 9), (33, 9), (33,))),
    "linear_relu": Case("", ((50_001, 3), (1, 3), (1,))),
    "binary_cross_entropy": Case("", ((16385,), (16385,), (16385,))),
    "conv2d": Case("", ((2, 3, 9, 7), (4, 3, 3, 3), (4,))),
    "conv2d_relu_max_pool2d": Case("", ((13, 1, 28, 28), (10, 1, 5, 5), (10,))),
}


def run(device: str) -> int:
    """Run every op, with gradients, and return the number of calls."""
    calls = 0
    for name, op in OPS.items():
        for dtype in DTYPES.values():
            for case in (*op.cases[:2], LARGER[name]):
                inputs = op.inputs(case, dtype, device)
                wanted = op.requires_grad(case)
                derivatives(bind(op.fused, case), inputs, order=1, differentiable=wanted)
                # As the first layer of a model, whose input needs no gradient.
                first = [False, *wanted[1:]]
                derivatives(bind(op.fused, case), inputs, order=1, differentiable=first)
                calls += 2
    return calls + products(device) + chain_steps(device)


def products(device: str) -> int:
    """Matrix products on the tensor cores.

    Odd sizes, both ways of splitting floats, split-K, and panels in shared memory for which some
    warpgroups have no tile.
    """
    generator = torch.Generator(device).manual_seed(0)
    calls = 0
    for dtype in (torch.float32, torch.bfloat16):
        for m, k, n in ((513, 584, 544), (136, 8192, 160), (1000, 264, 544), (130, 496, 2080)):
            x, weight, bias = (
                torch.randn(shape, device=device, generator=generator).to(dtype).requires_grad_()
                for shape in ((m, k), (n, k), (n,))
            )
            for scale in (1, 1e-30):  # of the first row: beyond the range of float16 planes
                scales = torch.ones(m, 1, device=device, dtype=dtype)
                scales[0] = scale
                y = linear_sigmoid(x * scales, weight, bias)
                torch.autograd.grad(y.sum(), (x, weight, bias))
                calls += 1
    return calls


def chain_steps(device: str) -> int:
    """Training steps in one launch: on all rows, on selected rows, on one row."""
    model = models.build("diabetes").to(device)
    chain = Chain.of(model.chain(), model.criterion)
    if chain is None:
        return 0
    inputs = torch.rand(700, 8, device=device)
    targets = torch.rand(700, 1, device=device).round()
    for rows in (None, torch.arange(699, 0, -3, device=device), torch.tensor([5], device=device)):
        chain.step(inputs, targets, rows, lr=0.1, momentum=0.9)
    chain.evaluate(inputs, targets)
    return 4


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inkgrad_bench.gpu_smoke", description=__doc__)
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args(argv).device
    calls = run(device)
    if device == "cuda":
        torch.cuda.synchronize()
    print(f"{calls} calls on {device}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
