"""inkgrad.reference, which all else is compared with, computes what torch.nn.functional does."""

import pytest
import torch
import torch.nn.functional as F

from comparing import assert_equal, every_dtype
from inkgrad import reference

IMAGE, KERNEL = torch.randn(2, 3, 9, 8), torch.randn(4, 3, 3, 2)
P, T = torch.rand(5, 3), torch.rand(5, 3)
X, W, B = torch.randn(5, 7), torch.randn(4, 7), torch.randn(4)

FORMULAS = {
    "linear_sigmoid": (
        reference.linear_sigmoid, (X, W, B), lambda: torch.sigmoid(F.linear(X, W, B)),
    ),
    "linear_relu": (reference.linear_relu, (X, W, B), lambda: F.relu(F.linear(X, W, B))),
    "binary_cross_entropy": (
        reference.binary_cross_entropy, (P, T, T), lambda: F.binary_cross_entropy(P, T, T),
    ),
    "conv2d": (
        reference.conv2d, (IMAGE, KERNEL, B, 2, 1, 2),
        lambda: F.conv2d(IMAGE, KERNEL, B, stride=2, padding=1, dilation=2),
    ),
    "conv2d_relu_max_pool2d": (
        reference.conv2d_relu_max_pool2d, (IMAGE, KERNEL, B, 1, 1, 1, 1, 3),
        lambda: F.relu(F.max_pool2d(F.conv2d(IMAGE, KERNEL, B, padding=1), 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    function, arguments, formula = FORMULAS[name]
    assert_equal(function(*arguments), formula())


@every_dtype
def test_pool_then_relu_is_relu_then_pool(dtype):
    """Fusing layers in either order relies on this; max and ReLU are monotonic."""
    image = torch.randn(2, 3, 9, 8).to(dtype)
    assert_equal(F.relu(F.max_pool2d(image, 2)), F.max_pool2d(F.relu(image), 2))
