"""A chain gives the loss, the gradients and the updates that autograd and torch.optim give."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import inkgrad.nn as ink
from inkgrad.chain import Chain
from inkgrad.chain_layers import calls_of
from inkgrad.device_chain import LateLoss, Reports, check_linear
from inkgrad.extension import LOADED

pytestmark = pytest.mark.skipif(LOADED.module is None, reason="needs the compiled kernels")

Layers = list[nn.Module]


def diabetes() -> Layers:
    return [ink.LinearSigmoid(8, 6), ink.LinearSigmoid(6, 4), ink.LinearSigmoid(4, 1)]


def two_outputs() -> Layers:
    return [ink.LinearReLU(33, 17, bias=False), ink.LinearSigmoid(17, 2)]


def wide() -> Layers:
    return [ink.Standardize(0.1, 0.3), ink.LinearReLU(33, 17, bias=False), nn.Linear(17, 10)]


def images() -> Layers:
    return [
        ink.Standardize(0.1, 0.3),
        ink.ConvReluMaxPool2d(1, 3, kernel_size=3, padding=1),
        ink.ConvReluMaxPool2d(3, 5, kernel_size=(2, 3), bias=False, pool=(2, 1)),
        nn.Flatten(),
        nn.Linear(5 * 3 * 5, 4),
    ]


def deep() -> Layers:
    """Convolutions of both kinds, ReLU after them, after a linear layer and at the beginning."""
    return [
        nn.ReLU(),
        ink.Conv2d(3, 20, kernel_size=3, padding=1),
        nn.ReLU(),
        ink.ConvReluMaxPool2d(20, 6, kernel_size=3),
        nn.Conv2d(6, 5, kernel_size=2, stride=(2, 1), dilation=(1, 2), bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(5, 10, kernel_size=1, groups=5),
        nn.Flatten(),
        nn.Linear(60, 9),
        nn.ReLU(),
        nn.Linear(9, 4),
    ]


# Layers, inputs, and classes; None: as many probabilities as the last layer has outputs.
CASES: dict[str, tuple[Any, tuple[int, ...], int | None]] = {
    "diabetes": (diabetes, (8,), None),
    "two outputs": (two_outputs, (33,), None),
    "wide": (wide, (33,), 10),
    "images": (images, (1, 14, 14), 4),
    "deep": (deep, (3, 12, 12), 4),
}


# Those that there is a kernel for; autograd trains the others.
ON_CUDA = ("diabetes", "two outputs")
CPU = torch.device("cpu")


def problem(
    name: str, examples: int, device: torch.device = CPU
) -> tuple[Layers, Tensor, Tensor, nn.Module]:
    if device.type == "cuda" and (name not in ON_CUDA or not LOADED.cuda.loaded):
        pytest.skip("no such chain on CUDA")
    make, shape, classes = CASES[name]
    with torch.random.fork_rng():
        torch.manual_seed(examples)
        layers = [layer.to(device) for layer in make()]
        inputs = torch.rand(examples, *shape).to(device)
        if classes is None:
            targets = torch.rand(examples, layers[-1].out_features).round()
            return layers, inputs, targets.to(device), ink.BCELoss()
        targets = torch.randint(classes, (examples,))
        return layers, inputs, targets.to(device), nn.CrossEntropyLoss()


@pytest.mark.core
@pytest.mark.parametrize("examples", [1, 7, 16, 65, 130, 759])
@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradients_are_those_of_autograd(
    name: str, examples: int, device: torch.device
) -> None:
    layers, inputs, targets, criterion = problem(name, examples, device)
    chain = Chain(layers, criterion)
    loss = chain.backward(inputs, targets)

    model = nn.Sequential(*layers).double()
    expected = criterion_in_double(criterion, model(inputs.double()).flatten(1), targets)
    gradients = torch.autograd.grad(expected, list(model.parameters()))
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    for ours, wanted in zip(chain.gradients(), gradients, strict=True):
        torch.testing.assert_close(ours.double(), wanted, rtol=1e-5, atol=1e-6)


def criterion_in_double(criterion: nn.Module, output: Tensor, targets: Tensor) -> Tensor:
    if isinstance(criterion, nn.CrossEntropyLoss):
        return F.cross_entropy(output, targets, reduction=criterion.reduction)
    reduction = str(criterion.reduction)
    return F.binary_cross_entropy(output, targets.double(), reduction=reduction)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9}, {"momentum": 0.5, "weight_decay": 0.1}], ids=str
)
def test_steps_are_those_of_sgd(
    name: str, settings: dict[str, float], device: torch.device
) -> None:
    layers, inputs, targets, criterion = problem(name, 50, device)
    same = problem(name, 50, device)[0]
    chain = Chain(layers, criterion)
    model = nn.Sequential(*same)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, **settings)
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    for rows in order.split(12):
        loss = chain.step(inputs, targets, rows, lr=0.3, **settings)
        optimizer.zero_grad()
        expected = criterion(model(inputs[rows]), targets[rows])
        expected.backward()
        optimizer.step()
        assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(chain.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_momentum_is_where_it_says(device: torch.device) -> None:
    layers, inputs, targets, criterion = problem("diabetes", 20, device)
    chain = Chain(layers, criterion)
    assert not any(velocity.any() for velocity in chain.velocities())
    chain.step(inputs, targets, lr=0.1, momentum=0.9)
    for velocity, gradient in zip(chain.velocities(), chain.gradients(), strict=True):
        assert gradient is not None
        assert torch.equal(velocity, gradient)


@pytest.mark.parametrize("threads", [2, 3])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    def trained(count: int) -> list[Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            layers, inputs, targets, criterion = problem("diabetes", 9000)
            chain = Chain(layers, criterion)
            for _ in range(3):
                chain.step(inputs, targets, lr=0.5, momentum=0.9)
            return [p.detach() for p in chain.parameters()]
        finally:
            torch.set_num_threads(before)

    for one, many in zip(trained(1), trained(threads), strict=True):
        assert torch.equal(one, many)


@pytest.mark.parametrize("name", CASES)
def test_evaluation_in_chunks_changes_nothing(name: str, device: torch.device) -> None:
    layers, inputs, targets, criterion = problem(name, 50, device)
    chain = Chain(layers, criterion)
    with torch.no_grad():
        output = nn.Sequential(*layers)(inputs)
    if targets.is_floating_point():
        right = (output > 0.5) == (targets > 0.5)
    else:
        right = output.argmax(1) == targets
    weights = [p.detach().clone() for p in chain.parameters()]
    for chunk_size in (50, 7, 1000):
        loss, count = chain.evaluate(inputs, targets, chunk_size)
        assert loss == pytest.approx(criterion(output, targets).item(), rel=1e-5)
        assert count == int(right.sum())
    assert all(torch.equal(a, b) for a, b in zip(weights, chain.parameters(), strict=True))


@pytest.mark.core
@pytest.mark.parametrize("examples", [1, 7, 65])
@pytest.mark.parametrize("name", CASES)
def test_the_output_is_that_of_the_layers(name: str, examples: int) -> None:
    layers, inputs, _, criterion = problem(name, examples)
    before = inputs.clone()
    for chain in (Chain(layers), Chain(layers, criterion)):
        output = chain.forward(inputs)
        assert not output.requires_grad
        torch.testing.assert_close(output, nn.Sequential(*layers)(inputs), rtol=1e-5, atol=1e-6)
    assert torch.equal(inputs, before)


def test_the_output_follows_the_weights_and_takes_pixels() -> None:
    layers, inputs, _, _ = problem("images", 3)
    chain = Chain(layers)
    pixels = (255 * inputs).to(torch.uint8)
    for _ in range(2):
        expected = nn.Sequential(*layers)(pixels / 255)
        torch.testing.assert_close(chain.forward(pixels), expected, rtol=1e-5, atol=1e-6)
        layers[1].weight.data.neg_()  # no version counter sees this
    with torch.inference_mode():
        assert torch.equal(chain.forward(pixels), chain.forward(pixels))


def test_relu_of_special_values_is_torchs() -> None:
    layers, inputs, _, _ = problem("deep", 4)
    values = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    inputs[0, 0, 0, :4] = values
    expected = nn.Sequential(*layers)(inputs)
    torch.testing.assert_close(
        Chain(layers).forward(inputs), expected, rtol=1e-5, atol=1e-6, equal_nan=True
    )
    relu = nn.Sequential(nn.ReLU(), linear := nn.Linear(4, 4, bias=False))
    linear.weight.data = torch.eye(4)
    assert Chain(relu).forward(values[None, 1:2].expand(1, 4)).isnan().any()  # inf * 0
    assert torch.equal(Chain(relu).forward(values[None, 2:].repeat(1, 2)), torch.zeros(1, 4))


def test_on_cuda_the_output_is_refused(device: torch.device) -> None:
    if device.type == "cpu":
        pytest.skip("on the CPU it is computed")
    layers, inputs, _, criterion = problem("diabetes", 4, device)
    with pytest.raises(ValueError, match="only trains"):
        Chain(layers, criterion).forward(inputs)
    with pytest.raises(ValueError, match="binary cross entropy"):
        Chain(layers)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ON_CUDA])
def test_cuda_takes_linear_layers_only(name: str) -> None:
    for layer in CASES[name][0]():
        calls = calls_of([layer], CPU)
        if calls[0][0] == "linear":
            check_linear(calls)
            continue
        with pytest.raises(ValueError, match="all layers are linear"):
            check_linear(calls)


def test_without_a_criterion_a_chain_computes_outputs_only() -> None:
    layers, inputs, targets, _ = problem("wide", 4)
    chain = Chain(layers)
    calls = (
        lambda: chain.backward(inputs, targets),
        lambda: chain.step(inputs, targets, lr=0.1),
        lambda: chain.evaluate(inputs, targets),
    )
    for call in calls:
        with pytest.raises(ValueError, match="made without a criterion"):
            call()
    assert chain.is_finite
    chain.validate()


def test_many_threads_compute_outputs_at_once() -> None:
    layers, inputs, _, _ = problem("deep", 40)
    chain = Chain(layers)
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda _: chain.forward(inputs), range(40)))
    assert all(torch.equal(output, outputs[0]) for output in outputs)


def test_a_sum_is_a_sum(device: torch.device) -> None:
    layers, inputs, targets, _ = problem("diabetes", 30, device)
    mean, total = (Chain(layers, ink.BCELoss(reduction=r)) for r in ("mean", "sum"))
    assert total.backward(inputs, targets) == pytest.approx(30 * mean.backward(inputs, targets))
    for one, other in zip(total.gradients(), mean.gradients(), strict=True):
        torch.testing.assert_close(one, 30 * other)


def test_pixels_become_shares_of_255() -> None:
    layers, _, targets, criterion = problem("images", 6)
    pixels = torch.arange(6 * 14 * 14).remainder(256).to(torch.uint8).view(6, 1, 14, 14)
    chain = Chain(layers, criterion)
    assert chain.backward(pixels, targets) == chain.backward(pixels.float() / 255, targets)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", ["wide", "two outputs"])
def test_a_loss_that_is_not_finite_changes_nothing(
    name: str, value: float, device: torch.device
) -> None:
    layers, inputs, targets, criterion = problem(name, 8, device)
    chain = Chain(layers, criterion)
    chain.backward(inputs, targets)
    before = [t.clone() for t in [*chain.parameters(), *chain.gradients()]]
    inputs[3] = value
    loss = chain.step(inputs, targets, lr=0.1, momentum=0.9)
    assert not math.isfinite(float(loss))
    after = [*chain.parameters(), *chain.gradients()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert chain.is_finite
    with torch.no_grad():
        chain.parameters()[0][0, 0] = value
    assert not chain.is_finite


def test_autograd_notices_the_update(device: torch.device) -> None:
    layers, inputs, targets, criterion = problem("diabetes", 8, device)
    chain = Chain(layers, criterion)
    loss = criterion(nn.Sequential(*layers)(inputs), targets)
    chain.step(inputs, targets, lr=0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class Doubled(ink.ConvReluMaxPool2d):
    """Computes something else than its parent."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


