"""Error of native and ours against the same formula in float64."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection

import torch
from torch import Tensor

from inkgrad_bench.workloads import NATIVE, OURS, Problem, output_shape

# Two correct sums of the same terms in another order err by chance; ten per cent is chance.
SAMPLING = 1.1


def errors(problem: Problem) -> dict[str, dict[str, float]] | None:
    """{tensor: {contender: root mean square error over the oracle's root mean square}}.

    The tensors are ``"output"`` and ``"grad 0"``, the gradient of the first input, and so on. None
    for float64, beside which there is no wider type.
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
    """sqrt(sum (result - exact)^2 / sum exact^2); the largest number where that is none."""
    difference = result.double() - exact
    error = float(difference.norm() / exact.norm().clamp(min=sys.float_info.min))
    return error if math.isfinite(error) else sys.float_info.max


def _comparable(problem: Problem, name: str) -> bool:
    # In a half type it is rounding that decides which element of a window is the largest, and the
    # gradient goes there as a whole: the error says nothing of the implementation.
    half = problem.case.dtype in ("bfloat16", "float16")
    pooled = problem.case.op == "conv2d_relu_max_pool2d"
    return not (half and pooled and name != "output")


def single_elements(problem: Problem) -> set[str]:
    """The names of the tensors of :func:`errors` that are one number."""
    found = {f"grad {i}" for i, tensor in enumerate(problem.inputs) if tensor.numel() == 1}
    return found | ({"output"} if output_shape(problem.case) == () else set())


def accurate(found: dict[str, dict[str, float]], dtype: str, singles: Collection[str]) -> bool:
    """Whether ours errs no more than native; in the half types, no more than twice as much.

    Below a small part of the type's epsilon both are as good as exact; of a single number
    there is only one error, which may be zero by luck, so that a few roundings are granted.
    """
    epsilon = torch.finfo(getattr(torch, dtype)).eps
    factor = 2.0 if dtype in ("bfloat16", "float16") else SAMPLING
    for name, error in found.items():
        granted = 4 * epsilon if name in singles else epsilon / 8
        if not error[OURS] <= max(factor * error[NATIVE], granted):
            return False
    return True


def worst(found: dict[str, dict[str, float]]) -> tuple[str, dict[str, float]]:
    """The tensor in which ours compares worst."""

    def disadvantage(item: tuple[str, dict[str, float]]) -> float:
        return item[1][OURS] / max(item[1][NATIVE], sys.float_info.min)

    return max(found.items(), key=disadvantage)
