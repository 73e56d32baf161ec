"""The images behind a confusion matrix: the first few of each cell, kept to look at later."""

from __future__ import annotations

import os
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from inkgrad.course import tensor_file
from inkgrad.course.data.datasets import Examples
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import message
from inkgrad.course.models import DigitModel
from inkgrad.course.training.steps import CHUNK

MAX_IMAGES = 20
"""Per cell; 1.6 MB for a hundred cells."""


@dataclass(frozen=True)
class ConfusionImages:
    """``images``, uint8 (N, 28, 28), with their ``labels`` and the model's ``predictions``."""

    images: Tensor
    labels: Tensor
    predictions: Tensor

    def in_cell(self, label: int, prediction: int) -> Tensor:
        """The images of one cell."""
        return self.images[(self.labels == label) & (self.predictions == prediction)]


@torch.no_grad()
def collect(model: DigitModel, examples: Examples) -> tuple[list[list[int]], ConfusionImages]:
    """Compute the confusion matrix of a model, rows being labels, and keep images of its cells.

    The model is left in eval mode.
    """
    model.eval()
    inputs = examples.inputs.split(CHUNK)
    predictions = torch.cat([model(Examples(x, x).as_float()).argmax(1) for x in inputs]).cpu()
    labels, images = examples.targets.cpu(), examples.inputs[:, 0].cpu()
    cells = 10 * labels + predictions
    kept = torch.cat([(cells == cell).nonzero()[:MAX_IMAGES, 0] for cell in range(100)])
    counts: list[list[int]] = torch.bincount(cells, minlength=100).view(10, 10).tolist()
    return counts, ConfusionImages(images[kept], labels[kept].byte(), predictions[kept].byte())


def save(path: str | os.PathLike[str], images: ConfusionImages) -> None:
    """Write the images in one step, as safetensors."""
    tensors = {name: tensor.contiguous() for name, tensor in vars(images).items()}
    write_atomically(path, safetensors.torch.save(tensors))


def load(path: str | os.PathLike[str]) -> ConfusionImages:
    """Load what :func:`save` wrote. OSError if there is none, ValueError if it is damaged."""
    try:
        tensors, _ = tensor_file.load(path)
        if "answers" in tensors:  # the name in earlier versions
            tensors["predictions"] = tensors.pop("answers")
        images = ConfusionImages(**tensors)
        count = len(images.images)
        if images.images.shape != (count, 28, 28) or images.images.dtype != torch.uint8:
            raise TypeError(f"images: {tuple(images.images.shape)}, {images.images.dtype}")
        for each in (images.labels, images.predictions):
            if each.shape != (count,):
                raise TypeError(f"expected {count} labels and predictions, got {len(each)}")
    except (SafetensorError, TypeError) as error:
        raise ValueError(message("problem.damaged", file=path, error=error)) from None
    return images
