"""The network of lesson 10, taken apart."""

from __future__ import annotations

import torch

from inkgrad.course.lessons.feature_maps import feature_maps
from inkgrad.course.models import DigitCNN, build


def test_the_operations_one_by_one_give_what_the_network_gives() -> None:
    model = build("cnn", generator=torch.Generator().manual_seed(0))
    assert isinstance(model, DigitCNN)
    picture = torch.rand(28, 28, generator=torch.Generator().manual_seed(1))
    found = feature_maps(model, picture)
    logits, maps = model.forward_with_maps(picture[None, None])
    torch.testing.assert_close(found.pool1, maps["conv1"][0])
    torch.testing.assert_close(found.pool2, maps["conv2"][0])
    torch.testing.assert_close(found.probabilities, logits[0].softmax(0))
