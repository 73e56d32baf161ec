"""Every peer computes what native torch computes, from the same weights."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from inkgrad.course import models
from inkgrad_bench import peers, workloads

# They are the extra `peers`, which the tests do not need otherwise.
INSTALLED = [name for name in peers.PEERS if importlib.util.find_spec(name)]


def model_of(name: str) -> nn.Module:
    return models.build(name, "native", generator=torch.Generator().manual_seed(0))


@pytest.mark.skipif("onnxruntime" not in INSTALLED, reason="needs the extra `peers`")
def test_inference() -> None:
    peers.check(INSTALLED, [1])
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        expected = model_of("strong")(images)
    steps = peers.steps(INSTALLED, "inference", model_of("strong"), images, 1)
    assert list(steps) == INSTALLED
    for step in steps.values():
        np.testing.assert_allclose(np.asarray(step()), expected, atol=1e-5)


@pytest.mark.skipif("jax" not in INSTALLED, reason="needs the extra `peers`")
@pytest.mark.parametrize("name", ["diabetes", "softmax", "cnn"])
def test_training(name: str) -> None:
    peers.check(["jax"], [1])
    batch = workloads._random_data(name, 16).train
    inputs, targets = batch.as_float(), batch.targets
    native = workloads._eager_step(model_of(name), inputs, targets, 0.1)
    steps = peers.steps(INSTALLED, "training_step", model_of(name), inputs, targets, 0.1, 1)
    assert list(steps) == ["jax"]
    for _ in range(4):
        assert float(steps["jax"]()) == pytest.approx(native(), rel=1e-4)


def test_what_is_missing_is_named() -> None:
    missing = [name for name in peers.PEERS if name not in INSTALLED]
    for name in missing:
        with pytest.raises(ValueError, match=rf'{name}.*pip install "inkgrad\[peers\]"'):
            peers.check([name], [1])


def test_the_threads_of_jax_are_chosen_once() -> None:
    with pytest.raises(ValueError, match="jax takes its number of threads once"):
        peers.check(["jax"], [1, 2])