@pytest.mark.parametrize(
    ("layers", "criterion", "message"),
    [
        ([Doubled(1, 1, 3)], nn.CrossEntropyLoss(), "layers of .* got Doubled"),
        ([nn.Linear(3, 1), nn.Tanh()], nn.CrossEntropyLoss(), "layers of .* got Tanh"),
        (
            [nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")],
            nn.CrossEntropyLoss(),
            "Conv2d.*number of zeros",
        ),
        (
            [ink.ConvReluMaxPool2d(1, 1, 3, padding="same")],
            nn.CrossEntropyLoss(),
            "ConvReluMaxPool2d.*number of zeros",
        ),
        (
            [nn.Linear(3, 1), nn.Flatten(0)],
            nn.CrossEntropyLoss(),
            r"Flatten.* expected Flatten\(1, -1\)",
        ),
        (
            [nn.Linear(3, 1).double()],
            nn.CrossEntropyLoss(),
            "float32 on cpu, got torch.float64",
        ),
        (
            [nn.Linear(3, 1, device="meta")],
            nn.CrossEntropyLoss(),
            "float32 on cpu, got .* on meta",
        ),
        ([nn.Linear(3, 1)], nn.MSELoss(), "or CrossEntropyLoss.* got MSELoss"),
        (
            [nn.Linear(3, 1)],
            nn.CrossEntropyLoss(label_smoothing=0.1),
            "or CrossEntropyLoss.* got CrossEntropyLoss",
        ),
        ([nn.Linear(3, 1)], nn.BCELoss(weight=torch.ones(1)), "mean or sum, got BCELoss"),
        ([nn.Linear(3, 1)], nn.BCELoss(reduction="none"), "mean or sum, got BCELoss"),
        ([nn.Flatten()], nn.CrossEntropyLoss(), "at least one layer with parameters"),
    ],
    ids=lambda value: str(value).replace("\n", ""),
)
def test_what_is_not_supported_is_refused(
    layers: Layers, criterion: nn.Module, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^chain: .*{message}"):
        Chain(layers, criterion)
    assert Chain.of(layers, criterion) is None


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (torch.rand(4, 7), torch.rand(4, 1), r"8 inputs got rows of 7"),
        (torch.rand(4, 8), torch.rand(4), r"expected float32 targets of the output's size"),
        (torch.rand(4, 8), torch.rand(4, 1) + 1, r"all elements of target should be between"),
        (torch.rand(4, 8).double(), torch.rand(4, 1), r"expected float32 or uint8 inputs"),
    ],
)
def test_bad_examples_are_named(
    inputs: Tensor, targets: Tensor, message: str, device: torch.device
) -> None:
    layers, _, _, criterion = problem("diabetes", 4, device)
    with pytest.raises((RuntimeError, TypeError), match=message):
        float(Chain(layers, criterion).step(inputs.to(device), targets.to(device), lr=0.1))


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_out_of_range_is_named(label: int) -> None:
    layers, inputs, targets, criterion = problem("wide", 4)
    targets[2] = label
    with pytest.raises(IndexError, match=rf"Target {label} is out of bounds"):
        Chain(layers, criterion).backward(inputs, targets)


