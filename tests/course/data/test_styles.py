"""The drawn styles are digits as the networks see them, and training can be given them."""

from __future__ import annotations

from dataclasses import replace

import torch

from inkgrad.course.data.datasets import Data
from inkgrad.course.data.styles import STYLES, styled_examples
from inkgrad.course.settings import course_settings
from inkgrad.course.training.trainer import Trainer


def test_every_style_is_drawn_anew_each_time_with_its_label() -> None:
    images, labels = styled_examples(2, seed=0)
    assert images.shape == (2 * len(STYLES), 1, 28, 28)
    assert images.dtype == torch.uint8
    assert labels.tolist() == [label for label, _ in STYLES.values() for _ in range(2)]
    assert set(labels.tolist()) == set(range(10))
    assert len(images.flatten(1).unique(dim=0)) == len(images)
    assert (images.flatten(1).float().sum(1) / 255 > 15).all()


def test_the_seed_decides() -> None:
    assert torch.equal(styled_examples(1, seed=3)[0], styled_examples(1, seed=3)[0])
    assert not torch.equal(styled_examples(1, seed=3)[0], styled_examples(1, seed=4)[0])


def test_a_run_gets_them_to_train_with_and_not_to_be_tested_with(few_digits: Data) -> None:
    settings = course_settings("softmax", epochs=1)
    plain = Trainer(settings, few_digits)
    styled = Trainer(replace(settings, styles=True), few_digits)
    assert len(styled.train) == len(plain.train) + len(STYLES)
    assert torch.equal(styled.train.inputs[: len(plain.train)], plain.train.inputs)
    assert torch.equal(styled.validation.inputs, plain.validation.inputs)
    assert styled.train.inputs.dtype == torch.uint8
