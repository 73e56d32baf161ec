"""Fused ops with the signatures of :mod:`torch.nn.functional`."""

from inkgrad.reference import (
    binary_cross_entropy,
    conv2d,
    conv2d_relu_max_pool2d,
    linear_relu,
    linear_sigmoid,
)

__all__ = [
    "binary_cross_entropy",
    "conv2d",
    "conv2d_relu_max_pool2d",
    "linear_relu",
    "linear_sigmoid",
]
