"""Modules over :mod:`inkgrad.functional` that stand in for those of :mod:`torch.nn`.

Each takes the constructor arguments of its torch parent, has the same parameters under the same
names with the same initialisation, and loads the parent's state dicts unchanged.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from inkgrad import functional
from inkgrad.sequential import Sequential, padded

__all__ = [
    "BCELoss",
    "Conv2d",
    "ConvReluMaxPool2d",
    "LinearReLU",
    "LinearSigmoid",
    "Sequential",
    "Standardise",
]


class LinearSigmoid(nn.Linear):
    """``sigmoid(x @ weight.T + bias)`` in one op: (*, in_features) -> (*, out_features).

    The state dict is that of :class:`torch.nn.Linear`.
    """

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear_sigmoid(input, self.weight, self.bias)


class LinearReLU(nn.Linear):
    """``relu(x @ weight.T + bias)`` in one op: (*, in_features) -> (*, out_features).

    The state dict is that of :class:`torch.nn.Linear`.
    """

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear_relu(input, self.weight, self.bias)


class Standardise(nn.Module):
    """``(x - mean) / std`` with two constants, any shape; no parameters."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, input: Tensor) -> Tensor:
        return (input - self.mean) / self.std

    def extra_repr(self) -> str:
        return f"{self.mean}, {self.std}"


class BCELoss(nn.BCELoss):
    """:class:`torch.nn.BCELoss`: binary cross entropy of probabilities and targets in [0, 1].

    Input and target have the same shape, any; the result is a scalar, or of that shape under
    ``reduction="none"``.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction
        )


class Conv2d(nn.Conv2d):
    """:class:`torch.nn.Conv2d`: (N, C, H, W) or (C, H, W) images, every ``padding_mode``."""

    stride: tuple[int, int]
    dilation: tuple[int, int]

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        input, padding = padded(self, input)
        return functional.conv2d(
            input, weight, bias, self.stride, padding, self.dilation, self.groups
        )


class ConvReluMaxPool2d(Conv2d):
    """``relu(max_pool2d(conv2d(x), pool))`` in one op, which equals pooling after the ReLU.

    The arguments are those of :class:`torch.nn.Conv2d`, and ``pool``: the size of the pooling
    window, an int or (height, width), which is its stride as well. The state dict is that of
    :class:`torch.nn.Conv2d`.
    """

    def __init__(self, *args: Any, pool: int | tuple[int, int] = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pool = pool

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        input, padding = padded(self, input)
        return functional.conv2d_relu_max_pool2d(
            input, weight, bias, self.stride, padding, self.dilation, self.groups, self.pool
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, pool={self.pool}"
