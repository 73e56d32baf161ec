"""Comparing two tensors: first where NaN and infinities sit, then how far the rest is apart.

A NaN compares false with everything, so a comparison that starts from `abs(a - b) > tolerance`
accepts it. Here special values must sit in the same places before any distance is measured.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Error allowed between two correct results that sum in a different order, in units of the dtype's
# epsilon.
SUMMATION_SLACK = 128.0
# A correctly rounded output lies within half an epsilon of the true one; a gradient is the sum of
# up to three that autograd adds, each rounded to the half type.
OUTPUT_ROUNDING = 0.5
GRADIENT_ROUNDING = 1.5


def mismatch(actual: Tensor, expected: Tensor) -> str | None:
    """What differs besides finite values: shape, place of NaN and infinities, or None."""
    if actual.shape != expected.shape:
        return f"shape {list(actual.shape)}, expected {list(expected.shape)}"
    for name, where in (("NaN", torch.isnan), ("+inf", torch.isposinf), ("-inf", torch.isneginf)):
        wrong = int((where(actual) != where(expected)).sum())
        if wrong:
            return f"{name} in the wrong place: {wrong} of {actual.numel()} elements differ"
    return None


def relative_error(actual: Tensor, expected: Tensor) -> float:
    """Distance of the finite values, relative to `expected`: the larger of the two norms' verdicts.

    ||actual - expected|| / ||expected|| in the Euclidean norm sees errors spread over all
    elements, the maximum norm sees the one element at the edge of a tile. NaN and infinities are
    skipped: `mismatch` judges those.
    """
    finite = torch.isfinite(expected)
    want = expected.double()[finite]
    # An overflow to infinity where a finite value is expected is already a mismatch.
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
    """The largest :func:`relative_error` that counts as equal to native's.

    float64 and float32 are compared with native's result, and differ from it by the order of
    summation. A half type is compared with float64 arithmetic on the same inputs, because native's
    own rounding is then the larger part of any difference: it may be at most twice as far from the
    truth as native is, plus `rounding` epsilons.
    """
    epsilon = torch.finfo(dtype).eps
    if is_half(dtype):
        return 2 * native_error + rounding * epsilon
    return SUMMATION_SLACK * epsilon


def is_half(dtype: torch.dtype) -> bool:
    return dtype in (torch.bfloat16, torch.float16)
