"""Models as people build them, from random weights: what patch and the compile backend meet."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from inkgrad_bench.small_networks import SMALL

__all__ = ["SMALL", "TORCHVISION"]


def _features(name: str) -> nn.Module:
    """An image network of torchvision with a small head; the real one has 100 million weights."""
    from torchvision import models

    with torch.device("meta"):
        model = models.get_model(name, weights=None)
    model.avgpool = nn.AdaptiveAvgPool2d(1)
    channels = [m.out_channels for m in model.features.modules() if isinstance(m, nn.Conv2d)][-1]
    model.classifier = nn.Sequential(
        nn.Linear(channels, 16), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(16, 5)
    )
    model.features.to_empty(device="cpu")
    for module in model.features.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d)):
            module.reset_parameters()
    return model


def _residual() -> nn.Module:
    from torchvision.models import resnet

    return resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)


def _dense() -> nn.Module:
    from torchvision.models import DenseNet

    return DenseNet(8, (2, 2, 2), 16, num_classes=5)


def _transformer() -> nn.Module:
    from torchvision.models import VisionTransformer

    return VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)


def _mobile() -> nn.Module:
    from torchvision.models import mobilenet_v3_small

    return mobilenet_v3_small(num_classes=5, width_mult=0.5)


def _squeeze() -> nn.Module:
    from torchvision.models import squeezenet1_1

    return squeezenet1_1(num_classes=5)


# One of each kind, with few layers, at the smallest input that works.
TORCHVISION: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "alexnet": (lambda: _features("alexnet"), (3, 63, 63)),
    "vgg11_bn": (lambda: _features("vgg11_bn"), (3, 32, 32)),
    "resnet": (_residual, (3, 32, 32)),
    "densenet": (_dense, (3, 32, 32)),
    "squeezenet1_1": (_squeeze, (3, 32, 32)),
    "mobilenet_v3": (_mobile, (3, 32, 32)),
    "vision transformer": (_transformer, (3, 32, 32)),
}
