"""Runs learn, can be repeated, stopped and saved, and do not disturb one another."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from inkgrad.course import models
from inkgrad.course.data.datasets import Data, Examples, breast_cancer, digits, hours_of_study
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS, Settings, course_settings
from inkgrad.course.training import steps
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.loop import Batch, Diverged, Epoch, Run, evaluate
from inkgrad.extension import LOADED

Weights = dict[str, Tensor]


def settings(model: str, **changes: Any) -> Settings:
    """The course's, but without augmentation: other tests are about that."""
    return course_settings(model, **{"augment": False, **changes})


def trained(model: str, data: Data, **changes: Any) -> Run:
    run = Run(settings(model, **changes), data)
    list(run.epochs())
    return run


def losses(run: Run) -> list[float]:
    return [epoch.loss for epoch in run.history]


def assert_same_weights(first: Weights, second: Weights) -> None:
    assert all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.mark.parametrize(("model", "epochs", "least"), [("softmax", 4, 0.75), ("cnn", 3, 0.85)])
def test_digits_are_learnt(model: str, epochs: int, least: float) -> None:
    run = trained(model, digits(), epochs=epochs, batch_size=32)
    assert run.test().accuracy > least
    assert losses(run)[-1] < losses(run)[0] / 3


@pytest.mark.parametrize(
    ("model", "augment", "least"), [("strong", False, 0.5), ("cnn", True, 0.6)]
)
def test_few_digits_are_learnt(few_digits: Data, model: str, augment: bool, least: float) -> None:
    run = trained(model, few_digits, epochs=4, batch_size=16, augment=augment)
    assert run.test().accuracy > least


def test_augmentation_can_be_repeated_too(few_digits: Data) -> None:
    runs = [trained("cnn", few_digits, epochs=1, augment=True) for _ in range(2)]
    assert losses(runs[0]) == losses(runs[1])
    assert losses(runs[0]) != losses(trained("cnn", few_digits, epochs=1))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(optimizer: str) -> None:
    run = trained("logistic", breast_cancer(), epochs=10, optimizer=optimizer)
    assert losses(run)[-1] < losses(run)[0]


def test_the_exact_gradient_is_used_where_it_is_needed() -> None:
    run = trained("logistic", breast_cancer(), epochs=3, optimizer="lbfgs")
    assert run.steps == 3
    assert run.test().accuracy > 0.9


@pytest.mark.parametrize("backend", ["fused", "native"])
def test_logistic_regression_gives_the_curve_of_the_course(backend: str) -> None:
    """Against the course's loop, written out: sum of BCE, SGD, three examples at once."""
    run = Run(course_settings("logistic", epochs=50, backend=backend), hours_of_study())
    weight, bias = (p.detach().clone().requires_grad_() for p in run.model.parameters())
    hours, passed = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.0], [0.0], [1.0]])
    for epoch in run.epochs():
        p = torch.sigmoid(hours @ weight.T + bias)
        loss = F.binary_cross_entropy(p, passed, reduction="sum")
        assert epoch.loss == pytest.approx(loss.item(), rel=1e-5)
        for parameter, gradient in zip(
            (weight, bias), torch.autograd.grad(loss, (weight, bias)), strict=True
        ):
            parameter.data -= 0.01 * gradient
    right = torch.sigmoid(hours @ weight.T + bias).gt(0.5) == passed.gt(0.5)
    assert epoch.accuracy == right.sum().item() / 3


@pytest.mark.parametrize(("model", "epochs"), [("diabetes", 10), ("cnn", 1)])
def test_fused_and_native_end_with_equal_losses(few_digits: Data, model: str, epochs: int) -> None:
    """Of the CNN few steps, since rounding errors grow from step to step."""
    data = breast_cancer() if model == "diabetes" else few_digits
    runs = [trained(model, data, epochs=epochs, backend=b) for b in ("fused", "native")]
    assert losses(runs[0]) == pytest.approx(losses(runs[1]), rel=1e-5)


@pytest.mark.parametrize("model", ["logistic", "diabetes", "cnn"])
def test_every_device_gives_the_same_run(
    few_digits: Data, model: str, device: torch.device
) -> None:
    if device.type == "cpu":
        pytest.skip("compares with the CPU")
    data = few_digits if model == "cnn" else breast_cancer()
    there, here = (
        trained(model, data, epochs=2, batch_size=32, device=name) for name in (str(device), "cpu")
    )
    assert losses(there) == pytest.approx(losses(here), rel=1e-3)
    assert there.history[-1].accuracy == pytest.approx(here.history[-1].accuracy, abs=0.05)
    assert {p.device.type for p in there.model.parameters()} == {device.type}


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
        expected |= {"softmax": steps.ChainSteps, "cnn": steps.ChainSteps}
    assert kinds == {name: expected.get(name, steps.EagerSteps) for name in models.MODELS}


