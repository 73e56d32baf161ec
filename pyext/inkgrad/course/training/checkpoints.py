"""The weights of a run at earlier steps, so that one can go back to them, also after a restart.

The file is safetensors with tensors named ``STEP/NAME``. Weights are float16, which halves the
file and changes no probability visibly; of a large model there are fewer checkpoints.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from inkgrad.course import tensor_file
from inkgrad.course.files import write_atomically

Weights = dict[str, Tensor]

# Limits for one run, in memory and in its file.
_MAX_BYTES = 48 * 2**20
_MAX_CHECKPOINTS, _MIN_CHECKPOINTS = 60, 8
_MAX_FILE_BYTES = 12 * 2**20


@dataclass(frozen=True)
class Checkpoint:
    """The weights after ``step`` steps; 0 is the untrained model."""

    step: int
    weights: Weights


def checkpoint_steps(steps: int, bytes_each: int) -> list[int]:
    """Choose the steps of a run of ``steps`` to take a checkpoint after: 0, the last, and more.

    Half of them are powers, since most is learned at the start; half are evenly spaced.
    """
    count = min(_MAX_CHECKPOINTS, max(_MIN_CHECKPOINTS, _MAX_BYTES // bytes_each)) // 2
    powers = (round(steps ** (i / (count - 1))) for i in range(count))
    even = (round(steps * i / count) for i in range(count))
    return sorted({0, steps, *powers, *even})


def save(path: str | os.PathLike[str], checkpoints: Sequence[Checkpoint]) -> None:
    """Write the checkpoints in one step; of the last only the step: the run has its weights."""
    *earlier, last = checkpoints
    halves = [{name: _half(weight) for name, weight in each.weights.items()} for each in earlier]
    bytes_each = sum(weight.nbytes for weight in halves[0].values()) if halves else 1
    kept = _spread(len(earlier), _MAX_FILE_BYTES // bytes_each)
    tensors = {
        f"{earlier[i].step}/{name}": half.cpu().contiguous()
        for i in kept
        for name, half in halves[i].items()
    }
    steps = [*(earlier[i].step for i in kept), last.step]
    write_atomically(path, safetensors.torch.save(tensors, {"steps": json.dumps(steps)}))


def load(path: str | os.PathLike[str]) -> tuple[list[int], list[Checkpoint]]:
    """Load the steps of a file's checkpoints, and the checkpoints without the last.

    Both are empty for a missing or damaged file: a run can be opened without its checkpoints.
    """
    try:
        tensors, metadata = tensor_file.load(path)
        steps = json.loads(metadata["steps"])
        if not steps or not all(isinstance(step, int) and step >= 0 for step in steps):
            return [], []
        weights: dict[int, Weights] = {step: {} for step in steps[:-1]}
        for name, tensor in tensors.items():
            step, _, weight = name.partition("/")
            weights[int(step)][weight] = tensor.float()
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return [], []
    return steps, [Checkpoint(step, each) for step, each in weights.items()]


def _half(weight: Tensor) -> Tensor:
    """The weight as float16, unless a number is too large for that."""
    half = weight.to(torch.float16)
    return half if bool(half.isfinite().all()) else weight


def _spread(count: int, limit: int) -> list[int]:
    """At most ``limit`` of the indices below ``count``: the first, and evenly spaced ones."""
    if count <= limit:
        return list(range(count))
    return [round(i * count / limit) for i in range(limit)]
