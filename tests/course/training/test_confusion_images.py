"""The images behind a confusion matrix: the right ones, not too many, and as they were saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inkgrad.course import models
from inkgrad.course.data.datasets import Examples, digits
from inkgrad.course.training import confusion_images as cells
from inkgrad.course.training.steps import confusion


@pytest.fixture(scope="module")
def untrained() -> models.DigitModel:
    model = models.build("softmax", "native", generator=torch.Generator().manual_seed(1))
    assert isinstance(model, models.DigitModel)
    return model


def test_counts_are_those_of_the_confusion_matrix(untrained) -> None:
    examples = digits().train[:700]
    counts, found = cells.judge(untrained, examples)
    assert counts == confusion(untrained, examples)
    for label in range(10):
        for answer in range(10):
            assert len(found.of(label, answer)) == min(counts[label][answer], cells.MOST)


def test_the_first_images_of_a_cell_are_kept(untrained) -> None:
    examples = digits().train[:300]
    _, found = cells.judge(untrained, examples)
    with torch.no_grad():
        answers = untrained(examples.as_float()).argmax(1)
    number = int(answers.bincount().argmax())
    mine = (answers == number) & (examples.targets == 3)
    assert torch.equal(found.of(3, number), examples.inputs[mine, 0][: cells.MOST])


def test_they_come_back_as_they_were_saved(untrained, tmp_path: Path) -> None:
    nothing = digits().train[:0]
    for examples in (digits().train[:50], Examples(nothing.inputs, nothing.targets)):
        _, found = cells.judge(untrained, examples)
        cells.save(tmp_path / "cells", found)
        again = cells.load(tmp_path / "cells")
        for name, tensor in vars(found).items():
            assert torch.equal(getattr(again, name), tensor), name