def test_the_same_seed_gives_the_same_run(few_digits: Data) -> None:
    first = trained("cnn", few_digits, epochs=2)
    torch.manual_seed(123)  # of no consequence
    again = trained("cnn", few_digits, epochs=2)
    other = trained("cnn", few_digits, epochs=2, seed=1)
    assert losses(first) == losses(again) != losses(other)
    assert_same_weights(first.model.state_dict(), again.model.state_dict())


def test_runs_at_once_give_what_each_gives_alone(few_digits: Data) -> None:
    before = torch.get_rng_state()
    alone = [trained("cnn", few_digits, epochs=2, seed=seed) for seed in (0, 1)]
    together = [Run(settings("cnn", epochs=2, seed=seed), few_digits) for seed in (0, 1)]
    threads = [threading.Thread(target=lambda r=run: list(r.epochs())) for run in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, together, strict=True):
        assert losses(one) == losses(other)
        assert_same_weights(one.model.state_dict(), other.model.state_dict())
    assert torch.equal(torch.get_rng_state(), before)


def test_train_validation_and_test_are_kept_apart() -> None:
    numbered = Examples(torch.arange(120.0).unsqueeze(1), torch.zeros(120, 1))
    run = Run(settings("diabetes"), Data("numbers", numbered[:96], numbered[96:]))
    parts = [run.train, run.validation, run.data.test]
    assert [len(part) for part in parts] == [88, 8, 24]
    assert sorted(torch.cat([part.inputs for part in parts]).flatten().tolist()) == list(range(120))


@pytest.mark.parametrize("model", ["logistic", "diabetes"])
def test_a_large_batch_in_pieces_is_one_batch(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """For a loss that is a sum (logistic) and for one that is a mean (diabetes)."""
    whole = trained(model, breast_cancer(), epochs=3, batch_size=100)
    monkeypatch.setattr(steps, "CHUNK", 7)
    pieces = trained(model, breast_cancer(), epochs=3, batch_size=100)
    assert losses(pieces) == pytest.approx(losses(whole), rel=1e-5)
    first, second = whole.history[-1], pieces.history[-1]
    assert second.validation_loss == pytest.approx(first.validation_loss, rel=1e-5)
    assert second.accuracy == first.accuracy


def test_an_epochs_loss_is_that_of_all_its_examples() -> None:
    """The mean over examples, not over batches of unequal size."""
    data = breast_cancer()
    run = Run(settings("diabetes", batch_size=413, epochs=1, lr=1e-9), data)
    assert len(run.train) == 418
    epoch = next(run.epochs())
    assert epoch.loss == pytest.approx(evaluate(run.model, run.train).loss, rel=1e-5)


def test_each_step_is_told() -> None:
    told: list[Batch] = []
    run = Run(settings("diabetes", batch_size=100, epochs=2), breast_cancer(), on_batch=told.append)
    list(run.epochs())
    assert [(b.epoch, b.number) for b in told] == [(e, n) for e in (1, 2) for n in range(1, 6)]
    assert [b.examples for b in told[:5]] == [100, 100, 100, 100, 18]
    assert {b.count for b in told} == {5}


def test_stopping_keeps_what_was_learned() -> None:
    stop = threading.Event()
    learned: Weights = {}

    def stop_in_second_epoch(batch: Batch) -> None:
        if (batch.epoch, batch.number) == (2, 3):
            learned.update(run.weights())
            stop.set()

    run = Run(settings("diabetes"), breast_cancer(), stop=stop, on_batch=stop_in_second_epoch)
    epochs = list(run.epochs())
    assert [epoch.epoch for epoch in epochs] == [1]
    assert run.steps == 14 + 3
    assert_same_weights(run.weights(), learned)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_diverging_run_keeps_the_last_good_weights(stopped: bool, device: torch.device) -> None:
    good: Weights = {}
    stop = threading.Event()

    def spoil(batch: Batch) -> None:
        if batch.epoch == 2:
            run.model.linear2.weight.data[0, 0] = math.nan
            if stopped:
                stop.set()

    wanted = settings("diabetes", device=str(device))
    run = Run(wanted, breast_cancer(), stop=stop, on_batch=spoil)
    epochs = run.epochs()
    next(epochs)
    good = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    with pytest.raises(Diverged, match=r"epoch 2"):
        next(epochs)
    assert_same_weights(run.model.state_dict(), good)


def test_a_run_is_saved_with_its_story(tmp_path: Path) -> None:
    run = trained("diabetes", breast_cancer(), epochs=2, seed=7)
    run.test()
    run.save(tmp_path / "run.safetensors")
    model, metadata = checkpoint.load(tmp_path / "run.safetensors")
    assert evaluate(model, run.data.test) == run.test_score
    assert metadata["model_kwargs"] == {"in_features": 30}
    assert metadata["data"]["name"] == "scikit-learn's breast cancer table"
    assert metadata["settings"]["seed"] == 7
    assert metadata["versions"]["torch"] == torch.__version__
    assert metadata["results"]["test"]["accuracy"] == run.test_score.accuracy
    assert Epoch(**metadata["results"]["last_epoch"]) == run.history[-1]


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "resnet"}, "model: expected one of logistic"),
        ({"optimizer": "sgdd"}, "optimizer: expected one of sgd"),
        ({"backend": "cuda"}, "backend: expected one of fused, native"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch size: expected at least 1, got 0"),
        ({"lr": 0.0}, "lr: expected a positive number"),
        ({"lr": math.nan}, "lr: expected a positive number"),
        ({"lr": math.inf}, "lr: expected a positive number"),
        ({"momentum": 1.0}, "momentum: expected at least 0 and below 1"),
        ({"seed": -1}, "seed: expected at least 0"),
        ({"seed": 2**63}, "seed: expected at least 0"),
    ],
)
def test_settings_without_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(DEFAULTS["cnn"], **changes)


