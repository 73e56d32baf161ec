"""The ops of :mod:`inkgrad.functional` in plain torch.

One formula an op. They are the fallback where the extension was not built, and the oracle that the
kernels are tested against.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def linear_sigmoid(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.sigmoid(F.linear(input, weight, bias))


def linear_relu(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.relu(F.linear(input, weight, bias))


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
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
    convolved = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return torch.relu(F.max_pool2d(convolved, kernel_size))
