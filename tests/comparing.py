"""Assertions that compare a fused op with native torch.

Rules and tolerances are those of `inkgrad check` (inkgrad.check.tolerance).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.utils._pytree as pytree
from torch import Tensor

import inkgrad
from inkgrad.check.derivatives import compare_with_native
from inkgrad.check.tolerance import limit, mismatch, relative_error

needs_extension = pytest.mark.skipif(
    not hasattr(torch.ops.inkgrad, "conv2d"), reason="the extension is not loaded"
)

LIBRARY = inkgrad.build_config()["cpu_library_loaded"]
# csrc/cpu/half.cpp: whether bfloat16 tensors are left to torch instead of computed in float32.
HAS_BFLOAT16 = platform.machine() not in ("x86_64", "AMD64") or (
    LIBRARY == "avx512" and torch.cpu._is_avx512_bf16_supported()
)

FLOATS = (torch.float64, torch.float32)
HALVES = (torch.bfloat16, torch.float16)


def dtype_id(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


every_dtype = pytest.mark.parametrize("dtype", FLOATS + HALVES, ids=dtype_id)
every_float = pytest.mark.parametrize("dtype", FLOATS, ids=dtype_id)
every_half = pytest.mark.parametrize("dtype", HALVES, ids=dtype_id)


def assert_close(actual: Any, expected: Any, *, error: float | None = None) -> None:
    """Assert that trees of tensors are equal up to summation order, or to a relative `error`."""
    actual_leaves, actual_tree = pytree.tree_flatten(actual)
    expected_leaves, expected_tree = pytree.tree_flatten(expected)
    assert actual_tree == expected_tree
    for i, (got, want) in enumerate(zip(actual_leaves, expected_leaves, strict=True)):
        where = f"leaf {i}: "
        if not isinstance(want, Tensor):
            assert got == want, where
            continue
        assert got.dtype == want.dtype, where
        assert got.device == want.device, where
        problem = mismatch(got, want)
        assert problem is None, where + str(problem)
        distance = relative_error(got, want)
        allowed = limit(want.dtype) if error is None else error
        assert distance <= allowed, f"{where}relative error {distance:.3g} > {allowed:.3g}"


def assert_equal(actual: Tensor, expected: Tensor) -> None:
    """Assert the same dtype, shape and values; NaN equals NaN, and 0.0 equals -0.0."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)


def assert_like_native(
    fused: Callable[..., Tensor],
    native: Callable[..., Tensor],
    inputs: Sequence[Tensor],
    *,
    order: int = 2,
    differentiable: Sequence[bool] | None = None,
    label: str = "",
) -> None:
    """Assert that outputs, gradients and second gradients (up to `order`) equal native's."""
    comparison = compare_with_native(
        fused, native, inputs, order=order, differentiable=differentiable, label=label
    )
    assert comparison.failure is None, comparison.failure