def test_another_optimizer_brings_its_own_rate() -> None:
    assert course_settings("cnn", optimizer="adam").lr == 0.001
    assert course_settings("cnn", optimizer="adam", lr=0.5).lr == 0.5
    assert course_settings("cnn", optimizer="sgd", epochs=None).lr == DEFAULTS["cnn"].lr
    assert course_settings("cnn", optimizer="lbfgs").batch_size is None
    assert course_settings("cnn", optimizer="lbfgs", batch_size=8).batch_size == 8


def test_one_cycle_rises_to_the_rate_and_falls_to_nothing() -> None:
    cycle = replace(DEFAULTS["cnn"], one_cycle=True)
    factors = [cycle.lr_factor(step / 20) for step in range(21)]
    assert factors[2] == 1
    assert factors[:3] == sorted(factors[:3])
    assert factors[2:] == sorted(factors[2:], reverse=True)
    assert factors[20] == pytest.approx(0)
    assert replace(cycle, one_cycle=False).lr_factor(0.7) == 1


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_is_the_same_on_both_backends_and_counts(
    few_digits: Data, optimizer: str, momentum: float
) -> None:
    """In few steps, since rounding errors grow from step to step."""
    few = replace(few_digits, train=few_digits.train[:90])
    changes = {"epochs": 1, "batch_size": 10, "optimizer": optimizer, "momentum": momentum}
    fused, native, without = (
        trained("cnn", few, **changes, weight_decay=decay, backend=backend)
        for decay, backend in ((0.1, "fused"), (0.1, "native"), (0.0, "fused"))
    )
    assert losses(fused) == pytest.approx(losses(native), rel=1e-5)
    assert losses(fused) != pytest.approx(losses(without), rel=1e-3)


@pytest.mark.parametrize("optimizer", ["lbfgs", "rprop"])
def test_an_optimizer_that_knows_no_weight_decay_is_given_none(optimizer: str) -> None:
    with pytest.raises(ValueError, match=f"expected 0, since {optimizer} has no weight decay"):
        settings("diabetes", optimizer=optimizer, weight_decay=0.1)
    assert settings("strong", optimizer=optimizer).weight_decay == 0


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", "gelu"])
@pytest.mark.parametrize("model", ["diabetes", "softmax"])
def test_every_activation_trains_and_comes_back_from_a_file(
    few_digits: Data, tmp_path: Path, model: str, activation: str
) -> None:
    data = few_digits if model == "softmax" else breast_cancer()
    fused, native = (
        trained(model, data, epochs=1, activation=activation, backend=backend)
        for backend in ("fused", "native")
    )
    assert losses(fused) == pytest.approx(losses(native), rel=1e-4)
    fused.save(tmp_path / "model.safetensors")
    loaded, _ = checkpoint.load(tmp_path / "model.safetensors")
    inputs = data.test.as_float()
    torch.testing.assert_close(loaded(inputs), fused.model(inputs))


@pytest.mark.parametrize(
    "changes", [{"model": "cnn", "activation": "tanh"}, {"model": "softmax", "activation": "swish"}]
)
def test_an_activation_that_the_model_cannot_have_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="activation: expected"):
        course_settings(**changes)
