"""Ratios, quartiles and targets: right for samples whose answer is known."""

import itertools

import pytest

from inkgrad_bench import ceilings, measure
from inkgrad_bench.cases import NEVER_LOSE, Case, Target
from inkgrad_bench.measure import Effort, paired_ratio, race, spread
from inkgrad_bench.session import cliffs, scaled, summarise, verdict


def test_median_and_quartiles():
    found = spread([5.0, 1.0, 3.0, 2.0, 4.0])
    assert (found.lower, found.median, found.upper, found.least) == (2.0, 3.0, 4.0, 1.0)


def test_one_sample_is_its_own_median():
    assert spread([2.0]).median == spread([2.0]).upper == 2.0


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="unpack"):
        spread([])


def test_ratio_is_of_pairs_not_of_medians():
    """A machine that slows down in every other round leaves the ratio as it is."""
    ours = [1.0, 10.0, 1.0, 10.0, 1.0]
    assert paired_ratio([3.0 * seconds for seconds in ours], ours) == spread([3.0] * 5)


def test_ratio_wants_as_many_samples_of_both():
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([1.0, 2.0], [1.0])


def test_scattered_samples_are_noisy():
    assert not spread([1.0, 1.01, 1.02, 1.03]).noisy
    assert spread([1.0, 1.5, 2.0, 2.5]).noisy


class Clock:
    """perf_counter of a machine on which each call takes just as long as it says."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.calls = []
        monkeypatch.setattr(measure.time, "perf_counter", lambda: self.now)

    def step(self, name, seconds):
        def call():
            self.calls.append(name)
            self.now += seconds

        return call


def test_race_finds_seconds_per_call(monkeypatch):
    clock = Clock(monkeypatch)
    effort = Effort(sample_seconds=0.01, rounds=3, most=3, seconds=0.0)
    samples = race({"a": clock.step("a", 0.004), "b": clock.step("b", 0.0005)}, effort)
    assert samples == {"a": pytest.approx([0.004] * 3), "b": pytest.approx([0.0005] * 3)}


def test_race_takes_turns_at_being_first(monkeypatch):
    clock = Clock(monkeypatch)
    effort = Effort(sample_seconds=0.001, rounds=4, most=4, seconds=0.0)
    race({name: clock.step(name, 0.001) for name in "abc"}, effort)
    order = [name for name, _ in itertools.groupby(clock.calls[-24:])]
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"


def test_race_calls_a_step_once_before_its_sample_unless_it_takes_long(monkeypatch):
    clock = Clock(monkeypatch)
    race({"a": clock.step("a", 0.001)}, Effort(0.001, rounds=3, most=3, seconds=0.0))
    short = len(clock.calls)
    race({"a": clock.step("a", 1.0)}, Effort(0.001, rounds=3, most=3, seconds=0.0))
    assert short == 2 + 2 * 3
    assert len(clock.calls) - short == 2 + 3 + 1  # only once, for nothing is known yet


def test_race_ends_at_its_time_or_its_most_rounds(monkeypatch):
    clock = Clock(monkeypatch)
    steps = {"a": clock.step("a", 1.0)}
    assert len(race(steps, Effort(0.1, rounds=2, most=100, seconds=6.5))["a"]) == 6
    assert len(race(steps, Effort(0.1, rounds=2, most=4, seconds=100.0))["a"]) == 4
    assert len(race(steps, Effort(0.1, rounds=3, most=4, seconds=0.0))["a"]) == 3


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1.99, "missed"), (2.0, "reached"), (3.9, "reached"), (4.0, "ambition"), (50.0, "ambition")],
)
def test_verdict(ratio, expected):
    assert verdict(spread([ratio]), Target(2, 4)) == expected


def test_no_verdict_without_a_target():
    assert verdict(spread([1.0]), None) is None
    assert verdict(None, Target(2, 4)) is None


@pytest.mark.parametrize(
    ("target", "share", "expected"),
    [
        (Target(30, 50), 1.0, Target(30, 50)),
        (Target(30, 50), 0.7, Target(21, 35)),
        (Target(1.1, 1.2), 0.7, Target(0.95, 0.95)),  # no kernel may lose
        (NEVER_LOSE, 0.7, Target(0.95, 0.95)),
        (Target(30, 50), None, None),  # no targets for other kernels and devices
        (None, 1.0, None),
    ],
)
def test_targets_of_lesser_kernels(target, share, expected):
    found = scaled(target, share)
    if expected is None:
        assert found is None
    else:
        assert found.least == pytest.approx(expected.least)
        assert found.ambition == pytest.approx(expected.ambition)


def test_summary_of_given_samples():
    case = Case("conv2d", "x", targets={"forward": Target(2, 4)}, compiled_target=Target(3, 5))
    samples = {"native": [6.0, 9.0, 6.0], "compiled": [4.0, 6.0, 4.0], "ours": [2.0, 3.0, 2.0]}
    row = summarise(samples, case, "forward", 1.0)
    assert row["ratio"]["native"]["median"] == 3.0
    assert row["ratio"]["compiled"]["median"] == 2.0
    assert (row["verdict"], row["compiled_verdict"]) == ("reached", "missed")
    assert row["seconds"]["ours"]["median"] == 2.0


def scaling_points(seconds_by_batch):
    return [
        {
            "op": "conv2d",
            "direction": "forward",
            "threads": 1,
            "batch": batch,
            "seconds": None if seconds is None else {"ours": {"median": seconds}},
        }
        for batch, seconds in seconds_by_batch.items()
    ]


def test_linear_growth_is_no_cliff():
    assert cliffs(scaling_points({1: 2e-6, 4: 3e-6, 16: 12e-6, 64: 50e-6})) == []


def test_a_jump_is_a_cliff():
    (found,) = cliffs(scaling_points({1: 1e-6, 4: 4e-6, 16: 32e-6, 64: None}))
    assert "batch 16 takes 8.0 times as long as 4" in found


def test_ceilings_are_measured_in_the_types_that_are_needed():
    found = ceilings.measure("cpu", quick=True, dtypes={"float64"})
    assert set(found.gflops) == {"float32", "float64"}
    assert all(rate > 0 for rate in found.gflops.values())
