"""Runs in the background: watched and steered, they learn what they would learn alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from inkgrad.course.data.datasets import Data, Say
from inkgrad.course.settings import course_settings
from inkgrad.course.training import confusion_images as cells
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.checkpoints import moments
from inkgrad.course.training.curve import Curve
from inkgrad.course.training.live_run import LiveRun, Progress
from inkgrad.course.training.loop import Batch, Run
from inkgrad.course.training.run_store import Rate, RunStore
from warm_python import WarmPython

MUCH = 10_000  # epochs: more than any test waits for


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def begin(store: RunStore, few_digits: Data) -> Callable[..., LiveRun]:
    """Starts a run of the CNN on a few digits."""

    def start(**changes: Any) -> LiveRun:
        settings = course_settings("cnn", **{"augment": False, "batch_size": 32, **changes})
        live = LiveRun(settings, lambda say: few_digits, store)
        live.start()
        return live

    return start


def until(live: LiveRun, holds: Callable[[Progress], bool]) -> Progress:
    """The first progress for which that holds."""
    deadline = time.monotonic() + 60
    while not holds(progress := live.progress()):
        assert time.monotonic() < deadline, progress
        time.sleep(0.005)
    return progress


def end(live: LiveRun) -> Progress:
    assert live.wait(60)
    return live.progress()


def test_it_learns_what_the_run_alone_learns_and_is_kept(begin, store, few_digits) -> None:
    live = begin(epochs=3)
    progress = end(live)
    alone = Run(live.settings, few_digits)
    list(alone.epochs())
    assert progress.phase == "finished"
    assert [epoch.loss for epoch in progress.epochs] == [epoch.loss for epoch in alone.history]
    assert progress.done == progress.steps == len(progress.points) == 27
    record = store.load(live.id)
    assert record == live.record()
    assert (record.state, record.test) == ("finished", alone.test())
    assert sum(map(sum, record.confusion)) == len(few_digits.test)
    kept = cells.load(store.cells(live.id))
    assert len(kept.of(3, 3)) == min(record.confusion[3][3], cells.MOST)
    right = sum(record.confusion[digit][digit] for digit in range(10))
    assert right / len(few_digits.test) == record.test.accuracy
    model, _ = checkpoint.load(store.weights(live.id))
    for name, weight in alone.weights().items():
        assert torch.equal(model.state_dict()[name], weight)


def test_runs_in_company_give_the_curves_they_give_alone(begin) -> None:
    alone = [end(begin(epochs=2, seed=seed)) for seed in (0, 1)]
    together = [begin(epochs=2, seed=seed) for seed in (0, 1, 0)]
    losses = [[point.loss for point in end(live).points] for live in together]
    assert losses[0] == losses[2] == [point.loss for point in alone[0].points]
    assert losses[1] == [point.loss for point in alone[1].points] != losses[0]


def test_watching_and_pausing_do_not_change_the_curve(begin) -> None:
    undisturbed = end(begin(epochs=20))
    paused = begin(epochs=20)
    paused.pause()
    until(paused, lambda now: now.phase == "paused")
    time.sleep(0.1)  # the step in progress
    before = paused.progress()
    time.sleep(0.2)
    after = paused.progress()
    assert (after.phase, after.done) == ("paused", before.done)
    assert after.seconds == before.seconds
    paused.go_on()
    losses = [epoch.loss for epoch in end(paused).epochs]
    assert losses == [epoch.loss for epoch in undisturbed.epochs]


def test_a_stopped_run_keeps_what_it_learnt(begin, store) -> None:
    live = begin(epochs=MUCH)
    until(live, lambda now: len(now.epochs) >= 1)
    live.stop()
    assert live.progress().phase == "stopped"  # at once, though the step in progress goes on
    end(live)
    assert store.load(live.id).state == "stopped"
    assert store.weights(live.id).exists()


def test_a_paused_run_can_be_stopped(begin) -> None:
    live = begin(epochs=MUCH)
    until(live, lambda now: now.done > 0)
    live.pause()
    live.stop()
    assert end(live).phase == "stopped"


def test_a_run_ends_after_the_time_it_may_take(store, few_digits) -> None:
    settings = course_settings("cnn", epochs=MUCH)
    live = LiveRun(settings, lambda say: few_digits, store, most_seconds=0.1)
    live.start()
    progress = end(live)
    assert (progress.phase, progress.message[:10]) == ("stopped", "A run may ")


def test_a_changed_rate_counts_from_the_next_step_and_is_recorded(begin, store) -> None:
    live = begin(epochs=MUCH, one_cycle=False, momentum=0.0)
    until(live, lambda now: now.done >= 20)
    live.pause()
    time.sleep(0.1)
    live.set_lr(1e-30)  # as good as nothing: the weights stay
    done = live.progress().done
    weights = live.run.weights()
    live.go_on()
    until(live, lambda now: now.done > done + 20)
    live.stop()
    end(live)
    assert all(torch.equal(weights[name], now) for name, now in live.run.weights().items())
    assert store.load(live.id).rates == (Rate(done + 1, 1e-30),)


@pytest.mark.parametrize("lr", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(begin, lr: float) -> None:
    live = begin(epochs=1)
    with pytest.raises(ValueError, match="lr: expected a positive number"):
        live.set_lr(lr)
    end(live)


def test_a_diverged_run_has_its_last_good_weights(begin, store) -> None:
    live = begin(epochs=MUCH, one_cycle=False)
    until(live, lambda now: len(now.epochs) >= 1)
    live.set_lr(1e20)
    progress = end(live)
    assert progress.phase == "diverged"
    assert progress.message.startswith(f"in epoch {len(progress.epochs) + 1}")
    model, _ = checkpoint.load(store.weights(live.id))
    assert all(weight.isfinite().all() for weight in model.state_dict().values())
    assert all(snapshot.step <= len(progress.epochs) * 9 for snapshot in live.snapshots)
    assert store.load(live.id).state == "diverged"


def test_a_run_that_diverges_at_once_is_recorded_without_weights(begin, store) -> None:
    live = begin(epochs=2, lr=1e30, one_cycle=False)
    assert end(live).phase == "diverged"
    assert store.load(live.id).epochs == ()
    assert not store.weights(live.id).exists()


def test_data_that_cannot_be_loaded_is_a_failure_with_its_reason(store) -> None:
    def load(say: Say) -> Data:
        raise OSError("the disk is gone")

    live = LiveRun(course_settings("cnn"), load, store)
    live.start()
    progress = end(live)
    assert (progress.phase, progress.message) == ("failed", "OSError: the disk is gone")
    assert store.records() == []


def test_what_takes_long_is_told_while_the_data_is_loaded(store, few_digits) -> None:
    loaded = threading.Event()

    def load(say: Say) -> Data:
        say("Downloading it")
        assert loaded.wait(60)
        return few_digits

    live = LiveRun(course_settings("cnn", epochs=1), load, store)
    live.start()
    assert until(live, lambda now: now.message != "").message == "Downloading it"
    assert live.progress().phase == "loading"
    loaded.set()
    assert end(live).message == ""


def test_a_disk_that_takes_no_record_does_not_end_the_run(few_digits, tmp_path) -> None:
    (tmp_path / "file").write_text("no folder")
    settings = course_settings("cnn", epochs=1)
    live = LiveRun(settings, lambda say: few_digits, RunStore(tmp_path / "file"))
    live.start()
    progress = end(live)
    assert progress.phase == "finished"
    assert progress.message.startswith("The run could not be saved")


def test_snapshots_are_the_weights_of_their_moments(begin, few_digits) -> None:
    live = begin(epochs=2)
    end(live)
    steps = [snapshot.step for snapshot in live.snapshots]
    assert steps[0] == 0
    assert steps[-1] == 18
    assert steps == sorted(set(steps))
    again: dict[int, dict[str, torch.Tensor]] = {}
    run = Run(
        live.settings, few_digits, on_batch=lambda _: again.update({run.steps: run.weights()})
    )
    list(run.epochs())
    for snapshot in live.snapshots[1:]:
        for name, weight in snapshot.weights.items():
            assert torch.equal(weight, again[snapshot.step][name])


LEAVING = """
import time
from pathlib import Path
import torch
from inkgrad.course.data.datasets import digits
from inkgrad.course.training.live_run import LiveRun
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.settings import course_settings

