"""Errors of native and ours against the same formula in float64."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection

import torch
from torch import Tensor

from inkgrad_bench.workloads import NATIVE, OURS, Problem, output_shape

# Two correct sums of the same terms in different orders differ by rounding: 10 % is chance.
ROUNDING_MARGIN = 1.1


def errors(problem: Problem) -> dict[str, dict[str, float]] | None:
    """Return {tensor: {contender: relative root mean square error}}.

    The tensors are ``"output"`` and ``"grad 0"``, the gradient of the first input, and so on. None
    for float64, since there is no wider dtype to compare with.
    """
    from inkgrad import functional, reference

    case = problem.case
    if case.dtype == "float64":
        return None
    wide = [tensor.detach().double() for tensor in problem.inputs]
    for tensor, original in zip(wide, problem.inputs, strict=True):
        tensor.requires_grad_(original.requires_grad)
    gradient = None if problem.grad_output is None else problem.grad_output.double()
    oracle = problem.run(getattr(reference, case.op), wide, gradient)
    names = ["output", *(f"grad {i}" for i, wanted in enumerate(problem.wanted) if wanted)]
    found: dict[str, dict[str, float]] = {}
    for contender, module in ((NATIVE, reference), (OURS, functional)):
        function = getattr(module, case.op)
        results = problem.run(function, problem.inputs, problem.grad_output)
        for name, result, exact in zip(names, results, oracle, strict=False):
            if _comparable(problem, name):
                found.setdefault(name, {})[contender] = relative_rms(result, exact)
    return found


def relative_rms(result: Tensor, exact: Tensor) -> float:
    """sqrt(sum (result - exact)^2 / sum exact^2); the largest float if that is not finite."""
    difference = result.double() - exact
    error = float(difference.norm() / exact.norm().clamp(min=sys.float_info.min))
    return error if math.isfinite(error) else sys.float_info.max


def _comparable(problem: Problem, name: str) -> bool:
    # In bfloat16 and float16 rounding decides which element of a pooling window is the largest,
    # and the whole gradient goes there: the error says nothing about the implementation.
    half = problem.case.dtype in ("bfloat16", "float16")
    pooled = problem.case.op == "conv2d_relu_max_pool2d"
    return not (half and pooled and name != "output")


def single_elements(problem: Problem) -> set[str]:
    """The names, as in :func:`errors`, of the tensors with one element."""
    found = {f"grad {i}" for i, tensor in enumerate(problem.inputs) if tensor.numel() == 1}
    return found | ({"output"} if output_shape(problem.case) == () else set())


def accurate(found: dict[str, dict[str, float]], dtype: str, singles: Collection[str]) -> bool:
    """Whether our error is at most native's; in bfloat16 and float16, at most twice native's.

    An error far below the dtype's epsilon always passes. So do a few roundings in a tensor of
    one element: there native may be exact by luck.
    """
    epsilon = torch.finfo(getattr(torch, dtype)).eps
    factor = 2.0 if dtype in ("bfloat16", "float16") else ROUNDING_MARGIN
    for name, error in found.items():
        allowed = 4 * epsilon if name in singles else epsilon / 8
        if not error[OURS] <= max(factor * error[NATIVE], allowed):
            return False
    return True


def worst(found: dict[str, dict[str, float]]) -> tuple[str, dict[str, float]]:
    """The tensor whose error is largest relative to native's."""

    def disadvantage(item: tuple[str, dict[str, float]]) -> float:
        return item[1][OURS] / max(item[1][NATIVE], sys.float_info.min)

    return max(found.items(), key=disadvantage)
