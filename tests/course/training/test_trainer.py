"""Runs learn, can be repeated, stopped and saved, and do not disturb one another."""

from __future__ import annotations

import contextlib
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from inkgrad.course import weights_file
from inkgrad.course.data.datasets import Data, Examples, breast_cancer, digits, hours_of_study
from inkgrad.course.settings import COURSE, OPTIMIZERS, Settings, course_settings
from inkgrad.course.training import state_file, steps
from inkgrad.course.training.trainer import MAX_HISTORY, Batch, Diverged, Epoch, Trainer, evaluate

Weights = dict[str, Tensor]


def settings(model: str, **changes: Any) -> Settings:
    """The course's, but without augmentation: other tests are about that."""
    return course_settings(model, **{"augment": False, **changes})


def trained(model: str, data: Data, **changes: Any) -> Trainer:
    trainer = Trainer(settings(model, **changes), data)
    list(trainer.epochs())
    return trainer


def losses(trainer: Trainer) -> list[float]:
    return [epoch.loss for epoch in trainer.history]


def assert_same_weights(first: Weights, second: Weights) -> None:
    assert all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.mark.parametrize(("model", "epochs", "least"), [("softmax", 4, 0.75), ("cnn", 3, 0.85)])
def test_digits_are_learned(model: str, epochs: int, least: float) -> None:
    trainer = trained(model, digits(), epochs=epochs, batch_size=32)
    assert trainer.test().accuracy > least
    assert losses(trainer)[-1] < losses(trainer)[0] / 3


@pytest.mark.parametrize(
    ("model", "augment", "least"), [("strong", False, 0.5), ("cnn", True, 0.6)]
)
def test_few_digits_are_learned(few_digits: Data, model: str, augment: bool, least: float) -> None:
    trainer = trained(model, few_digits, epochs=4, batch_size=16, augment=augment)
    assert trainer.test().accuracy > least


def test_augmentation_can_be_repeated_too(few_digits: Data) -> None:
    runs = [trained("cnn", few_digits, epochs=1, augment=True) for _ in range(2)]
    assert losses(runs[0]) == losses(runs[1])
    assert losses(runs[0]) != losses(trained("cnn", few_digits, epochs=1))


def _interrupted(first: Trainer, steps: int, path: Path) -> Trainer:
    """A trainer that goes on, from a file, where ``first`` was after so many steps."""

    def stop(_: Batch) -> None:
        if first.steps == steps:
            state_file.save(path, first.state())
            first.stop.set()

    first.on_batch = stop
    list(first.epochs())
    assert first.steps == steps
    second = Trainer(first.settings, first.data)
    second.restore(state_file.load(path))
    return second


def _numbers(trainer: Trainer) -> list[tuple[float, ...]]:
    return [(e.epoch, e.loss, e.validation_loss, e.accuracy) for e in trainer.history]


def assert_same_after_resuming(settings: Settings, data: Data, steps: int, path: Path) -> None:
    whole, curves = Trainer(settings, data), ([], [])
    whole.on_batch = lambda batch: curves[0].append(batch.loss)
    list(whole.epochs())
    resumed = _interrupted(Trainer(settings, data), steps, path)
    resumed.on_batch = lambda batch: curves[1].append(batch.loss)
    list(resumed.epochs())
    assert curves[0][steps:] == curves[1]
    assert _numbers(resumed) == _numbers(whole)
    assert_same_weights(resumed.weights(), whole.weights())


