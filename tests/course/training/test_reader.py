"""The detector learns, on little data: digits are told from what is none."""

from __future__ import annotations

import argparse

import pytest
import torch

from inkgrad.course import weights_file
from inkgrad.course.data import glyphs
from inkgrad.course.data.datasets import Data
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training import reader


@pytest.mark.skipif(not glyphs.fonts(), reason="needs a font")
def test_digits_and_others_are_told_apart(
    few_digits: Data,
) -> None:
    pytest.importorskip("fontTools")
    digits = few_digits.train
    examples = reader._examples(digits, 300, 0, glyphs.fonts()[:2])
    is_none = examples.targets == reader._NONE
    assert int(is_none.sum()) == 300
    model, _ = weights_file.load(Recognizer.load("strong").path)
    detector = reader._train(model, examples, argparse.Namespace(seed=0, epochs=4))
    reader._calibrate(model, detector, digits, examples)
    logits = reader._outputs(model, detector, examples)[1]
    assert logits[~is_none].mean() > logits[is_none].mean() + 1
    own = reader._outputs(model, detector, digits)[1]
    assert (own < 0).float().mean() == pytest.approx(reader._LOST, abs=0.01)
    assert torch.isfinite(detector.temperatures).all()
