"""Checkpoints: enough of them and not too many, and a file of bounded size."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from inkgrad.course.training import checkpoints
from inkgrad.course.training.checkpoints import Checkpoint, checkpoint_steps


@pytest.mark.parametrize("steps", [1, 2, 9, 860, 17_200, 1_000_000])
@pytest.mark.parametrize("size", [1, 22_000, 2_300_000, 10**9])
def test_there_are_enough_checkpoints_and_not_too_many(steps: int, size: int) -> None:
    chosen = checkpoint_steps(steps, size)
    assert chosen[0] == 0
    assert chosen[-1] == steps
    assert min(steps + 1, 6) <= len(chosen) <= 62
    assert len(chosen) <= max(9, 48 * 2**20 // size + 2)


def test_a_large_model_leaves_a_bounded_file(tmp_path: Path) -> None:
    weights = {"weight": torch.randn(1000, 1000)}
    checkpoints.save(tmp_path / "kept", [Checkpoint(step, weights) for step in range(0, 100, 5)])
    steps, kept = checkpoints.load(tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_size < 13 * 2**20
    assert (steps[0], steps[-1], len(steps)) == (0, 95, 7)
    assert steps == sorted(set(steps))
    assert [each.step for each in kept] == steps[:-1]
    for each in kept:
        torch.testing.assert_close(each.weights["weight"], weights["weight"], rtol=1e-3, atol=1e-6)


def test_numbers_too_large_for_half_the_bytes_are_kept_whole(tmp_path: Path) -> None:
    large = {"weight": torch.tensor([1e6, 1.0]), "bias": torch.tensor([1.0])}
    checkpoints.save(tmp_path / "kept", [Checkpoint(0, large), Checkpoint(1, large)])
    _, (kept,) = checkpoints.load(tmp_path / "kept")
    assert kept.weights["weight"].tolist() == [1e6, 1.0]


def test_a_single_checkpoint_is_saved_too(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / "kept", [Checkpoint(0, {"weight": torch.ones(2)})])
    assert checkpoints.load(tmp_path / "kept") == ([0], [])


def _file(path: Path, steps: str, *names: str) -> Path:
    tensors = {name: torch.ones(1) for name in names}
    path.write_bytes(safetensors.torch.save(tensors, {"steps": steps}))
    return path


@pytest.mark.parametrize("steps", ["", "7", "{}", "[]", "[-1]", '["a"]', "[null]", "[true, {}]"])
def test_a_file_with_other_steps_is_damaged(tmp_path: Path, steps: str) -> None:
    assert checkpoints.load(_file(tmp_path / "kept", steps)) == ([], [])


@pytest.mark.parametrize("name", ["weight", "a/weight", "9/weight"])
def test_a_file_with_other_tensors_is_damaged(tmp_path: Path, name: str) -> None:
    assert checkpoints.load(_file(tmp_path / "kept", "[0, 1]", name)) == ([], [])
