"""Time several implementations against each other; medians, quartiles and paired ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Step = Callable[[], Any]

# Samples whose quartiles are further apart than this share of the median are marked as noisy.
NOISY = 0.2
# A call that takes this long is not affected by the state in which the previous one left the
# caches and the allocator.
LONG_SECONDS = 0.05


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    A sample takes ``sample_seconds``, or one call if that is longer. There are at least
    ``min_rounds`` rounds of one sample per step, then more until ``seconds`` have passed, at most
    ``max_rounds``.
    """

    sample_seconds: float
    min_rounds: int
    max_rounds: int
    seconds: float


FULL = Effort(sample_seconds=0.005, min_rounds=5, max_rounds=41, seconds=1.5)
QUICK = Effort(sample_seconds=0.001, min_rounds=3, max_rounds=7, seconds=0.1)


@dataclass(frozen=True)
class Quartiles:
    """Median, lower and upper quartile of some samples."""

    lower: float
    median: float
    upper: float

    @property
    def noisy(self) -> bool:
        return self.upper - self.lower > NOISY * self.median


def quartiles(samples: Sequence[float]) -> Quartiles:
    """Raises ValueError for no samples."""
    if len(samples) < 2:
        (only,) = samples
        return Quartiles(only, only, only)
    return Quartiles(*statistics.quantiles(samples, n=4, method="inclusive"))


def paired_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Quartiles:
    """Quartiles of the ratios of samples taken in the same round.

    Whatever slows down a whole round cancels.
    """
    return quartiles([a / b for a, b in zip(numerator, denominator, strict=True)])


def time_interleaved(
    steps: dict[str, Step], effort: Effort, synchronize: Callable[[], None] = lambda: None
) -> dict[str, list[float]]:
    """Return seconds per call of each step, one sample per round.

    The steps take turns, and each round starts with a different one, so that a disturbance hits
    all of them alike. Every sample follows an untimed call of the same step, which absorbs what
    the other step left behind: cold caches, memory returned to the system. ``synchronize`` waits
    for a device to finish.
    """
    with _garbage_collection_paused():
        calls = {name: _calls_per_sample(step, effort, synchronize) for name, step in steps.items()}
        samples: dict[str, list[float]] = {name: [] for name in steps}
        names = list(steps)
        deadline = time.perf_counter() + effort.seconds
        for number in range(effort.max_rounds):
            if number >= effort.min_rounds and time.perf_counter() > deadline:
                break
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                if not samples[name] or samples[name][-1] < LONG_SECONDS:
                    _time_calls(steps[name], 1, synchronize)
                seconds = _time_calls(steps[name], calls[name], synchronize)
                samples[name].append(seconds / calls[name])
        return samples


def _calls_per_sample(step: Step, effort: Effort, synchronize: Callable[[], None]) -> int:
    """Warm the step up and count the calls that fill a sample."""
    calls = 1
    _time_calls(step, calls, synchronize)
    while True:
        seconds = _time_calls(step, calls, synchronize)
        if seconds >= effort.sample_seconds:
            return calls
        # At most tenfold at a time: the first, short samples are unreliable.
        calls = min(10 * calls, int(calls * 1.2 * effort.sample_seconds / max(seconds, 1e-9)) + 1)


def _time_calls(step: Step, calls: int, synchronize: Callable[[], None]) -> float:
    """Seconds for this many calls."""
    synchronize()
    start = time.perf_counter()
    for _ in range(calls):
        step()
    synchronize()
    return time.perf_counter() - start


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """A collection would fall into one implementation's sample or another's by chance."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
