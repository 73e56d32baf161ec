"""When two tensors count as equal: same NaN and infinities, and a small relative error elsewhere.

Every comparison with NaN is false, so a check of the form `abs(a - b) > tolerance` accepts NaN.
Here NaN and infinities must match element by element before any error is measured.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Largest error between two correct results with different summation orders, in units of the dtype's
# epsilon.
SUMMATION_SLACK = 128.0
# A correctly rounded output is within half an epsilon of the exact one; autograd sums up to three
# gradients, each rounded to the half type.
OUTPUT_ROUNDING = 0.5
GRADIENT_ROUNDING = 1.5


def mismatch(actual: Tensor, expected: Tensor) -> str | None:
    """Describe a difference in shape or in the positions of NaN and infinities; None if equal."""
    if actual.shape != expected.shape:
        return f"shape {list(actual.shape)}, expected {list(expected.shape)}"
    for name, where in (("NaN", torch.isnan), ("+inf", torch.isposinf), ("-inf", torch.isneginf)):
        wrong = int((where(actual) != where(expected)).sum())
        if wrong:
            return f"{name} in the wrong positions: {wrong} of {actual.numel()} elements differ"
    return None


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Return ||actual - expected|| / ||expected|| of the finite values, the larger of two norms.

    The Euclidean norm detects small errors in all elements, the maximum norm detects one wrong
    element, say at the edge of a tile. Skips NaN and infinities, which `mismatch` compares.
    """
    finite = torch.isfinite(expected)
    want = expected.double()[finite]
    # An infinity where a finite value is expected has been reported by `mismatch`.
    difference = actual.double()[finite] - want
    worst = 0.0
    for order in (2, math.inf):
        if want.numel() == 0:
            break
        distance = float(torch.linalg.vector_norm(difference, order))
        scale = float(torch.linalg.vector_norm(want, order))
        if distance > 0:
            worst = max(worst, distance / scale if scale > 0 else math.inf)
    return worst


def limit(
    dtype: torch.dtype, native_error: float = 0.0, rounding: float = GRADIENT_ROUNDING
) -> float:
    """Return the largest :func:`relative_error` that counts as equal.

    float64 and float32 are compared with native torch, and differ by the order of summation. For
    half types native's own rounding would dominate, so both are compared with float64 arithmetic on
    the same inputs: the error may be twice native's, plus `rounding` epsilons.
    """
    epsilon = torch.finfo(dtype).eps
    if is_half(dtype):
        return 2 * native_error + rounding * epsilon
    return SUMMATION_SLACK * epsilon


def is_half(dtype: torch.dtype) -> bool:
    """Whether `dtype` is bfloat16 or float16."""
    return dtype in (torch.bfloat16, torch.float16)
