"""When a result counts as native's.

Native torch rounds, and depends on the order of summation as well. So a result may be as far from
float64 arithmetic as twice native's, plus a few units of rounding; where it is infinite or not a
number it has to agree with native's, or with float64 arithmetic rounded to the dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inkgrad.check.tolerance import SUMMATION_SLACK, is_half, relative_error

__all__ = ["difference", "outcome"]

# Native itself is wrong, or nothing is left after cancellation. (In oneDNN 3.12, some strided
# convolutions of bfloat16 are, on processors with AMX.)
_WRONG = 0.1


def difference(
    actual: Tensor,
    native: Tensor,
    oracle: Tensor,
    *,
    rounding: float = 0.0,
    kinds_only: bool = False,
) -> str | None:
    """Describe how ``actual`` differs from ``native``; None if it does not.

    ``oracle`` is native's result of the same operands in float64, and ``rounding`` an error that
    native could have: it is the oracle itself in float64, and may be lucky elsewhere. With
    ``kinds_only`` the values of finite elements do not count.
    """
    if actual.shape != native.shape or actual.dtype != native.dtype:
        return f"{tuple(actual.shape)} {actual.dtype}, native {tuple(native.shape)} {native.dtype}"
    rounded = oracle.to(native.dtype)
    both = native.isfinite() & rounded.isfinite()
    of_native = max(rounding, relative_error(native[both], oracle[both]))
    if of_native > _WRONG:
        return None
    kinds = _kinds(actual)
    wrong = (kinds != _kinds(native)) & (kinds != _kinds(rounded))
    if wrong.any():
        at = int(wrong.flatten().to(torch.uint8).argmax())
        values = [float(t.flatten()[at]) for t in (actual, native, oracle)]
        return "element {}: {}, native {}, in float64 {}".format(at, *values)
    if kinds_only:
        return None
    finite = both & actual.isfinite()
    error = relative_error(actual[finite], oracle[finite])
    # A half type rounds each of up to three gradients that are added.
    slack = 4.0 if is_half(native.dtype) else SUMMATION_SLACK
    allowed = 2 * of_native + slack * torch.finfo(native.dtype).eps
    return f"relative error {error:.3g}, allowed {allowed:.3g}" if error > allowed else None


def _kinds(tensor: Tensor) -> Tensor:
    """0 for finite numbers, 1 and -1 for infinities, 2 for NaN."""
    infinite = tensor.isposinf().char() - tensor.isneginf().char()
    return torch.where(tensor.isnan(), 2, infinite)


def outcome(function: Callable[[], Any]) -> Any:
    """Return the result of ``function``, or the exception that it raises."""
    try:
        return function()
    except Exception as error:
        return error
