"""Every kernel once or twice on small and odd sizes: what compute-sanitizer is to look at.

``python -m inkgrad_bench.gpu_smoke``; one of the stages of :mod:`.gpu`. Results are looked at by
the test suite; here they are only computed, so that whatever a kernel does to memory happens.
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

# Past a chunk, a tile or a block, by a little.
LARGER = {
    "linear_sigmoid": Case("", ((257, 9), (33, 9), (33,))),
    "linear_relu": Case("", ((50_001, 3), (1, 3), (1,))),
    "binary_cross_entropy": Case("", ((16385,), (16385,), (16385,))),
    "conv2d": Case("", ((2, 3, 9, 7), (4, 3, 3, 3), (4,))),
    "conv2d_relu_max_pool2d": Case("", ((13, 1, 28, 28), (10, 1, 5, 5), (10,))),
}


def run(device: str) -> int:
    """The number of calls, each with its gradients."""
    calls = 0
    for name, op in OPS.items():
        for dtype in DTYPES.values():
            for case in (*op.cases[:2], LARGER[name]):
                inputs = op.inputs(case, dtype, device)
                wanted = op.requires_grad(case)
                derivatives(bind(op.fused, case), inputs, order=1, differentiable=wanted)
                # The first layer of a model: its input needs no gradient.
                first = [False, *wanted[1:]]
                derivatives(bind(op.fused, case), inputs, order=1, differentiable=first)
                calls += 2
    return calls + products(device) + chain_steps(device)


def products(device: str) -> int:
    """Products on the tensor cores: of odd sizes, of both kinds of planes, with a split sum, with a
    panel in shared memory, of which some warpgroups have no tile."""
    generator = torch.Generator(device).manual_seed(0)
    calls = 0
    for dtype in (torch.float32, torch.bfloat16):
        for m, k, n in ((513, 584, 544), (136, 8192, 160), (1000, 264, 544), (130, 496, 2080)):
            x, weight, bias = (
                torch.randn(shape, device=device, generator=generator).to(dtype).requires_grad_()
                for shape in ((m, k), (n, k), (n,))
            )
            for scale in (1, 1e-30):  # of the first row: too far apart for halves
                scales = torch.ones(m, 1, device=device, dtype=dtype)
                scales[0] = scale
                y = linear_sigmoid(x * scales, weight, bias)
                torch.autograd.grad(y.sum(), (x, weight, bias))
                calls += 1
    return calls


def chain_steps(device: str) -> int:
    """Whole training steps: one tile of examples, several, and chosen ones; where there are any."""
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
