"""Samples, quartiles and ratios, on a clock whose answers are known."""

import itertools

import pytest

from inkgrad_bench import timing
from inkgrad_bench.timing import Effort, Quartiles, paired_ratio, quartiles, time_interleaved


def test_median_and_quartiles():
    assert quartiles([5.0, 1.0, 3.0, 2.0, 4.0]) == Quartiles(2.0, 3.0, 4.0)


def test_one_sample_is_its_own_median():
    assert quartiles([2.0]).median == quartiles([2.0]).upper == 2.0


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="unpack"):
        quartiles([])


def test_ratio_is_of_pairs_not_of_medians():
    """A machine that slows down in every other round leaves the ratio as it is."""
    ours = [1.0, 10.0, 1.0, 10.0, 1.0]
    assert paired_ratio([3.0 * seconds for seconds in ours], ours) == quartiles([3.0] * 5)


def test_ratio_wants_as_many_samples_of_both():
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


def test_scattered_samples_are_noisy():
    assert not quartiles([1.0, 1.01, 1.02, 1.03]).noisy
    assert quartiles([1.0, 1.5, 2.0, 2.5]).noisy


class Clock:
    """perf_counter of a machine on which each call takes exactly the time it declares."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.calls = []
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def step(self, name, seconds):
        def call():
            self.calls.append(name)
            self.now += seconds

        return call


def test_samples_are_seconds_per_call(monkeypatch):
    clock = Clock(monkeypatch)
    effort = Effort(sample_seconds=0.01, min_rounds=3, max_rounds=3, seconds=0.0)
    samples = time_interleaved({"a": clock.step("a", 0.004), "b": clock.step("b", 0.0005)}, effort)
    assert samples == {"a": pytest.approx([0.004] * 3), "b": pytest.approx([0.0005] * 3)}


def test_steps_take_turns_at_being_first(monkeypatch):
    clock = Clock(monkeypatch)
    effort = Effort(sample_seconds=0.001, min_rounds=4, max_rounds=4, seconds=0.0)
    time_interleaved({name: clock.step(name, 0.001) for name in "abc"}, effort)
    order = [name for name, _ in itertools.groupby(clock.calls[-24:])]
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"


def test_a_short_step_is_called_once_before_its_sample(monkeypatch):
    clock = Clock(monkeypatch)
    time_interleaved(
        {"a": clock.step("a", 0.001)}, Effort(0.001, min_rounds=3, max_rounds=3, seconds=0.0)
    )
    short = len(clock.calls)
    time_interleaved(
        {"a": clock.step("a", 1.0)}, Effort(0.001, min_rounds=3, max_rounds=3, seconds=0.0)
    )
    assert short == 2 + 2 * 3
    assert len(clock.calls) - short == 2 + 3 + 1  # once, before its length is known


def test_it_ends_after_its_time_or_its_rounds(monkeypatch):
    clock = Clock(monkeypatch)
    steps = {"a": clock.step("a", 1.0)}
    assert (
        len(time_interleaved(steps, Effort(0.1, min_rounds=2, max_rounds=100, seconds=6.5))["a"])
        == 6
    )
    assert (
        len(time_interleaved(steps, Effort(0.1, min_rounds=2, max_rounds=4, seconds=100.0))["a"])
        == 4
    )
    assert (
        len(time_interleaved(steps, Effort(0.1, min_rounds=3, max_rounds=4, seconds=0.0))["a"]) == 3
    )
