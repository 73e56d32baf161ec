"""inkgrad.nn: parameters, state dicts, results and gradients are those of torch.nn."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import inkgrad.nn as inn

PAIRS = {
    "LinearSigmoid": (
        lambda: inn.LinearSigmoid(5, 3),
        lambda: nn.Sequential(nn.Linear(5, 3), nn.Sigmoid()),
        (4, 5),
    ),
    "LinearSigmoid without bias, 3-d": (
        lambda: inn.LinearSigmoid(5, 3, bias=False),
        lambda: nn.Sequential(nn.Linear(5, 3, bias=False), nn.Sigmoid()),
        (2, 4, 5),
    ),
    "LinearReLU": (
        lambda: inn.LinearReLU(5, 3),
        lambda: nn.Sequential(nn.Linear(5, 3), nn.ReLU()),
        (4, 5),
    ),
    "Conv2d": (
        lambda: inn.Conv2d(2, 4, 3, stride=(2, 1), padding=1, groups=2),
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, stride=(2, 1), padding=1, groups=2)),
        (3, 2, 7, 6),
    ),
    "ConvReluMaxPool2d": (
        lambda: inn.ConvReluMaxPool2d(1, 4, 5),
        lambda: nn.Sequential(nn.Conv2d(1, 4, 5), nn.MaxPool2d(2), nn.ReLU()),
        (2, 1, 12, 12),
    ),
    "ConvReluMaxPool2d with a window of 3 x 2": (
        lambda: inn.ConvReluMaxPool2d(2, 4, 3, padding="same", dilation=2, pool=(3, 2)),
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding="same", dilation=2), nn.ReLU(), nn.MaxPool2d((3, 2))
        ),
        (2, 2, 9, 8),
    ),
}


def _run(module: nn.Module, input: Tensor, grad_output: Tensor | None) -> list[Tensor]:
    """The output and the gradients of the input and every parameter."""
    input = input.clone().requires_grad_()
    output = module(input)
    grad_output = torch.ones_like(output) if grad_output is None else grad_output
    return [output, *torch.autograd.grad(output, [input, *module.parameters()], grad_output)]


@pytest.mark.parametrize("name", PAIRS)
def test_results_and_gradients_are_those_of_torch(name: str) -> None:
    make_fused, make_native, shape = PAIRS[name]
    torch.manual_seed(0)
    fused = make_fused().double()
    torch.manual_seed(0)
    native = make_native().double()
    # the same seed gives the same weights: initialization is torch's own
    assert_close(list(fused.parameters()), list(native.parameters()), rtol=0, atol=0)
    input = torch.randn(shape, dtype=torch.float64)
    grad_output = torch.randn_like(native(input))
    assert_close(_run(fused, input, grad_output), _run(native, input, grad_output))


@pytest.mark.parametrize("name", PAIRS)
def test_state_dicts_go_both_ways(name: str) -> None:
    make_fused, make_native, _ = PAIRS[name]
    fused, native = make_fused(), make_native()[0]
    fused.load_state_dict(native.state_dict())
    native.load_state_dict(fused.state_dict())
    assert list(fused.state_dict()) == list(native.state_dict())


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_compute_the_same(name: str, duplicate) -> None:
    make_fused, _, shape = PAIRS[name]
    fused = make_fused()
    input = torch.randn(shape)
    assert_close(duplicate(fused)(input), fused(input), rtol=0, atol=0)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [1, (2, 1), "same", "valid"])
@pytest.mark.parametrize("kernel_size", [3, (2, 5)])
def test_every_padding_mode(padding_mode: str, padding, kernel_size) -> None:
    options = {"kernel_size": kernel_size, "padding": padding, "padding_mode": padding_mode}
    native = nn.Conv2d(2, 3, **options)
    conv, pooled = inn.Conv2d(2, 3, **options), inn.ConvReluMaxPool2d(2, 3, **options)
    conv.load_state_dict(native.state_dict())
    pooled.load_state_dict(native.state_dict())
    for shape in [(2, 2, 8, 9), (2, 8, 9)]:  # a batch, and one image without a batch
        input = torch.randn(shape)
        expected = native(input)
        assert_close(conv(input), expected)
        assert_close(pooled(input), torch.relu(nn.functional.max_pool2d(expected, 2)))


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("weighted", [False, True])
def test_bce_loss(reduction: str, weighted: bool) -> None:
    weight = torch.rand(3) if weighted else None
    fused, native = (cls(weight, reduction=reduction) for cls in (inn.BCELoss, nn.BCELoss))
    input, target = torch.rand(4, 3), torch.rand(4, 3)
    grad_output = torch.rand_like(native(input, target))
    for loss in (fused, native):
        assert list(loss.state_dict()) == (["weight"] if weighted else [])

    def run(loss: nn.Module) -> tuple[Tensor, ...]:
        leaf = input.clone().requires_grad_()
        output = loss(leaf, target)
        return (output, *torch.autograd.grad(output, leaf, grad_output))

    assert_close(run(fused), run(native))


def test_bce_loss_keeps_the_legacy_arguments() -> None:
    with pytest.warns(UserWarning, match="size_average and reduce"):
        loss = inn.BCELoss(size_average=False)
    assert loss.reduction == "sum"


def test_repr_shows_the_pool() -> None:
    assert repr(inn.ConvReluMaxPool2d(1, 10, 5, pool=3)) == (
        "ConvReluMaxPool2d(1, 10, kernel_size=(5, 5), stride=(1, 1), pool=3)"
    )
