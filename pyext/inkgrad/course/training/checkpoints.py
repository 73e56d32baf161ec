"""The weights at moments of a run, so that one can go back to them, also after a restart.

Their file is safetensors, a weight's name being ``STEP/NAME``. It has them as float16, half as
large, which changes no probability by what a bar on a page would show; and fewer of a large model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inkgrad.course.files import write_atomically

Weights = dict[str, Tensor]

# Of the snapshots of one run; and how many there are at most, and at least.
_BYTES = 48 * 2**20
_MOST, _LEAST = 60, 8
# Of the file of one run.
_BYTES_KEPT = 12 * 2**20


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


def save(path: str | os.PathLike[str], snapshots: Sequence[Snapshot]) -> None:
    """Write them in one step; of the last, whose weights are the run's own, the step alone."""
    *past, last = snapshots
    halves = [{name: _half(weight) for name, weight in each.weights.items()} for each in past]
    each = sum(weight.nbytes for weight in halves[0].values()) if halves else 1
    kept = _spread(len(past), _BYTES_KEPT // each)
    tensors = {
        f"{past[i].step}/{name}": half.cpu().contiguous()
        for i in kept
        for name, half in halves[i].items()
    }
    steps = [*(past[i].step for i in kept), last.step]
    write_atomically(path, safetensors.torch.save(tensors, {"steps": json.dumps(steps)}))


def steps_in(path: str | os.PathLike[str]) -> list[int]:
    """The steps of the snapshots in a file, the run's last one included.

    None of a file that is missing or damaged: a run can be opened without its past.
    """
    try:
        with safe_open(path, framework="pt") as file:
            steps: list[int] = json.loads(file.metadata()["steps"])
    except (FileNotFoundError, SafetensorError):
        return []
    return steps


def load(path: str | os.PathLike[str], step: int) -> Weights:
    """The weights after that step, which is one of :func:`steps_in` but not the last."""
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(f"{step}/")]  # noqa: SIM118 (no dict)
        return {name.partition("/")[2]: file.get_tensor(name).float() for name in names}


def _half(weight: Tensor) -> Tensor:
    """As float16, unless a number is too large for that."""
    half = weight.to(torch.float16)
    return half if bool(half.isfinite().all()) else weight


def _spread(count: int, most: int) -> list[int]:
    """Which of ``count`` to keep if there may be at most ``most``: the first, and evenly spaced."""
    if count <= most:
        return list(range(count))
    return [round(i * count / most) for i in range(most)]