torch.set_num_threads(1)
live = LiveRun(course_settings("cnn", epochs=10**6), lambda say: digits(), RunStore(Path("runs")))
live.start()
while not live.progress().epochs:
    time.sleep(0.01)
"""


def test_a_program_that_ends_keeps_the_runs_that_trained(
    python: WarmPython, tmp_path: Path
) -> None:
    ran = python.run(LEAVING, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, "")
    store = RunStore(tmp_path / "runs")
    (record,) = store.records()
    assert record.state == "stopped"
    assert store.weights(record.id).exists()


@pytest.mark.parametrize("steps", [1, 2, 9, 860, 17_200, 1_000_000])
@pytest.mark.parametrize("size", [1, 22_000, 2_300_000, 10**9])
def test_there_are_enough_snapshots_and_not_too_many(steps: int, size: int) -> None:
    chosen = moments(steps, size)
    assert chosen[0] == 0
    assert chosen[-1] == steps
    assert min(steps + 1, 6) <= len(chosen) <= 62
    assert len(chosen) <= max(9, 48 * 2**20 // size + 2)


def test_a_long_curve_stays_short_and_keeps_its_means() -> None:
    curve = Curve(most=8)
    for number in range(1, 101):
        curve.add(Batch(1, number, 100, 1, float(number), number / 10))
    assert curve.stride == 16
    assert [point.step for point in curve.points] == [16, 32, 48, 64, 80, 96]
    assert [point.loss for point in curve.points] == [8.5, 24.5, 40.5, 56.5, 72.5, 88.5]
    assert curve.points[0].epoch == 0.16
