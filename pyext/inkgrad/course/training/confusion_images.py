"""The images behind a confusion matrix: the first few of each cell, kept to look at later."""

from __future__ import annotations

import os
from dataclasses import dataclass

import safetensors.torch
import torch
from torch import Tensor

from inkgrad.course.data.datasets import Examples
from inkgrad.course.files import write_atomically
from inkgrad.course.models import DigitModel
from inkgrad.course.training.steps import CHUNK

MOST = 20
"""Of one cell; of a hundred cells that is 1.6 MB."""


@dataclass(frozen=True)
class Cells:
    """``images`` uint8 (N, 28, 28), what they show (``labels``) and were read as (``answers``)."""

    images: Tensor
    labels: Tensor
    answers: Tensor

    def of(self, label: int, answer: int) -> Tensor:
        """The images of one cell."""
        return self.images[(self.labels == label) & (self.answers == answer)]


@torch.no_grad()
def judge(model: DigitModel, examples: Examples) -> tuple[list[list[int]], Cells]:
    """The confusion matrix of a model, rows being labels, and images of its cells.

    The model is left in eval mode.
    """
    model.eval()
    inputs = examples.inputs.split(CHUNK)
    answers = torch.cat([model(Examples(x, x).as_float()).argmax(1) for x in inputs]).cpu()
    labels, images = examples.targets.cpu(), examples.inputs[:, 0].cpu()
    place = 10 * labels + answers
    kept = torch.cat([(place == cell).nonzero()[:MOST, 0] for cell in range(100)])
    counts: list[list[int]] = torch.bincount(place, minlength=100).view(10, 10).tolist()
    return counts, Cells(images[kept], labels[kept].byte(), answers[kept].byte())


def save(path: str | os.PathLike[str], cells: Cells) -> None:
    """Write them in one step, as safetensors."""
    tensors = {name: tensor.contiguous() for name, tensor in vars(cells).items()}
    write_atomically(path, safetensors.torch.save(tensors))


def load(path: str | os.PathLike[str]) -> Cells:
    """What :func:`save` wrote. OSError where there is no such file."""
    with open(path, "rb") as file:
        return Cells(**safetensors.torch.load(file.read()))
