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


@pytest.fixture(autouse=True)
def fresh_dynamo() -> None:
    torch._dynamo.reset()


def call_of(model: nn.Module, how: str) -> Callable[[Tensor], Tensor]:
    return inkgrad.patch(model) if how == "patched" else inkgrad.compile(model, then="eager")


def results(model: nn.Module, call: Callable[[Tensor], Tensor], input: Tensor) -> list[Tensor]:
    """Output, gradient of the input and of every parameter."""
    torch.manual_seed(3)  # dropout
    model.zero_grad()
    input = input.clone().requires_grad_()
    output = call(input)
    output.square().sum().backward()
    return [output.detach(), input.grad, *(p.grad.clone() for p in model.parameters())]


def compare(make: Callable[[], nn.Module], how: str, input: Tensor) -> None:
    torch.manual_seed(0)
    native = make().double()
    ours = copy.deepcopy(native)
    call = call_of(ours, how)
    for training in (True, False):
        native.train(training)
        ours.train(training)
        assert_close(results(ours, call, input), results(native, native, input))
    with torch.no_grad():
        assert_close(call(input), native(input))
    assert_close(ours.state_dict(), native.state_dict())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("how", ["patched", "compiled"])
def test_small_models(name: str, how: str) -> None:
    make, size = SMALL[name]
    compare(make, how, torch.rand(3, *size, dtype=torch.float64))


@pytest.mark.parametrize("name", ["lenet", "normed", "dcgan", "u-net"])
@pytest.mark.parametrize("how", ["patched", "compiled"])
def test_channels_last(name: str, how: str) -> None:
    make, size = SMALL[name]
    input = torch.rand(3, *size, dtype=torch.float64)
    compare(
        lambda: make().to(memory_format=torch.channels_last),
        how,
        input.to(memory_format=torch.channels_last),
    )


@pytest.mark.parametrize("name", ["lenet", "normed", "u-net", "siamese", "autoencoder"])
@pytest.mark.parametrize("how", ["patched", "compiled"])
def test_autocast(name: str, how: str) -> None:
    """In bfloat16 the error against float64 is at most twice native's."""
    make, size = SMALL[name]
    torch.manual_seed(0)
    native = make().eval()
    exact, ours = copy.deepcopy(native).double(), copy.deepcopy(native)
    call = call_of(ours, how)
    input = torch.rand(3, *size)
    expected = results(exact, exact, input.double())
    with torch.autocast("cpu", torch.bfloat16):
        found, others = results(ours, call, input), results(native, native, input)
    for one, other, right in zip(found, others, expected, strict=True):
        floor = 1e-2 * right.norm()
        assert (one - right).norm() <= 2 * (other - right).norm() + floor


@pytest.mark.parametrize("name", TORCHVISION)
def test_models_of_torchvision(name: str) -> None:
    pytest.importorskip("torchvision")
    make, size = TORCHVISION[name]
    compare(make, "patched", torch.rand(2, *size, dtype=torch.float64))


@pytest.mark.parametrize("name", ["vgg11_bn", "resnet", "vision transformer"])
def test_compiled_models_of_torchvision(name: str) -> None:
    pytest.importorskip("torchvision")
    make, size = TORCHVISION[name]
    torch.manual_seed(0)
    native = make().double().eval()
    ours = copy.deepcopy(native)
    call = call_of(ours, "compiled")
    input = torch.rand(2, *size, dtype=torch.float64)
    assert_close(results(ours, call, input), results(native, native, input))


def test_features_of_a_patched_vgg() -> None:
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    native = TORCHVISION["vgg11_bn"][0]().eval()
    model = inkgrad.patch(copy.deepcopy(native))
    input = torch.rand(1, 3, 32, 32)
    nodes = ["features.0", "features.1", "features.4", "classifier.0"]
    with torch.no_grad():
        found = extraction.create_feature_extractor(model, nodes)(input)
        expected = extraction.create_feature_extractor(native, nodes)(input)
    assert_close(found, expected)
