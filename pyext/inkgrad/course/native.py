"""The layers of :mod:`inkgrad.nn` with torch's own ops, for ``backend="native"``.

Same names, constructor arguments and parameters; one formula per layer.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BCELoss = nn.BCELoss
Conv2d = nn.Conv2d


class LinearSigmoid(nn.Linear):
    """sigmoid(x Wᵀ + b)."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.sigmoid(F.linear(input, self.weight, self.bias))


class LinearReLU(nn.Linear):
    """relu(x Wᵀ + b)."""

    def forward(self, input: Tensor) -> Tensor:
        return torch.relu(F.linear(input, self.weight, self.bias))


class ConvReluMaxPool2d(nn.Conv2d):
    """relu(max_pool2d(conv2d(x), pool))."""

    def __init__(self, *args: Any, pool: int | tuple[int, int] = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pool = pool

    def forward(self, input: Tensor) -> Tensor:
        convolved = super().forward(input)
        return torch.relu(F.max_pool2d(convolved, self.pool))
