"""Saved weights come back; files that are not ours, or damaged, are refused in clear words."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from inkgrad.course import models, weights_file


def weights_of(name: str, **kwargs: Any) -> dict[str, Tensor]:
    return models.build(name, "native", **kwargs).state_dict()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "diabetes.safetensors"
    model = models.build("diabetes", "native", in_features=3)
    metadata = {"model": "diabetes", "model_kwargs": {"in_features": 3}, "results": {"loss": 0.5}}
    weights_file.save(path, model, metadata)
    return path


@pytest.mark.parametrize("backend", ["fused", "native"])
def test_round_trip(saved: Path, backend: models.Backend) -> None:
    before = torch.get_rng_state()
    model, metadata = weights_file.load(saved, backend)
    assert torch.equal(torch.get_rng_state(), before)
    assert (model.backend, model.training) == (backend, False)
    assert metadata["results"] == {"loss": 0.5}
    stored = safetensors.torch.load_file(saved)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, stored[name])
    assert model(torch.zeros(2, 3)).shape == (2, 1)


def test_the_metadata_is_readable_json(saved: Path) -> None:
    with safetensors.safe_open(saved, framework="pt") as file:
        assert json.loads(file.metadata()["inkgrad"])["model"] == "diabetes"


def test_a_flipped_bit_is_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(weights_file.WeightsFileError, match=r"diabetes\.safetensors: damaged"):
        weights_file.load(saved)


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_noticed(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(
        weights_file.WeightsFileError, match="not a safetensors file, or a truncated"
    ):
        weights_file.load(saved)


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(weights_of("logistic"), path)
    with pytest.raises(weights_file.WeightsFileError, match=r"model\.pt: not a safetensors file"):
        weights_file.load(path)


@pytest.mark.parametrize(
    ("tensors", "header", "message"),
    [
        (weights_of("logistic"), None, "not one of inkgrad"),
        (weights_of("logistic"), {"format": "pt"}, "not one of inkgrad"),
        (weights_of("logistic"), {"inkgrad": "{"}, "metadata is not JSON"),
        (weights_of("logistic"), {"inkgrad": '{"model": "resnet"}'}, "unknown model 'resnet'"),
        (weights_of("logistic"), {"inkgrad": '["cnn"]'}, "unknown model"),
        (weights_of("logistic"), {"inkgrad": '{"model": {}}'}, "unknown model"),
        (weights_of("logistic"), {"inkgrad": '{"model": "cnn"}'}, "missing weights: conv1.bias"),
        (
            weights_of("diabetes", in_features=3),
            {"inkgrad": '{"model": "diabetes"}'},
            r"linear1.weight: expected \(6, 8\) torch.float32, got \(6, 3\) torch.float32",
        ),
        (
            {name: tensor.half() for name, tensor in weights_of("logistic").items()},
            {"inkgrad": '{"model": "logistic"}'},
            r"expected .*, got .* torch.float16",
        ),
        (
            weights_of("cnn"),
            {"inkgrad": '{"model": "cnn", "model_kwargs": {"depth": 9}}'},
            "'cnn' cannot be built with {'depth': 9}",
        ),
        (
            weights_of("diabetes"),
            {"inkgrad": '{"model": "diabetes", "model_kwargs": {"in_features": -1}}'},
            "cannot be built",
        ),
        (
            weights_of("diabetes"),
            {"inkgrad": '{"model": "diabetes", "model_kwargs": 8}'},
            "cannot be built",
        ),
        (weights_of("logistic"), {"inkgrad": '{"model": "logistic"}'}, "checksum"),
    ],
)
def test_foreign_files_are_refused(
    tmp_path: Path, tensors: dict[str, Tensor], header: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file(tensors, path, header)
    with pytest.raises(weights_file.WeightsFileError, match=f"foreign.safetensors: .*{message}"):
        weights_file.load(path)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        weights_file.load(tmp_path / "nothing")


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full_disk(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        weights_file.save(saved, models.build("logistic", "native"), {"model": "logistic"})
    assert saved.read_bytes() == before
    assert list(saved.parent.glob("*diabetes*")) == [saved]