@pytest.mark.parametrize("backend", ["fused", "native"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_gives_the_same_bits(optimizer: str, backend: str, tmp_path: Path) -> None:
    kwargs = {"optimizer": optimizer, "backend": backend, "epochs": 6}
    if not OPTIMIZERS[optimizer].full_batch:
        kwargs |= {"batch_size": 150, "epochs": 2}
    if OPTIMIZERS[optimizer].has_momentum:
        kwargs["momentum"] = 0.9
    chosen = settings("diabetes", **kwargs)
    assert_same_after_resuming(chosen, breast_cancer(), 3, tmp_path / "state")


@pytest.mark.parametrize("model", ["softmax", "cnn"])
@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("steps", [2, 9, 11])  # within an epoch, and at its end
def test_digits_resume_to_the_same_bits(
    few_digits: Data, model: str, augment: bool, steps: int, tmp_path: Path
) -> None:
    chosen = settings(model, epochs=2, batch_size=32, augment=augment)
    assert_same_after_resuming(chosen, few_digits, steps, tmp_path / "state")


def test_a_long_history_is_thinned_and_keeps_its_time() -> None:
    trainer = Trainer(settings("logistic", epochs=MAX_HISTORY + 1), hours_of_study())
    seconds = sum(epoch.seconds for epoch in trainer.epochs())
    assert len(trainer.history) < MAX_HISTORY
    assert trainer.epochs_done == MAX_HISTORY + 1
    assert sum(epoch.seconds for epoch in trainer.history) == pytest.approx(seconds)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns(optimizer: str) -> None:
    trainer = trained("logistic", breast_cancer(), epochs=10, optimizer=optimizer)
    assert losses(trainer)[-1] < losses(trainer)[0]


def test_the_exact_gradient_is_used_where_it_is_needed() -> None:
    trainer = trained("logistic", breast_cancer(), epochs=3, optimizer="lbfgs")
    assert trainer.steps == 3
    assert trainer.test().accuracy > 0.9


@pytest.mark.parametrize("backend", ["fused", "native"])
def test_logistic_regression_gives_the_curve_of_the_course(backend: str) -> None:
    """Against the course's loop, written out: sum of BCE, SGD, three examples at once."""
    settings = course_settings("logistic", as_in_course=True, epochs=50, backend=backend)
    trainer = Trainer(settings, hours_of_study())
    weight, bias = (p.detach().clone().requires_grad_() for p in trainer.model.parameters())
    hours, passed = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.0], [0.0], [1.0]])
    for epoch in trainer.epochs():
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
    """The CNN takes few steps, since rounding errors grow from step to step."""
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
    together = [Trainer(settings("cnn", epochs=2, seed=seed), few_digits) for seed in (0, 1)]
    threads = [threading.Thread(target=lambda r=trainer: list(r.epochs())) for trainer in together]
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
    trainer = Trainer(settings("diabetes"), Data("numbers", numbered[:96], numbered[96:]))
    parts = [trainer.train, trainer.validation, trainer.data.test]
    assert [len(part) for part in parts] == [88, 8, 24]
    assert sorted(torch.cat([part.inputs for part in parts]).flatten().tolist()) == list(range(120))


