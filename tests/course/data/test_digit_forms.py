"""Digits in other forms keep their labels, and repeat with the same random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inkgrad.course.data import digit_forms
from inkgrad.course.data.datasets import Data


@pytest.mark.parametrize("form", [digit_forms.drawn, digit_forms.coarse])
def test_a_form_is_made_of_the_digits(form: object, few_digits: Data) -> None:
    def made() -> object:
        drawings = form(few_digits.train, 12, np.random.default_rng(0))  # type: ignore[operator]
        return digit_forms.examples(drawings)

    one, same = made(), made()
    assert one.inputs.shape[1:] == (1, 28, 28)
    assert len(one) >= 10
    assert torch.equal(one.inputs, same.inputs)
    assert torch.equal(one.targets, same.targets)
    assert set(one.targets.tolist()) <= set(range(10))
