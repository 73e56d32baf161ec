"""The table of the reader counts what was said."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.recognition.recognizer import Digit, Prediction
from inkgrad_bench import reader


def _said(text: str, confidence: float) -> Prediction:
    probabilities = np.full(10, (1 - confidence) / 10, np.float32)
    digits = []
    for one in text:
        own = probabilities.copy()
        own[int(one)] = confidence
        digits.append(Digit(int(one), own, (0, 0, 1, 1)))
    label = int(text) if len(text) == 1 else None
    kind = {0: "other", 1: "digit"}.get(len(text), "number")
    return Prediction(label, probabilities, np.zeros((28, 28)), 0.0, kind, tuple(digits))


def test_a_row_counts_right_none_and_sure() -> None:
    said = [_said("4", 0.99), _said("5", 0.95), _said("5", 0.5), _said("", 0)]
    row = reader._row("digits", [(one, "4") for one in said])
    assert (row.count, row.right, row.none, row.sure) == (4, 0.25, 0.25, 0.25)
    row = reader._row("letters", [(_said("4", 0.99), None), (_said("", 0), None)])
    assert (row.right, row.none, row.sure) == (None, 0.5, 0.5)


def test_confidence_that_is_right_has_no_calibration_error() -> None:
    answers = [(_said("1", 0.75), "1" if n % 4 else "2") for n in range(400)]
    assert reader._calibration_error(answers) == pytest.approx(0, abs=0.02)
    assert reader._calibration_error([(_said("1", 0.9), "2")] * 50) == pytest.approx(0.9, abs=0.01)
