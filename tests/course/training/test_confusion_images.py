"""The images behind a confusion matrix: the first of each cell, saved and loaded unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inkgrad.course import models
from inkgrad.course.data.datasets import Examples, digits
from inkgrad.course.training import confusion_images
from inkgrad.course.training.steps import confusion_matrix


@pytest.fixture(scope="module")
def untrained() -> models.DigitModel:
    model = models.build("softmax", "native", generator=torch.Generator().manual_seed(1))
    assert isinstance(model, models.DigitModel)
    return model


def test_counts_are_those_of_the_confusion_matrix(untrained) -> None:
    examples = digits().train[:700]
    counts, found = confusion_images.collect(untrained, examples)
    assert counts == confusion_matrix(untrained, examples)
    for label in range(10):
        for prediction in range(10):
            assert len(found.in_cell(label, prediction)) == min(
                counts[label][prediction], confusion_images.MAX_IMAGES
            )


def test_the_first_images_of_a_cell_are_kept(untrained) -> None:
    examples = digits().train[:300]
    _, found = confusion_images.collect(untrained, examples)
    with torch.no_grad():
        predictions = untrained(examples.as_float()).argmax(1)
    number = int(predictions.bincount().argmax())
    mine = (predictions == number) & (examples.targets == 3)
    assert torch.equal(
        found.in_cell(3, number), examples.inputs[mine, 0][: confusion_images.MAX_IMAGES]
    )


def test_they_come_back_as_they_were_saved(untrained, tmp_path: Path) -> None:
    nothing = digits().train[:0]
    for examples in (digits().train[:50], Examples(nothing.inputs, nothing.targets)):
        _, found = confusion_images.collect(untrained, examples)
        confusion_images.save(tmp_path / "cells", found)
        again = confusion_images.load(tmp_path / "cells")
        for name, tensor in vars(found).items():
            assert torch.equal(getattr(again, name), tensor), name
