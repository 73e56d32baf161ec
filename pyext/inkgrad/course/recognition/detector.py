"""Whether an image is a digit at all, by the features of the strong network.

A layer beside the network's own last two sees the maps of its last convolution and gives one logit.
It was trained together with the network, on digits and on images that are none
(:mod:`inkgrad.course.training.reader`).
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor, nn

from inkgrad.course.files import write_atomically

FEATURES = "conv4"  # the layer whose maps it sees
_WEIGHTS = Path(__file__).parents[1] / "weights" / "detector.safetensors"


class Detector(nn.Module):
    """Maps (N, 96, 5, 5) to the logit of being a digit, (N,)."""

    temperatures: Tensor

    def __init__(self, hidden: int = 64) -> None:
        super().__init__()
        self.linear1 = nn.Linear(96 * 5 * 5, hidden)
        self.linear2 = nn.Linear(hidden, 1)
        # Divides the logits of the digits, and those here, so that they are probabilities.
        self.register_buffer("temperatures", torch.ones(2))

    def forward(self, maps: Tensor) -> Tensor:
        return self.linear2(torch.relu(self.linear1(maps.flatten(1))))[:, 0]


def save(path: str | os.PathLike[str], detector: Detector, metadata: dict[str, object]) -> None:
    """Write the weights in half precision."""
    tensors = {name: each.half().contiguous() for name, each in detector.state_dict().items()}
    write_atomically(path, safetensors.torch.save(tensors, {"inkgrad": json.dumps(metadata)}))


@lru_cache(maxsize=1)
def load(path: str | os.PathLike[str] = _WEIGHTS) -> Detector:
    """Load the weights, those of the package by default, in eval mode."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    detector = Detector(len(tensors["linear1.weight"]))
    detector.load_state_dict(tensors)
    return detector.eval().requires_grad_(False)
