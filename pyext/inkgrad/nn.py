"""Drop-in modules for :mod:`torch.nn` that run the fused ops of :mod:`inkgrad.functional`.

Each takes the constructor arguments of its torch parent, has the same parameter names and
initialization, and loads the parent's state dicts unchanged.
"""

from __future__ import annotations

import copy
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
    "Standardize",
]


class LinearSigmoid(nn.Linear):
    """Compute ``sigmoid(x @ weight.T + bias)`` in one op: (*, in_features) -> (*, out_features).

    Has the state dict of :class:`torch.nn.Linear`.
    """

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear_sigmoid(input, self.weight, self.bias)


class LinearReLU(nn.Linear):
    """Compute ``relu(x @ weight.T + bias)`` in one op: (*, in_features) -> (*, out_features).

    Has the state dict of :class:`torch.nn.Linear`.
    """

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear_relu(input, self.weight, self.bias)


class Standardize(nn.Module):
    """Compute ``(x - mean) / std`` with two constants, for any shape. Has no parameters."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std

    def forward(self, input: Tensor) -> Tensor:
        return (input - self.mean) / self.std

    def extra_repr(self) -> str:
        return f"{self.mean}, {self.std}"


class BCELoss(nn.BCELoss):
    """Compute the binary cross entropy of probabilities and targets in [0, 1].

    Same arguments as :class:`torch.nn.BCELoss`. Input and target have the same shape; the result is
    a scalar, or has that shape with ``reduction="none"``.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(
            input, target, weight=self.weight, reduction=self.reduction
        )


class Conv2d(nn.Conv2d):
    """Convolve images of shape (N, C, H, W) or (C, H, W), with every ``padding_mode``.

    Same arguments as :class:`torch.nn.Conv2d`.
    """

    stride: tuple[int, int]
    dilation: tuple[int, int]

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        input, padding = padded(self, input)
        return functional.conv2d(
            input, weight, bias, self.stride, padding, self.dilation, self.groups
        )

    def __prepare_scriptable__(self) -> nn.Module:
        """torch.jit.script compiles the native module."""
        native = copy.copy(self)
        native.__class__ = nn.Conv2d  # type: ignore[assignment]
        return native


class ConvReluMaxPool2d(Conv2d):
    """Compute ``relu(max_pool2d(conv2d(x), pool))`` in one op.

    This equals ``max_pool2d(relu(conv2d(x)), pool)``, since ReLU is monotonic. Takes the arguments
    of :class:`torch.nn.Conv2d` and ``pool``, the size and the stride of the pooling window: an int
    or (height, width). Has the state dict of :class:`torch.nn.Conv2d`.
    """

    def __init__(self, *args: Any, pool: int | tuple[int, int] = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pool = pool

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        input, padding = padded(self, input)
        return functional.conv2d_relu_max_pool2d(
            input, weight, bias, self.stride, padding, self.dilation, self.groups, self.pool
        )

    def __prepare_scriptable__(self) -> nn.Module:
        """torch.jit.script compiles the native modules; parameters have the prefix ``0.``."""
        convolution = super().__prepare_scriptable__()
        return nn.Sequential(convolution, nn.MaxPool2d(self.pool), nn.ReLU())

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, pool={self.pool}"
