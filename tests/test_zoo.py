"""Whole models, patched and compiled, against themselves: outputs and gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import inkgrad
from zoo import SMALL, TORCHVISION


def results(model: nn.Module, call: Callable[[Tensor], Tensor], input: Tensor) -> list[Tensor]:
    """Output, gradient of the input and of every parameter."""
    torch.manual_seed(3)  # dropout
    model.zero_grad()
    input = input.clone().requires_grad_()
    output = call(input)
    output.square().sum().backward()
    return [output.detach(), input.grad, *(p.grad.clone() for p in model.parameters())]


def compare(
    native: nn.Module, ours: nn.Module, call: Callable[[Tensor], Tensor], input: Tensor
) -> None:
    for mode in (True, False):
        native.train(mode)
        ours.train(mode)
        assert_close(results(ours, call, input), results(native, native, input))
    with torch.no_grad():
        assert_close(call(input), native(input))
    assert_close(ours.state_dict(), native.state_dict())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("how", ["patched", "compiled"])
def test_small_models(name: str, how: str, memory_format: torch.memory_format) -> None:
    make, size = SMALL[name]
    torch.manual_seed(0)
    native = make().double()
    ours = copy.deepcopy(native)
    input = torch.rand(3, *size, dtype=torch.float64).to(memory_format=memory_format)
    call = inkgrad.patch(ours) if how == "patched" else inkgrad.compile(ours, then="eager")
    compare(native, ours, call, input)


@pytest.mark.parametrize("name", ["lenet", "u-net", "siamese"])
@pytest.mark.parametrize("how", ["patched", "compiled"])
def test_autocast(name: str, how: str) -> None:
    make, size = SMALL[name]
    torch.manual_seed(0)
    native = make()
    ours = copy.deepcopy(native)
    call = inkgrad.patch(ours) if how == "patched" else inkgrad.compile(ours, then="eager")
    input = torch.rand(3, *size)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert_close(call(input), native(input), rtol=0.1, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCHVISION)
def test_models_of_torchvision(name: str) -> None:
    pytest.importorskip("torchvision")
    make, size = TORCHVISION[name]
    torch.manual_seed(0)
    native = make().double()
    ours = inkgrad.patch(copy.deepcopy(native))
    compare(native, ours, ours, torch.rand(2, *size, dtype=torch.float64))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg11", "alexnet"])
def test_compiled_models_of_torchvision(name: str) -> None:
    pytest.importorskip("torchvision")
    make, size = TORCHVISION[name]
    torch.manual_seed(0)
    native = make().double().eval()
    ours = copy.deepcopy(native)
    call = inkgrad.compile(ours, then="eager")
    input = torch.rand(2, *size, dtype=torch.float64)
    assert_close(results(ours, call, input), results(native, native, input))


@pytest.mark.slow
def test_features_of_a_patched_vgg() -> None:
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    native = TORCHVISION["vgg11"][0]().eval()
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(1, 3, 32, 32)
    nodes = ["features.0", "features.1", "features.4", "classifier.0"]
    with torch.no_grad():
        found = extraction.create_feature_extractor(model, nodes)(input)
        expected = extraction.create_feature_extractor(native, nodes)(input)
    assert_close(found, expected)