@pytest.mark.parametrize("rows", [[0, 4], [-5]])
@pytest.mark.parametrize("name", ["wide", "two outputs"])
def test_rows_out_of_range_are_refused(name: str, rows: list[int], device: torch.device) -> None:
    layers, inputs, targets, criterion = problem(name, 4, device)
    with pytest.raises((RuntimeError, IndexError), match=r"out of (range|bounds)"):
        Chain(layers, criterion).backward(inputs, targets, torch.tensor(rows, device=device))


@pytest.mark.parametrize("name", CASES)
def test_no_examples_are_refused(name: str, device: torch.device) -> None:
    layers, inputs, targets, criterion = problem(name, 4, device)
    chain = Chain(layers, criterion)
    for rows in (torch.empty(0, dtype=torch.int64), None):
        empty = (
            (inputs, targets, rows.to(device))
            if rows is not None
            else (inputs[:0], targets[:0], None)
        )
        with pytest.raises(ValueError, match="expected at least one example"):
            chain.step(*empty, lr=0.1)
    if device.type == "cpu":
        with pytest.raises(ValueError, match="expected at least one example"):
            chain.forward(inputs[:0])
    with pytest.raises(ValueError, match="expected at least one example"):
        chain.evaluate(inputs[:0], targets[:0])
    with pytest.raises(ValueError, match="positive chunk_size, got 0"):
        chain.evaluate(inputs, targets, 0)


