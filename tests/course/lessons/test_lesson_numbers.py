"""Each lesson's numbers are those of the course, and those of plain PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Generator, Tensor, nn, optim

from inkgrad.course.data.datasets import Data, Examples
from inkgrad.course.lessons import (
    backpropagation,
    convolution,
    data_loader,
    gradient_descent,
    linear_model,
    linear_regression,
    logistic_regression,
    many_features,
    overview,
    softmax,
)
from inkgrad.course.models import build, initialize
from lesson_runs import numbers

X = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
Y = torch.tensor([2.0, 4.0, 6.0], dtype=torch.float64)
START = -1.0, 3.0  # of the race


def leaf(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def seeded_linear(seed: int = 0) -> nn.Linear:
    layer = nn.Linear(1, 1)
    initialize(layer, Generator().manual_seed(seed))
    return layer


def test_1_the_chain_rule_is_what_autograd_does() -> None:
    for _, by_rule, by_difference, by_autograd in overview.run().chain:
        assert by_rule == pytest.approx(by_autograd, rel=1e-12)
        assert by_difference == pytest.approx(by_autograd, rel=1e-6)


def test_1_the_graph_is_as_long_as_the_loop() -> None:
    """x^n, where the loop ran n - 1 times; its derivative is n x^(n-1)."""
    lengths = []
    for x, nodes, y, grad in overview.run().growths:
        n = len(nodes)
        assert [node.name for node in nodes] == ["AccumulateGrad", *["MulBackward0"] * (n - 1)]
        assert (y, grad) == (x**n, n * x ** (n - 1))
        lengths.append(n - 1)
    assert lengths == [3, 2, 1]


@pytest.mark.parametrize("x", [1.5, 2.0, 5.0])
def test_1_the_chain_rule_on_the_recorded_graph_gives_the_derivative(x: float) -> None:
    """Every product takes x: a graph in which only the first does gives another derivative."""
    found = overview.growth(x, limit=100)
    values, grads = [x], [0.0] * len(found.nodes)
    for node in found.nodes[1:]:
        values.append(math.prod(values[operand] for operand in node.operands))
    grads[-1] = 1.0
    for place in reversed(range(1, len(found.nodes))):
        first, second = found.nodes[place].operands
        grads[first] += grads[place] * values[second]
        grads[second] += grads[place] * values[first]
    assert values[-1] == pytest.approx(found.y)
    assert grads[0] == pytest.approx(found.grad)


def test_1_dice_approach_the_expectation() -> None:
    assert overview.means_of_dice(20_000)[-1].item() == pytest.approx(3.5, abs=0.05)


def test_2_the_loss_is_least_at_two() -> None:
    ws, losses = linear_model.loss_curve()
    assert (ws[0], ws[-1], len(ws)) == (0, 4, 41)
    expected = [F.mse_loss(X * w, Y).item() for w in ws]
    assert losses == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert ws[losses.argmin()] == pytest.approx(2)
    assert (losses[0], losses[10]) == pytest.approx((18.6666667, 4.6666667))


def test_2_the_surface_has_w_along_and_b_up() -> None:
    ws, bs, losses = linear_model.loss_surface()
    for row, column in ((0, 0), (7, 31), (40, 3)):
        expected = F.mse_loss(X * ws[column] + bs[row], Y).item()
        assert losses[row, column] == pytest.approx(expected)
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    assert (ws[column], bs[row]) == pytest.approx((2, 0))


def test_2_more_weights_fit_better_what_was_seen_and_worse_what_was_not() -> None:
    found = linear_model.overfit()
    for fit in found.fits:
        for loss, (x, y) in ((fit.train, found.train), (fit.validation, found.validation)):
            y_pred = sum(torch.from_numpy(x) ** k * w for k, w in enumerate(fit.weights[::-1]))
            assert loss == pytest.approx(F.mse_loss(y_pred, torch.from_numpy(y)).item())
    train = [fit.train for fit in found.fits]
    assert train == sorted(train, reverse=True)
    chosen, validation = found.chosen, [fit.validation for fit in found.fits]
    assert 1 < chosen.degree < len(found.fits) - 1
    assert validation[: chosen.degree + 1] == sorted(validation[: chosen.degree + 1], reverse=True)
    assert validation[chosen.degree :] == sorted(validation[chosen.degree :])
    assert validation[-1] > 5 * chosen.validation
    assert found.test < 2 * 0.25**2  # little more than the noise


def test_2_the_verdict_compares_losses() -> None:
    chosen = linear_model.Fit(4, 0.2, 0.3, np.zeros(5))
    for train, validation, expected in (
        (0.2, 0.3, "best"),
        (0.4, 0.5, "underfits"),
        (0.1, 0.5, "overfits"),
    ):
        for degree in (0, 9):  # which decides nothing
            fit = linear_model.Fit(degree, train, validation, np.zeros(1))
            assert linear_model.verdict(fit, chosen) == expected


def test_3_gradient_and_descent_are_those_of_autograd() -> None:
    w = leaf(1.0)
    optimizer = optim.SGD([w], lr=0.01)
    for expected in gradient_descent.descend(w=1.0, lr=0.01, epochs=100):
        assert w.item() == pytest.approx(expected, rel=1e-12)
        optimizer.zero_grad()
        F.mse_loss(X * w, Y).backward()
        assert gradient_descent.gradient(w.item()) == pytest.approx(w.grad.item(), rel=1e-9)
        optimizer.step()
    assert gradient_descent.forward(4, expected) == pytest.approx(7.9997777586)  # the course's


def test_3_a_step_too_large_diverges() -> None:
    """The MSE is 14/3 (w - 2)²: each step multiplies w - 2 by 1 - 28/3 lr."""
    for lr, ws in gradient_descent.run().descents.items():
        assert ws[20] - 2 == pytest.approx(-((1 - 28 / 3 * lr) ** 20))
        assert (abs(ws[-1] - 2) > 1) == (lr == 0.22)
    expected = {0.01: "converges", 0.1: "converges", 0.2: "oscillates", 0.22: "diverges"}
    for lr, behavior in {**expected, 1.0: "diverges", 1e9: "diverges"}.items():
        assert gradient_descent.behavior(gradient_descent.descend(lr=lr)) == behavior


def test_3_above_the_largest_stable_rate_the_full_batch_diverges() -> None:
    x, y = gradient_descent.noisy_line()
    limit = gradient_descent.largest_stable_rate(x)
    for lr, diverges in ((0.99 * limit, False), (1.01 * limit, True)):
        path = gradient_descent.walk(x, y, len(x), lr=lr, epochs=2000).path
        assert (np.abs(path[-1]).max() > 1000) == diverges


@pytest.mark.parametrize("batch_size", [60, 10, 1])
def test_3_a_walk_is_sgd_over_its_batches(batch_size: int) -> None:
    x, y = gradient_descent.noisy_line()
    path = gradient_descent.walk(x, y, batch_size, epochs=2, lr=0.05).path
    rng = np.random.default_rng(0)
    w, b = leaf(-1.0), leaf(3.0)
    optimizer = optim.SGD([w, b], lr=0.05)
    step = 0
    for _ in range(2):
        for batch in torch.from_numpy(rng.permutation(len(x))).split(batch_size):
            optimizer.zero_grad()
            F.mse_loss(torch.from_numpy(x)[batch] * w + b, torch.from_numpy(y)[batch]).backward()
            optimizer.step()
            step += 1
            assert path[step] == pytest.approx((w.item(), b.item()))
    assert len(path) == step + 1
    surface = gradient_descent.loss_surface(x, y, np.array([1.0, 2.0]), np.array([0.5]))
    assert surface[0, 1] == pytest.approx(np.mean((2 * x + 0.5 - y) ** 2))


def test_3_descent_ends_where_the_slope_is_zero() -> None:
    numbers = gradient_descent.run()
    ends = [ws[-1] for ws in numbers.valleys]
    for end in ends:
        w = leaf(end)
        gradient_descent.two_valleys(w).backward()
        assert w.grad.item() == pytest.approx(0, abs=1e-3)
        assert gradient_descent.two_valleys_slope(end) == pytest.approx(w.grad.item(), abs=1e-12)
    local, globally = (gradient_descent.two_valleys(end) for end in ends)
    assert globally < local
    assert [gradient_descent.in_deeper_valley(end) for end in ends] == [False, True]
    stuck, freed = numbers.saddles
    assert stuck[-1] == pytest.approx((0, 0), abs=0.01)
    assert freed[-1, 1] > 0.5


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (backpropagation.linear, {"x": 1.0, "y": 2.0, "w": 1.0, "b": 2.0}),
        (backpropagation.quadratic, {"x": 2.0, "y": 4.0, "w1": 0.5, "w2": -1.0, "b": 3.0}),
    ],
)
def test_4_every_grad_is_that_of_autograd(
    model: Callable[..., Any], values: dict[str, float]
) -> None:
    tensors = {name: leaf(value) for name, value in values.items()}
    loss = model(**tensors)
    loss.backward()
    states = backpropagation.states(model(**backpropagation.leaves(**values)))
    assert states[-1].data == pytest.approx(loss.item())
    found = {state.name: state.grad for state in states}
    by_torch = backpropagation.grads_by_torch(model, **values)
    for name, tensor in tensors.items():
        assert found[name] == pytest.approx(tensor.grad.item()), name
        assert by_torch[name] == pytest.approx(tensor.grad.item()), name


def test_4_the_models_are_those_of_the_course() -> None:
    x, y, w1, w2, b = (leaf(value) for value in (2.0, 4.0, 0.5, -1.0, 3.0))
    assert backpropagation.linear(x, y, w1, b).item() == (2 * 0.5 + 3 - 4) ** 2
    assert backpropagation.quadratic(x, y, w1, w2, b).item() == (0.5 * 4 - 2 + 3 - 4) ** 2


def test_4_one_node_at_a_time() -> None:
    """Nothing is computed before its turn, neither forward nor backward."""
    loss = backpropagation.linear(**backpropagation.leaves(**backpropagation.LINEAR))
    assert [node.name for node in backpropagation.forward(loss)] == ["×", "+", "-", "²"]
    walk = backpropagation.backward(loss)
    assert next(walk) is loss
    (difference,) = loss.operands
    assert (loss.grad, difference.grad) == (1.0, 0.0)
    next(walk)
    assert difference.grad == 2.0
    assert [node.name for node in walk] == ["-", "+", "×"]


def test_4_training_gives_the_curve_of_the_course() -> None:
    w = leaf(1.0)
    for epoch in backpropagation.train(epochs=20):
        for x, y in zip(X, Y, strict=True):
            loss = (x * w - y) ** 2
            (slope,) = torch.autograd.grad(loss, w)
            w = (w - 0.01 * slope).detach().requires_grad_()
        assert epoch == pytest.approx((w.item(), loss.item()))
    assert backpropagation.train(epochs=1)[0].loss == pytest.approx(7.3159, abs=1e-4)


def test_5_the_four_steps_learn_the_line() -> None:
    layer = seeded_linear()
    weight, bias = (p.detach().double().requires_grad_() for p in layer.parameters())
    expected = []
    for _ in range(200):
        loss = ((X[:, None] * weight + bias - Y[:, None]) ** 2).sum()
        expected.append(loss.item())
        slopes = torch.autograd.grad(loss, (weight, bias))
        weight, bias = (
            (p - 0.01 * slope).detach().requires_grad_()
            for p, slope in zip((weight, bias), slopes, strict=True)
        )
    assert linear_regression.train(200).losses == pytest.approx(expected, rel=1e-3)
    found = linear_regression.train()
    assert (found.w, found.b) == pytest.approx((2, 0), abs=0.01)
    assert found.prediction == pytest.approx(8, abs=0.01)


def test_5_the_race_is_run_by_the_rules() -> None:
    """SGD and momentum by their formulas; all of them approach the minimum."""
    races = linear_regression.run(epochs=1).races
    for name, momentum in (("SGD", 0.0), ("momentum", 0.8)):
        weights, velocity = np.array(START), np.zeros(2)
        x, y = X.numpy(), Y.numpy()
        for step in range(1, 61):
            error = x * weights[0] + weights[1] - y
            velocity = momentum * velocity + 2 * np.array([np.sum(error * x), np.sum(error)])
            weights = weights - 0.02 * velocity
            assert races[name].path[step].numpy() == pytest.approx(weights, abs=1e-4)
    for name, race in races.items():
        assert tuple(race.path[0].tolist()) == START
        assert race.losses[-1] < race.losses[0] / 10, name
        w, b = race.path[-1].tolist()
        assert race.losses[-1] == pytest.approx(((X * w + b - Y) ** 2).sum().item(), abs=1e-5)
    assert races["LBFGS"].losses[-1] < 1e-6
    assert {"ASGD", "Adamax", "Rprop"} < races.keys()
    assert races["Rprop"].lr == 0.1
    assert linear_regression.minimum() == pytest.approx((2, 0), abs=1e-12)


def test_5_sgd_diverges_above_the_largest_stable_rate() -> None:
    limit = linear_regression.largest_stable_rate()
    for lr, diverges in ((0.99 * limit, False), (1.01 * limit, True)):
        losses = linear_regression.race(partial(optim.SGD, lr=lr), steps=1000).losses
        assert (losses[-1] > losses[0]) == diverges


@pytest.mark.parametrize(("w", "b"), [(0.5, -2.0), (-0.5, 2.0), (2.0, 1.0)])
def test_6_passing_is_as_likely_as_failing_after_the_even_hours(w: float, b: float) -> None:
    hours = logistic_regression.even_hours(w, b)
    assert 1 / (1 + math.exp(-w * hours - b)) == 0.5
    assert math.isnan(logistic_regression.even_hours(0.0, b))


def test_6_sigmoid_and_bce_by_hand_are_those_of_torch() -> None:
    numbers = logistic_regression.run(epochs=1)
    assert (numbers.z[0], numbers.z[-1]) == (-10, 10)
    torch.testing.assert_close(numbers.sigmoid, torch.sigmoid(numbers.z))
    batch = numbers.batch
    y_pred, y = torch.tensor(batch.y_pred), torch.tensor(batch.y)
    each = F.binary_cross_entropy(y_pred, y, reduction="none")
    assert batch.losses == pytest.approx(each.tolist(), rel=1e-6)
    assert batch.losses == pytest.approx([1.6094, 0.2231, 0.3567, 1.2040], abs=1e-4)
    assert (batch.mean, batch.mean_by_kernel) == pytest.approx((each.mean().item(),) * 2, rel=1e-6)
    assert batch.mean == pytest.approx(0.8483, abs=1e-4)


def test_6_hours_of_study_are_learned_as_by_torch() -> None:
    layer = seeded_linear()
    optimizer = optim.SGD(layer.parameters(), lr=0.01)
    x, y = X.float()[:, None], torch.tensor([[0.0], [0.0], [1.0]])
    expected = []
    for _ in range(1000):
        loss = F.binary_cross_entropy(torch.sigmoid(layer(x)), y, reduction="sum")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    found = logistic_regression.train()
    assert found.losses == pytest.approx(expected, rel=1e-5)
    assert (found.w, found.b) == pytest.approx((layer.weight.item(), layer.bias.item()), rel=1e-4)
    at_four_hours = found.probabilities[80].item()
    assert found.hours[80] == 4
    assert at_four_hours == pytest.approx(1 / (1 + math.exp(-4 * found.w - found.b)), rel=1e-5)
    assert at_four_hours > 0.8  # the course finds about 0.87


def test_7_a_loop_and_a_matrix_compute_the_same() -> None:
    found = numbers(7)
    generator = Generator().manual_seed(0)
    X, W, b = (torch.randn(size, generator=generator) for size in ((4, 3), (2, 3), (2,)))
    expected = torch.sigmoid(X @ W.T + b)
    torch.testing.assert_close(found.by_loops, expected)
    torch.testing.assert_close(found.by_matrices, expected)


@pytest.mark.parametrize("activation", many_features.ACTIVATIONS)
def test_7_every_activation_learns_as_in_torch(activation: str) -> None:
    """The same network of torch's own modules, from the same start."""
    data = numbers(7).data
    of_torch = {"sigmoid": nn.Sigmoid, "ReLU": nn.ReLU, "tanh": nn.Tanh, "GELU": nn.GELU}
    features = data.train.inputs.shape[1]
    sizes = ((features, 6), (6, 4), (4, 1))
    layers = [nn.Linear(*size) for size in sizes]
    generator = Generator().manual_seed(0)
    for layer in layers:
        initialize(layer, generator)
    curved = of_torch[activation]
    model = nn.Sequential(layers[0], curved(), layers[1], curved(), layers[2], nn.Sigmoid())
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    expected = []
    for _ in range(20):
        loss = F.binary_cross_entropy(model(data.train.inputs), data.train.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    found = many_features.train(
        data, activation, lambda weights: optim.Adam(weights, lr=0.01), epochs=20
    )
    assert found.losses == pytest.approx(expected, rel=1e-4)
    answers = model(data.test.inputs) > 0.5
    right = answers == (data.test.targets > 0.5)
    assert found.test_accuracy == pytest.approx(right.float().mean().item(), abs=0.02)
    assert (found.test_answers != answers).float().mean() <= 0.02


def test_7_the_baseline_answers_the_more_common_training_label_on_both_sets() -> None:
    train = Examples(torch.zeros(4, 1), torch.tensor([[1.0], [1], [1], [0]]))
    test = Examples(torch.zeros(5, 1), torch.tensor([[1.0], [0], [0], [0], [0]]))
    assert many_features.baseline(Data("", train, test)) == pytest.approx((0.75, 0.2))
    ones = torch.ones(3, 1, dtype=torch.bool)
    assert many_features.is_constant(ones)
    assert many_features.is_constant(~ones)
    assert not many_features.is_constant(torch.tensor([[True], [False]]))


def test_7_shapes_are_those_of_the_weights_and_standardized_features_have_a_mean_of_0() -> None:
    found = many_features.shapes(many_features.Model(8))
    assert found == [((6, 8), (6,)), ((4, 6), (4,)), ((1, 4), (1,))]
    data = many_features.standardized(numbers(7).data)
    torch.testing.assert_close(data.train.inputs.std(0), torch.ones(30))
    assert data.train.inputs.mean(0).abs().max() < 1e-5


def test_7_a_loop_takes_longer() -> None:
    timing = many_features.time_both(20)
    assert timing.loops > timing.matrices > 0


def test_7_ones_own_table(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("\n".join(f"{i * i},{-i},{i % 3},{int(i > 12)}" for i in range(40)))
    found = many_features.run(epochs=1, data=table)
    assert found.data.name == "mine.csv"
    assert not found.data.is_fallback
    assert found.data.train.inputs.shape[1] == 3
    assert numbers(7).data.is_fallback


def test_8_batches_are_all_examples_in_a_new_order_each_epoch() -> None:
    epochs = data_loader.batches_of(10, batch_size=4, epochs=3)
    orders = [[example for batch in epoch for example in batch] for epoch in epochs]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert [[len(batch) for batch in epoch] for epoch in epochs] == [[4, 4, 2]] * 3
    assert data_loader.iterations(10, 4) == 3
    assert data_loader.batches_of(10, batch_size=4, epochs=3) == epochs
    assert data_loader.batches_of(5, 2, 1, shuffle=False) == [[[0, 1], [2, 3], [4]]]


def test_8_the_loader_trains_as_torch_does() -> None:
    """Torch's own model, given the same batches by hand."""
    found = numbers(8)
    examples = found.data.train
    generator = Generator().manual_seed(0)
    features = examples.inputs.shape[1]
    model = build("diabetes", "native", generator=generator, in_features=features)
    loader = torch.utils.data.DataLoader(
        range(len(examples)), 32, shuffle=True, generator=generator
    )
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for expected in found.trainings["SGD, lr = 0.01"]:
        total = 0.0
        for index in loader:
            loss = F.binary_cross_entropy(model(examples.inputs[index]), examples.targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
        assert expected == pytest.approx(total / len(examples), rel=1e-5)


def test_8_a_csv_file_is_a_dataset(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,2,0\n3,4,1\n5,6,1\n")
    dataset = data_loader.TableDataset.from_csv(path)
    assert len(dataset) == 3
    x, y = dataset[1]
    assert (x.tolist(), y.tolist(), x.dtype) == ([3, 4], [1], torch.float32)
    (X, Y), _ = torch.utils.data.DataLoader(dataset, 2)
    assert (X.shape, Y.shape) == ((2, 2), (2, 1))


def test_8_the_loss_without_learning_is_that_of_one_answer_for_all() -> None:
    labels = torch.tensor([[1.0], [1], [1], [0]])
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert data_loader.constant_loss(Examples(labels, labels)) == pytest.approx(expected)


def test_8_mnist_is_a_dataset_of_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("torchvision.datasets", exc_type=Exception)

    def mnist(root: str, *, train: bool, transform: Any, download: bool) -> Any:
        assert (root, download) == ("folder", True)
        images = [Image.new("L", (28, 28), 255 * train) for _ in range(3)]
        return [(transform(image), label) for label, image in enumerate(images)]

    monkeypatch.setattr(datasets, "MNIST", mnist)
    train, test = data_loader.mnist_loaders("folder", batch_size=2)
    assert isinstance(train.sampler, torch.utils.data.RandomSampler)
    assert isinstance(test.sampler, torch.utils.data.SequentialSampler)
    images, _ = next(iter(train))
    assert images.shape == (2, 1, 28, 28)
    assert (images == 1).all()
    assert [labels.tolist() for _, labels in test] == [[0, 1], [2]]


def test_8_a_worker_can_be_started() -> None:
    timing = data_loader.time_loader(data_loader.SlowDataset(4, 0.0), batch_size=2, workers=1)
    assert timing.workers == 1
    assert timing.first_epoch > timing.second_epoch > 0


def test_8_the_main_guard_keeps_workers_from_starting_workers() -> None:
    found = numbers(8)
    twice = ["this file runs in MainProcess", "this file runs in SpawnProcess-1"]
    assert found.without_guard == (twice, "RuntimeError")
    assert found.with_guard == ([*twice, "work is done"], "")


def test_9_softmax_and_its_loss_by_hand_are_those_of_torch() -> None:
    sample, comparison = numbers(9).sample, numbers(9).comparison
    assert sample.y_pred == pytest.approx(torch.softmax(torch.tensor(sample.z), 0).numpy())
    assert (sample.loss, sample.loss_by_torch) == pytest.approx((0.9729, 0.9729), abs=1e-4)
    expected = 0.4966, 1.2389  # the course's
    assert comparison.losses_by_torch == pytest.approx(expected, abs=1e-4)
    by_hand = comparison.good_loss, comparison.bad_loss
    assert by_hand == pytest.approx(comparison.losses_by_torch, rel=1e-12)
    assert softmax.softmax(np.array([1000.0, 999.0])) == pytest.approx([0.7310586, 0.2689414])


def _mlp() -> nn.Sequential:
    sizes = (784, 512, 256, 128, 64, 10)
    layers = [[nn.Linear(*pair), nn.ReLU()] for pair in pairwise(sizes)]
    return nn.Sequential(nn.Flatten(), *chain.from_iterable(layers))[:-1]


def _cnn() -> nn.Sequential:
    convolutions = [
        [nn.Conv2d(*channels, 5), nn.MaxPool2d(2), nn.ReLU()] for channels in ((1, 10), (10, 20))
    ]
    return nn.Sequential(*chain.from_iterable(convolutions), nn.Flatten(), nn.Linear(320, 10))


@pytest.mark.parametrize(
    ("lesson", "ours", "native"), [(9, softmax.Net, _mlp), (10, convolution.CNN, _cnn)]
)
def test_9_and_10_train_as_torch_does(
    lesson: int, ours: Callable[[], nn.Module], native: Callable[[], nn.Module]
) -> None:
    """The first steps: rounding errors grow from step to step, so later ones may differ."""
    digits = numbers(lesson).data
    data = replace(digits, train=digits.train[:600])
    losses: list[list[float]] = []
    for model in (ours(), native()):
        losses.append([])
        softmax.train(model, data, epochs=1, on_batch=lambda step: losses[-1].append(step.loss))
    assert len(losses[0]) == len(losses[1]) == 10
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_9_testing_counts_the_largest_of_each_row() -> None:
    outputs = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    loader = torch.utils.data.DataLoader([(outputs[n], n % 2) for n in range(3)], 2)
    assert softmax.test(nn.Identity(), loader)[0] == 0
    loader = torch.utils.data.DataLoader([(outputs[n], n % 2 == 0) for n in range(3)], 2)
    accuracy, predicted = softmax.test(nn.Identity(), loader)
    assert predicted.tolist() == [1, 0, 2]
    assert accuracy == pytest.approx(2 / 3)


@pytest.mark.parametrize(("lesson", "least"), [(9, 0.3), (10, 0.6)])
def test_9_and_10_learn_in_two_epochs(lesson: int, least: float) -> None:
    training = numbers(lesson).training
    assert len(training.accuracies) == len(training.losses) == 2
    assert training.accuracies[-1] > least
    assert training.losses[1] < training.losses[0]


@pytest.mark.parametrize("lesson", [9, 10])
def test_9_and_10_the_confusion_matrix_counts_every_image_once(lesson: int) -> None:
    found = numbers(lesson)
    labels, predicted = found.data.test.targets, found.training.predicted
    right = found.confusion.diagonal().sum().item()
    assert found.confusion.sum() == len(labels)
    assert right / len(labels) == pytest.approx(found.training.accuracies[-1])
    assert torch.equal(found.confusion.sum(1), torch.bincount(labels, minlength=10))
    for row in range(10):
        for column in range(10):
            cell = softmax.images_in_cell(labels, predicted, row, column)
            assert len(cell) == found.confusion[row, column]
            assert (labels[cell] == row).all()
            assert (predicted[cell] == column).all()


def test_9_a_quick_run_learns_from_a_part() -> None:
    assert len(softmax.digits_for(full=True, data=None).train) == 1438  # of the fallback data
    assert len(softmax.digits_for(full=False, data=None).train) <= softmax.SUBSET


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("size", [(5, 5), (4, 7)])
def test_10_convolution_by_hand_is_that_of_torch(
    size: tuple[int, int], stride: int, padding: int
) -> None:
    rng = np.random.default_rng(0)
    picture, kernel = rng.normal(size=size), rng.normal(size=(3, 2))
    found = convolution.convolve(picture, kernel, stride, padding)
    expected = F.conv2d(
        torch.from_numpy(picture)[None, None],
        torch.from_numpy(kernel)[None, None],
        stride=stride,
        padding=padding,
    )
    assert found == pytest.approx(expected[0, 0].numpy())
    pooled = F.max_pool2d(torch.from_numpy(picture)[None], 2)[0]
    assert np.array_equal(convolution.max_pool(picture), pooled.numpy())


def test_10_the_examples_of_the_course() -> None:
    for name, example in numbers(10).examples.items():
        assert example.by_hand == pytest.approx(example.by_torch), name
    padded = numbers(10).examples["3 × 3, padding 1"].by_hand
    assert padded[0].tolist() == [91, 168, 224, 215, 127]  # what the course prints
    assert numbers(10).examples["10 × 5 × 3 × 3"].by_hand.shape == (10, 6, 6)


def test_10_the_sizes_are_those_of_the_network() -> None:
    found = numbers(10)
    model = convolution.CNN()
    weights = {f"conv{n}": getattr(model, f"conv{n}") for n in (1, 2)} | {"linear": model.fc}
    sizes = {size.layer: size for size in found.sizes}
    for name, layer in weights.items():
        assert sizes[name].weights == sum(p.numel() for p in layer.parameters())
    image = found.image[None, None]
    pooled = [size for size in found.sizes if size.layer.startswith("max pool")]
    for size, (name, channels) in zip(pooled, found.maps.items(), strict=True):
        assert channels.shape == (size.channels, size.side, size.side)
        convolved = F.conv2d(image, weights[name].weight)  # before pooling
        assert convolved.shape[1:] == (size.channels, sizes[name].side, sizes[name].side)
        image = channels[None]
    assert sizes["flatten"].channels == model.fc.in_features


def test_10_the_channels_of_a_window_are_added_up() -> None:
    expected = F.conv2d(
        torch.from_numpy(convolution.RGB)[None], torch.from_numpy(convolution.RGB_KERNEL)[None]
    )
    found = convolution.convolve_channels(convolution.RGB, convolution.RGB_KERNEL[None])
    assert found == pytest.approx(expected[0].numpy())