@pytest.mark.parametrize("model", ["logistic", "diabetes"])
def test_a_large_batch_in_chunks_is_one_batch(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    """For a loss that is a sum (logistic) and for one that is a mean (diabetes)."""
    whole = trained(model, breast_cancer(), epochs=3, batch_size=100)
    monkeypatch.setattr(steps, "CHUNK", 7)
    chunks = trained(model, breast_cancer(), epochs=3, batch_size=100)
    assert losses(chunks) == pytest.approx(losses(whole), rel=1e-5)
    first, second = whole.history[-1], chunks.history[-1]
    assert second.validation_loss == pytest.approx(first.validation_loss, rel=1e-5)
    assert second.accuracy == first.accuracy


def test_an_epochs_loss_is_that_of_all_its_examples() -> None:
    """The mean over examples, not over batches of unequal size."""
    data = breast_cancer()
    trainer = Trainer(settings("diabetes", batch_size=413, epochs=1, lr=1e-9), data)
    assert len(trainer.train) == 418
    epoch = next(trainer.epochs())
    assert epoch.loss == pytest.approx(evaluate(trainer.model, trainer.train).loss, rel=1e-5)


def test_each_step_is_told() -> None:
    batches: list[Batch] = []
    trainer = Trainer(
        settings("diabetes", batch_size=100, epochs=2), breast_cancer(), on_batch=batches.append
    )
    list(trainer.epochs())
    assert [(b.epoch, b.number) for b in batches] == [(e, n) for e in (1, 2) for n in range(1, 6)]
    assert [b.examples for b in batches[:5]] == [100, 100, 100, 100, 18]
    assert {b.count for b in batches} == {5}


def test_stopping_keeps_what_was_learned() -> None:
    stop = threading.Event()
    learned: Weights = {}

    def stop_in_second_epoch(batch: Batch) -> None:
        if (batch.epoch, batch.number) == (2, 3):
            learned.update(trainer.weights())
            stop.set()

    trainer = Trainer(
        settings("diabetes"), breast_cancer(), stop=stop, on_batch=stop_in_second_epoch
    )
    epochs = list(trainer.epochs())
    assert [epoch.epoch for epoch in epochs] == [1]
    assert trainer.steps == 14 + 3
    assert_same_weights(trainer.weights(), learned)


@pytest.mark.parametrize("stopped", [False, True])
def test_a_diverging_run_keeps_the_last_good_weights(stopped: bool, device: torch.device) -> None:
    good: Weights = {}
    stop = threading.Event()

    def spoil(batch: Batch) -> None:
        if batch.epoch == 2:
            trainer.model.linear2.weight.data[0, 0] = math.nan
            if stopped:
                stop.set()

    wanted = settings("diabetes", device=str(device))
    trainer = Trainer(wanted, breast_cancer(), stop=stop, on_batch=spoil)
    epochs = trainer.epochs()
    next(epochs)
    good = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    with pytest.raises(Diverged, match=r"epoch 2"):
        next(epochs)
    assert_same_weights(trainer.model.state_dict(), good)


def test_a_run_is_saved_with_its_story(tmp_path: Path) -> None:
    trainer = trained("diabetes", breast_cancer(), epochs=2, seed=7)
    trainer.test()
    trainer.save(tmp_path / "trainer.safetensors")
    model, metadata = weights_file.load(tmp_path / "trainer.safetensors")
    assert evaluate(model, trainer.data.test) == trainer.test_result
    assert metadata["model_kwargs"] == {"in_features": 30, "standardize": True}
    assert metadata["data"]["name"] == "scikit-learn's breast cancer table"
    assert metadata["settings"]["seed"] == 7
    assert metadata["versions"]["torch"] == torch.__version__
    assert metadata["results"]["test"]["accuracy"] == trainer.test_result.accuracy
    assert Epoch(**metadata["results"]["last_epoch"]) == trainer.history[-1]


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
        for decay, backend in ((1.0, "fused"), (1.0, "native"), (0.0, "fused"))
    )
    assert losses(fused) == pytest.approx(losses(native), rel=1e-5)
    decayed, other = (
        torch.cat([weight.flatten() for weight in run.weights().values()]).norm()
        for run in (fused, without)
    )
    assert decayed < 0.9999 * other


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
    loaded, _ = weights_file.load(tmp_path / "model.safetensors")
    inputs = data.test.as_float()
    torch.testing.assert_close(loaded(inputs), fused.model(inputs))


@pytest.mark.parametrize("backend", ["fused", "native"])
def test_columns_are_standardized_by_the_training_part(backend: str) -> None:
    trainer = trained("diabetes", breast_cancer(), epochs=3, backend=backend)
    columns = trainer.model.columns
    torch.testing.assert_close(columns.mean, trainer.train.inputs.mean(0), atol=1e-6, rtol=0)
    assert evaluate(trainer.model, trainer.data.test) == trainer.test()


@pytest.mark.parametrize("model", ["logistic", "diabetes"])
def test_unscaled_columns_are_learned_by_default_and_not_in_the_course(model: str) -> None:
    """The kind of table that made a model answer the same for every row."""
    generator = Generator().manual_seed(0)
    inputs = torch.randn(600, 3, generator=generator)
    targets = (inputs.sum(1, keepdim=True) > 0).float()
    inputs = inputs * torch.tensor([1e4, 1.0, 1e-3]) + torch.tensor([1e5, 50.0, 0.0])
    data = Data(
        "unscaled", Examples(inputs[:500], targets[:500]), Examples(inputs[500:], targets[500:])
    )
    majority = max(data.test.targets.mean().item(), 1 - data.test.targets.mean().item())
    assert trained(model, data, epochs=30).test().accuracy > majority + 0.25
    in_course = replace(COURSE[model], epochs=30)
    trainer = Trainer(in_course, data)
    with contextlib.suppress(Diverged):
        list(trainer.epochs())
    assert trainer.test().accuracy < majority + 0.15
