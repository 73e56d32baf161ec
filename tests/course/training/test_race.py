"""Runs of a race train in turn, for about the same time, and none waits for one that has left."""

from __future__ import annotations

import threading

import pytest
import torch

from inkgrad.course.data.datasets import Data
from inkgrad.course.settings import course_settings
from inkgrad.course.training.race import SLICE_SECONDS, Lane, Race
from inkgrad.course.training.steps import ChainSteps, EagerSteps
from inkgrad.course.training.trainer import Trainer

_PATIENCE = 60.0


def _race(work: dict[Lane, float], steps: int) -> list[tuple[int, float]]:
    """Let lanes take ``steps`` steps of so many seconds each, by their own clocks.

    Returns the turns, [(index of the lane, its seconds)], in their order.
    """
    turns: list[tuple[int, float]] = []
    inside = threading.Semaphore(1)
    together: list[int] = []

    def run(index: int, lane: Lane, cost: float) -> None:
        for step in range(steps):
            lane.wait(step * cost, threading.Event())
            if not inside.acquire(blocking=False):
                together.append(index)
                return lane.leave()
            turns.append((index, step * cost))
            inside.release()
        lane.leave()

    threads = [
        threading.Thread(target=run, args=(index, lane, cost), daemon=True)
        for index, (lane, cost) in enumerate(work.items())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
        assert not thread.is_alive()
    assert not together, "two trained at once"
    return turns


def test_each_trains_alone_and_for_as_long_as_the_other() -> None:
    fast, slow = Race(2).lanes
    costs = (0.01, 0.03)
    turns = _race(dict(zip((fast, slow), costs, strict=True)), steps=60)
    clocks = [0.0, 0.0]
    for index, seconds in turns:
        clocks[index] = seconds
        if max(clocks) > 59 * costs[0]:
            break  # the faster one is at its end
        assert abs(clocks[0] - clocks[1]) <= SLICE_SECONDS + max(costs) + 1e-9
    done_by_slow = sum(index == 1 for index, _ in turns[: turns.index((0, 59 * costs[0]))])
    assert 15 <= done_by_slow <= 25  # a third of the steps of the faster one
    assert len(turns) == 120


def test_nobody_starts_before_all_are_ready_unless_they_left() -> None:
    first, second = Race(2).lanes
    started = threading.Event()

    def run() -> None:
        first.wait(0.0, threading.Event())
        started.set()

    threading.Thread(target=run, daemon=True).start()
    assert not started.wait(0.2)
    second.leave()
    assert started.wait(_PATIENCE)


def test_one_that_is_stopped_does_not_wait() -> None:
    first, _ = Race(2).lanes
    stop = threading.Event()
    waiting = threading.Thread(target=first.wait, args=(0.0, stop), daemon=True)
    waiting.start()
    stop.set()
    waiting.join(_PATIENCE)
    assert not waiting.is_alive()


def test_one_that_is_paused_lets_the_other_go_on(few_digits: Data) -> None:
    settings = course_settings("cnn", epochs=1, batch_size=16, augment=False)
    lanes = Race(2).lanes
    paused, other = (Trainer(settings, few_digits, lane=lane) for lane in lanes)
    paused.pause.set()
    thread = threading.Thread(target=lambda: list(paused.epochs()), daemon=True)
    thread.start()
    assert len(list(other.epochs())) == 1
    lanes[1].leave()
    paused.pause.clear()
    thread.join(_PATIENCE)
    assert paused.epochs_done == 1
    for name, weight in other.weights().items():
        assert torch.equal(weight, paused.weights()[name])


@pytest.mark.parametrize(("eager", "kind"), [(False, ChainSteps), (True, EagerSteps)])
def test_eager_steps_go_through_backward(few_digits: Data, eager: bool, kind: type) -> None:
    settings = course_settings("cnn", epochs=1, augment=False, eager=eager)
    assert type(Trainer(settings, few_digits)._steps) is kind
