"""The ops of :mod:`inkgrad.functional` in plain torch.

They are the fallback when the extension is not built, and the oracle that the kernels are tested
against.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_sigmoid(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute ``sigmoid(input @ weight.T + bias)`` with torch's ops."""
    return torch.sigmoid(F.linear(input, weight, bias))


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute ``relu(input @ weight.T + bias)`` with torch's ops."""
    return torch.relu(F.linear(input, weight, bias))


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Call :func:`torch.nn.functional.binary_cross_entropy`."""
    return F.binary_cross_entropy(input, target, weight, size_average, reduce, reduction)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Call :func:`torch.nn.functional.conv2d`."""
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def conv2d_relu_max_pool2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    kernel_size: int | tuple[int, int] = 2,
) -> Tensor:
    """Compute ``relu(max_pool2d(conv2d(...), kernel_size))`` with torch's ops."""
    convolved = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return torch.relu(F.max_pool2d(convolved, kernel_size))
