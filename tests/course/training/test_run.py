"""Runs in the background: watched and steered, they train as a trainer alone does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inkgrad.course import weights_file
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.settings import course_settings
from inkgrad.course.training import confusion_images
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import LrChange
from inkgrad.course.training.run_status import RunStatus
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.trainer import Trainer
from warm_python import WarmPython

MUCH = 10_000  # epochs: more than any test waits for


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def begin(store: RunStore, few_digits: Data) -> Callable[..., Run]:
    """Starts a run of the CNN on a few digits."""

    def start(**changes: Any) -> Run:
        settings = course_settings("cnn", **{"augment": False, "batch_size": 32, **changes})
        run = Run(settings, lambda report: few_digits, store)
        run.start()
        return run

    return start


def until(run: Run, holds: Callable[[RunStatus], bool]) -> RunStatus:
    """The first status for which that holds."""
    deadline = time.monotonic() + 60
    while not holds(status := run.status()):
        assert time.monotonic() < deadline, status
        time.sleep(0.005)
    return status


def end(run: Run) -> RunStatus:
    assert run.wait(60)
    return run.status()


def test_it_learns_what_the_run_alone_learns_and_is_kept(begin, store, few_digits) -> None:
    run = begin(epochs=3)
    status = end(run)
    alone = Trainer(run.settings, few_digits)
    list(alone.epochs())
    assert status.state == "finished"
    assert [epoch.loss for epoch in status.record.epochs] == [epoch.loss for epoch in alone.history]
    assert status.done == status.steps == len(status.record.curve) == 27
    record = store.load(run.id)
    assert record == run.record()
    assert (record.state, record.test) == ("finished", alone.test())
    assert sum(map(sum, record.confusion)) == len(few_digits.test)
    images = confusion_images.load(store.confusion_images(run.id))
    assert len(images.in_cell(3, 3)) == min(record.confusion[3][3], confusion_images.MAX_IMAGES)
    right = sum(record.confusion[digit][digit] for digit in range(10))
    assert right / len(few_digits.test) == record.test.accuracy
    model, _ = weights_file.load(store.weights(run.id))
    for name, weight in alone.weights().items():
        assert torch.equal(model.state_dict()[name], weight)


def test_runs_in_company_give_the_curves_they_give_alone(begin) -> None:
    alone = [end(begin(epochs=2, seed=seed)) for seed in (0, 1)]
    together = [begin(epochs=2, seed=seed) for seed in (0, 1, 0)]
    losses = [[point.loss for point in end(run).record.curve] for run in together]
    assert losses[0] == losses[2] == [point.loss for point in alone[0].record.curve]
    assert losses[1] == [point.loss for point in alone[1].record.curve] != losses[0]


def test_watching_and_pausing_do_not_change_the_curve(begin) -> None:
    undisturbed = end(begin(epochs=20))
    paused = begin(epochs=20)
    paused.pause()
    until(paused, lambda now: now.state == "paused")
    time.sleep(0.1)  # the step in status
    before = paused.status()
    time.sleep(0.2)
    after = paused.status()
    assert (after.state, after.done) == ("paused", before.done)
    assert after.record.seconds == before.record.seconds
    paused.resume()
    losses = [epoch.loss for epoch in end(paused).record.epochs]
    assert losses == [epoch.loss for epoch in undisturbed.record.epochs]


def test_a_stopped_run_keeps_what_it_learned(begin, store) -> None:
    run = begin(epochs=MUCH)
    until(run, lambda now: len(now.record.epochs) >= 1)
    run.stop()
    assert run.status().state == "stopped"  # at once, though the step in status goes on
    end(run)
    assert store.load(run.id).state == "stopped"
    assert store.weights(run.id).exists()


def test_a_paused_run_can_be_stopped(begin) -> None:
    run = begin(epochs=MUCH)
    until(run, lambda now: now.done > 0)
    run.pause()
    run.stop()
    assert end(run).state == "stopped"


def test_a_run_ends_after_the_time_it_may_take(store, few_digits) -> None:
    settings = course_settings("cnn", epochs=MUCH)
    run = Run(settings, lambda report: few_digits, store, max_seconds=0.1)
    run.start()
    status = end(run)
    assert (status.state, status.record.message[:10]) == ("stopped", "A run may ")


def test_a_changed_rate_counts_from_the_next_step_and_is_recorded(begin, store) -> None:
    run = begin(epochs=MUCH, one_cycle=False, momentum=0.0)
    until(run, lambda now: now.done >= 20)
    run.pause()
    time.sleep(0.1)
    run.set_lr(1e-30)  # as good as nothing: the weights stay
    done = run.status().done
    weights = run.trainer.weights()
    run.resume()
    until(run, lambda now: now.done > done + 20)
    run.stop()
    end(run)
    assert all(torch.equal(weights[name], now) for name, now in run.trainer.weights().items())
    assert store.load(run.id).lr_changes == (LrChange(done + 1, 1e-30),)


@pytest.mark.parametrize("lr", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(begin, lr: float) -> None:
    run = begin(epochs=1)
    with pytest.raises(ValueError, match="lr: expected a positive number"):
        run.set_lr(lr)
    end(run)


def test_a_diverged_run_has_its_last_good_weights(begin, store) -> None:
    run = begin(epochs=MUCH, one_cycle=False)
    until(run, lambda now: len(now.record.epochs) >= 1)
    run.set_lr(1e20)
    status = end(run)
    assert status.state == "diverged"
    assert status.record.message.startswith(f"in epoch {len(status.record.epochs) + 1}")
    model, _ = weights_file.load(store.weights(run.id))
    assert all(weight.isfinite().all() for weight in model.state_dict().values())
    assert all(checkpoint.step <= len(status.record.epochs) * 9 for checkpoint in run.checkpoints)
    assert store.load(run.id).state == "diverged"


def test_a_run_that_diverges_at_once_is_recorded_without_weights(begin, store) -> None:
    run = begin(epochs=2, lr=1e30, one_cycle=False)
    assert end(run).state == "diverged"
    assert store.load(run.id).epochs == ()
    assert not store.weights(run.id).exists()


def test_data_that_cannot_be_loaded_is_a_failure_with_its_reason(store) -> None:
    def load(report: Report) -> Data:
        raise OSError("the disk is gone")

    run = Run(course_settings("cnn"), load, store)
    run.start()
    status = end(run)
    assert (status.state, status.record.message) == ("failed", "OSError: the disk is gone")
    (kept,) = store.summaries()[0]
    assert (kept.id, kept.state) == (run.id, "failed")


def test_what_takes_long_is_told_while_the_data_is_loaded(store, few_digits) -> None:
    loaded = threading.Event()

    def load(report: Report) -> Data:
        report("Downloading it")
        assert loaded.wait(60)
        return few_digits

    run = Run(course_settings("cnn", epochs=1), load, store)
    run.start()
    assert until(run, lambda now: now.record.message != "").record.message == "Downloading it"
    assert run.status().state == "loading"
    loaded.set()
    assert end(run).record.message == ""


def test_a_disk_that_takes_no_record_does_not_end_the_run(few_digits, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = course_settings("cnn", epochs=1)
    run = Run(settings, lambda report: few_digits, RunStore(tmp_path / "file"))
    run.start()
    status = end(run)
    assert status.state == "finished"
    assert status.problem.startswith("The run could not be saved")
    assert run.is_unsaved
    run.leave()


def test_checkpoints_are_the_weights_after_their_steps(begin, few_digits) -> None:
    run = begin(epochs=2)
    end(run)
    steps = [checkpoint.step for checkpoint in run.checkpoints]
    assert steps[0] == 0
    assert steps[-1] == 18
    assert steps == sorted(set(steps))
    again: dict[int, dict[str, torch.Tensor]] = {}
    trainer = Trainer(
        run.settings,
        few_digits,
        on_batch=lambda _: again.update({trainer.steps: trainer.weights()}),
    )
    list(trainer.epochs())
    for checkpoint in run.checkpoints[1:]:
        for name, weight in checkpoint.weights.items():
            assert torch.equal(weight, again[checkpoint.step][name])


LEAVING = """
import time
from pathlib import Path
import torch
from inkgrad.course.data.datasets import digits
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.settings import course_settings

torch.set_num_threads(1)
run = Run(course_settings("cnn", epochs=10**6), lambda report: digits(), RunStore(Path("runs")))
run.start()
while not run.status().record.epochs:
    time.sleep(0.01)
"""


def test_a_program_that_ends_keeps_the_runs_that_trained(
    python: WarmPython, tmp_path: Path
) -> None:
    ran = python.run(LEAVING, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    store = RunStore(tmp_path / "runs")
    (record,) = store.summaries()[0]
    assert record.state == "stopped"
    assert store.weights(record.id).exists()
