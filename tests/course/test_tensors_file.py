"""Files are read into memory, and damaged ones raise an error that can be caught."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from inkgrad.course import tensors_file
from inkgrad.course.tensors_file import TensorsFileError

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.zeros(0, dtype=torch.int64)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.safetensors"
    path.write_bytes(safetensors.torch.save(TENSORS, {"key": "text"}))
    return path


def test_tensors_and_metadata_come_back(path: Path) -> None:
    tensors, metadata = tensors_file.read(path)
    assert metadata == tensors_file.read_metadata(path) == {"key": "text"}
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)


def test_tensors_stay_when_the_file_is_truncated(path: Path) -> None:
    tensors, _ = tensors_file.read(path)
    with path.open("r+b") as file:
        file.truncate(0)
    assert torch.equal(tensors["a"], TENSORS["a"])  # a mapped file would raise SIGBUS


def test_every_truncated_file_raises(path: Path) -> None:
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(TensorsFileError):
            tensors_file.read(path)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{",
        b"[" * 100_000,
        b"\xff",
        json.dumps({"__metadata__": {"a": 1}}).encode(),
        json.dumps({"__metadata__": []}).encode(),
        json.dumps({"a": {"dtype": "F3", "shape": [1], "data_offsets": [0, 4]}}).encode(),
        json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}).encode(),
    ],
    ids=range(8),
)
def test_a_wrong_header_raises(path: Path, header: bytes) -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(TensorsFileError):
        tensors_file.read(path)
    path.write_bytes((2**63).to_bytes(8, "little") + header)
    with pytest.raises(TensorsFileError):
        tensors_file.read(path)
