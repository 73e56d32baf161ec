"""States come back bit for bit; damaged files are refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import safetensors.torch
import torch

from inkgrad.course.training import state_file


def test_a_state_comes_back(tmp_path: Path) -> None:
    state = {
        "weights": {"a.b": torch.randn(3), "scalar": torch.tensor(2.0)},
        "list": [1, None, [torch.arange(4, dtype=torch.uint8)], "text", True, 0.1],
        "numbers": {0: {"step": math.inf, "t": 1e-300}},
    }
    state_file.save(tmp_path / "state", state)
    loaded = state_file.load(tmp_path / "state")
    assert loaded["numbers"] == state["numbers"]
    assert loaded["list"][3:] == ["text", True, 0.1]
    assert torch.equal(loaded["list"][2][0], state["list"][2][0])
    assert all(
        torch.equal(loaded["weights"][name], each) for name, each in state["weights"].items()
    )


def test_tensors_with_memory_in_common_are_saved(tmp_path: Path) -> None:
    shared = torch.ones(2)
    state_file.save(tmp_path / "state", [shared, shared])
    assert torch.equal(state_file.load(tmp_path / "state")[1], shared)


@pytest.mark.parametrize("kept", [0, 7, 60, -1])
def test_a_truncated_file_is_damaged(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "state"
    state_file.save(path, {"weights": torch.randn(3)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="damaged"):
        state_file.load(path)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "state"
    state_file.save(path, {"weights": torch.randn(3)})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        state_file.load(path)


def test_another_safetensors_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(safetensors.torch.save({"weight": torch.ones(1)}))
    with pytest.raises(ValueError, match="damaged"):
        state_file.load(path)
