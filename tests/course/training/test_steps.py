"""The implementation of the steps is the fastest one for a model and its settings."""

from __future__ import annotations

import pytest
import torch

from inkgrad.course import models
from inkgrad.course.settings import course_settings
from inkgrad.course.training import steps
from inkgrad.extension import LOADED


@pytest.mark.skipif(LOADED.module is None, reason="needs the compiled kernels")
def test_the_fastest_steps_are_found(device: torch.device) -> None:
    """On CUDA too, where there is a kernel for the whole step; by autograd where there is none."""
    if device.type == "cuda" and not LOADED.cuda.loaded:
        pytest.skip("no CUDA kernels")
    kinds = {
        name: type(steps.steps_for(models.build(name).to(device), course_settings(name), 32))
        for name in models.MODELS
    }
    expected = {"logistic": steps.ChainSteps, "diabetes": steps.ChainSteps}
    if device.type == "cpu":
        expected |= dict.fromkeys(("softmax", "cnn", "strong"), steps.ChainSteps)
    assert kinds == {name: expected.get(name, steps.EagerSteps) for name in models.MODELS}
