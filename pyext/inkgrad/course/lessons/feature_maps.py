"""Lesson 10: the network's feature maps, one operation after the other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

import inkgrad.functional as F
from inkgrad.course.models import DigitCNN


class FeatureMaps(NamedTuple):
    """The feature maps of one picture, (channels, height, width), and the answer."""

    input: Tensor  # standardized
    conv1: Tensor
    pool1: Tensor  # after ReLU too
    conv2: Tensor
    pool2: Tensor
    probabilities: Tensor  # (10,)


@torch.no_grad()
def feature_maps(model: DigitCNN, picture: Tensor) -> FeatureMaps:
    """Compute what the network does with a picture, (28, 28) in [0, 1], one op after the other."""
    x = model.standardize(picture[None, None])
    conv1 = F.conv2d(x, model.conv1.weight, model.conv1.bias)
    pool1 = nn.functional.max_pool2d(conv1, 2).relu()
    conv2 = F.conv2d(pool1, model.conv2.weight, model.conv2.bias)
    pool2 = nn.functional.max_pool2d(conv2, 2).relu()
    probabilities = model.fc(pool2.flatten(1)).softmax(1)
    return FeatureMaps(*(each[0] for each in (x, conv1, pool1, conv2, pool2, probabilities)))