def test_what_has_no_kernel_is_no_chain_on_cuda() -> None:
    """Then :mod:`inkgrad.course.training.steps` trains it by autograd."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    bce, cross_entropy = ink.BCELoss(), nn.CrossEntropyLoss()
    for layers, criterion in (
        (images(), cross_entropy),
        (wide(), cross_entropy),
        ([nn.Linear(8, 6)], cross_entropy),
        ([ink.LinearSigmoid(784, 1)], bce),
        ([ink.LinearSigmoid(8, 6), ink.LinearSigmoid(7, 1)], bce),
        ([ink.LinearSigmoid(8, 1)] + [ink.LinearSigmoid(1, 1)] * 8, bce),
    ):
        assert Chain.of([layer.cuda() for layer in layers], criterion) is None


def test_a_step_on_cuda_waits_for_nothing(device: torch.device) -> None:
    """A loss that is read late is still that of its step."""
    layers, inputs, targets, criterion = problem("diabetes", 40, device)
    chain = Chain(layers, criterion)
    late = [chain.step(inputs, targets, lr=0.1) for _ in range(600)]
    assert {type(loss) for loss in late} == {LateLoss if device.type == "cuda" else float}
    losses = [float(loss) for loss in late]
    assert len(set(losses)) > 500
    assert losses[-1] < losses[0]
    again = Chain(problem("diabetes", 40, device)[0], criterion)
    assert [float(again.step(inputs, targets, lr=0.1)) for _ in range(600)] == losses


def test_late_losses_are_read_as_far_as_they_are_written() -> None:
    reports = Reports(CPU)
    losses: list[LateLoss] = []
    while not reports.is_full:
        report, loss = reports.add()
        report.copy_(torch.tensor([len(losses) + 0.5, 3, 0, 0]))
        losses.append(loss)
        if len(losses) in (1, 2, 100):
            assert loss.read() == (len(losses) - 0.5, 3)
    assert [float(loss) for loss in losses] == [i + 0.5 for i in range(len(losses))]


@pytest.mark.parametrize(
    ("report", "error"), [([0, 0, 1, 0], IndexError), ([0, 0, 0, 1], RuntimeError)]
)
def test_a_refused_step_is_an_error_once_its_loss_is_asked_for(
    report: list[float], error: type[Exception]
) -> None:
    memory, loss = Reports(CPU).add()
    memory.copy_(torch.tensor(report))
    with pytest.raises(error, match=r"range|between 0 and 1"):
        float(loss)
