"""The comparison that all proofs rest on must be able to fail."""

import math

import pytest
import torch

from comparing import assert_close, assert_like_native
from inkgrad.check.derivatives import compare_with_native, derivatives
from inkgrad.check.tolerance import limit, mismatch, relative_error

VALUES = torch.tensor([1.0, 2.0, 3.0])


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_special_values_must_match_in_place(special):
    actual = VALUES.clone()
    actual[1] = special
    assert mismatch(actual, VALUES)
    assert mismatch(VALUES, actual)
    assert mismatch(actual, actual.flip(0)) is None  # the same places, the middle
    assert mismatch(actual, actual.roll(1))
    with pytest.raises(AssertionError):
        assert_close(actual, VALUES)


def test_shapes_must_match():
    """A broadcast would compare what was never computed."""
    assert mismatch(torch.ones(3, 1), torch.ones(3))


def test_one_wrong_element_in_many_is_seen():
    expected = torch.randn(1000, 1000, generator=torch.Generator().manual_seed(0))
    actual = expected.clone()
    actual[999, 999] += 1e-3
    assert relative_error(actual, expected) > limit(torch.float32)


def test_small_error_everywhere_is_seen():
    expected = torch.randn(1000, dtype=torch.float64)
    assert relative_error(expected * (1 + 1e-10), expected) > limit(torch.float64)


def test_zero_where_something_is_expected_and_the_reverse():
    """Silent zeros are an error of one, something instead of zeros an infinite one."""
    assert relative_error(torch.zeros(3), VALUES) == pytest.approx(1)
    assert relative_error(VALUES, torch.zeros(3)) == math.inf
    assert relative_error(torch.zeros(3), torch.zeros(3)) == 0
    assert relative_error(torch.empty(0), torch.empty(0)) == 0


def test_finite_value_in_place_of_infinity_is_not_measured_as_nothing():
    infinite = torch.tensor([math.inf, 1.0])
    assert mismatch(torch.tensor([7.0, 1.0]), infinite)
    assert relative_error(infinite, infinite) == 0


def square(x, y):
    return x * x * y


class WrongBackward(torch.autograd.Function):
    """Right in the forward, and in one of two gradients."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return square(x, y)

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        return grad * x * y, grad * x * x  # a factor of two is missing


class CutBackward(torch.autograd.Function):
    """Right gradients, computed out of the graph's sight: second derivatives are wrong."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return square(x, y)

    @staticmethod
    def backward(ctx, grad):
        x, y = (t.detach() for t in ctx.saved_tensors)
        return grad * 2 * x * y, grad * x * x


@pytest.mark.parametrize(
    ("wrong", "order", "place"),
    [
        (lambda x, y: square(x, y) + 1e-3, 0, "output"),
        (WrongBackward.apply, 1, r"grad\[0\]"),
        (CutBackward.apply, 2, r"grad2\[0\]"),
        (lambda x, y: square(x, y).float(), 0, "dtype"),
        (lambda x, y: square(x, y)[None], 0, "shape"),
    ],
    ids=["forward", "backward", "double backward", "dtype", "shape"],
)
def test_wrong_functions_are_caught(wrong, order, place):
    inputs = [torch.randn(4, dtype=torch.float64), torch.randn(4, dtype=torch.float64)]
    assert_like_native(square, square, inputs)
    with pytest.raises(AssertionError, match=place):
        assert_like_native(wrong, square, inputs, order=order)


def test_detached_gradients_are_an_error():
    """Nothing to differentiate a second time is not the same as second derivatives of zero."""

    class Detached(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return (2 * grad * ctx.saved_tensors[0]).detach()

    with pytest.raises(RuntimeError, match="detached"):
        derivatives(Detached.apply, [torch.randn(3, dtype=torch.float64)])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_types_are_judged_against_float64(dtype):
    """Better than native passes, three times worse does not."""
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)).to(dtype)

    def native(x):  # three roundings
        return (x * 1.1 * 1.3) * 0.7

    def better(x):
        return (x.double() * 1.1 * 1.3 * 0.7).to(x.dtype)

    def worse(x):
        return native(x) * (1 + 4 * torch.finfo(x.dtype).eps)

    assert compare_with_native(better, native, [x], order=0).failure is None
    assert compare_with_native(worse, native, [x], order=0).failure
