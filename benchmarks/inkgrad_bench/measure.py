"""Timing contenders against each other, and the statistics of what was timed."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Any]

# Quartiles further apart than this share of the median: something disturbed the samples.
NOISY = 0.2
# A call as long as this does not feel what ran before it.
LONG_SECONDS = 0.05


@dataclass(frozen=True)
class Effort:
    """How long to measure: samples of ``sample_seconds`` or of one call, if that takes longer.

    ``rounds`` rounds of one sample each, or as many more as fit into ``seconds``, up to ``most``.
    """

    sample_seconds: float
    rounds: int
    most: int
    seconds: float


FULL = Effort(sample_seconds=0.005, rounds=5, most=41, seconds=1.5)
QUICK = Effort(sample_seconds=0.001, rounds=3, most=7, seconds=0.1)


@dataclass(frozen=True)
class Spread:
    """Median, quartiles and least of some samples."""

    median: float
    lower: float
    upper: float
    least: float

    @property
    def noisy(self) -> bool:
        return self.upper - self.lower > NOISY * self.median


def spread(samples: Sequence[float]) -> Spread:
    """ValueError for no samples."""
    if len(samples) < 2:
        (only,) = samples
        return Spread(only, only, only, only)
    lower, median, upper = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, lower, upper, min(samples))


def paired_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Spread:
    """Of samples taken in pairs: what slowed a whole round down falls out of its quotient."""
    return spread([a / b for a, b in zip(numerator, denominator, strict=True)])


def race(
    steps: dict[str, Step], effort: Effort, synchronize: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Seconds per call of each step, one sample a round.

    The steps alternate, each round beginning with another one, so that what happens to the
    machine meanwhile happens to all of them. A sample follows an untimed call of its step, which
    pays for what the step before left behind: memory given back to the system, cold caches.
    ``synchronize`` waits for a device to finish.
    """
    with _no_collection():
        calls = {name: _calls(step, effort, synchronize) for name, step in steps.items()}
        samples: dict[str, list[float]] = {name: [] for name in steps}
        names = list(steps)
        deadline = time.perf_counter() + effort.seconds
        for number in range(effort.most):
            if number >= effort.rounds and time.perf_counter() > deadline:
                break
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                if not samples[name] or samples[name][-1] < LONG_SECONDS:
                    _sample(steps[name], 1, synchronize)
                seconds = _sample(steps[name], calls[name], synchronize)
                samples[name].append(seconds / calls[name])
        return samples


def _calls(step: Step, effort: Effort, synchronize: Callable[[], None]) -> int:
    """How many calls make a sample; the step is warm afterwards."""
    calls = 1
    _sample(step, calls, synchronize)
    while True:
        seconds = _sample(step, calls, synchronize)
        if seconds >= effort.sample_seconds:
            return calls
        # Not more than tenfold at once: a first sample is too short to be believed.
        calls = min(10 * calls, int(calls * 1.2 * effort.sample_seconds / max(seconds, 1e-9)) + 1)


def _sample(step: Step, calls: int, synchronize: Callable[[], None]) -> float:
    """Seconds of so many calls."""
    synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        step()
    synchronize()
    return time.perf_counter() - start


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python's garbage collector would strike one contender or the other."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
