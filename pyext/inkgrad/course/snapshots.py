"""The weights at moments of a run, so that one can go back to them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Weights = dict[str, Tensor]

# Of the snapshots of one run; and how many there are at most, and at least.
_BYTES = 48 * 2**20
_MOST, _LEAST = 60, 8


@dataclass(frozen=True)
class Snapshot:
    """The weights after ``step`` steps; 0 is the untrained model."""

    step: int
    weights: Weights


def moments(steps: int, bytes_each: int) -> list[int]:
    """After which steps to take a snapshot: 0, the last, and more in between than fit on a screen.

    Half of them grow apart as powers, since most is learnt at the start; half are evenly spaced.
    """
    count = min(_MOST, max(_LEAST, _BYTES // bytes_each)) // 2
    powers = (round(steps ** (i / (count - 1))) for i in range(count))
    even = (round(steps * i / count) for i in range(count))
    return sorted({0, steps, *powers, *even})
