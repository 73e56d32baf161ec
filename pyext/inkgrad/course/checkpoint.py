"""Saving and loading trained models: safetensors files, so that nothing is unpickled.

The file's ``__metadata__`` holds two strings: ``inkgrad``, a JSON object that says which model this
is and how it came about, and ``sha256``, the digest of the weights, by which damage is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from inkgrad.course import models
from inkgrad.course.files import write_atomically


class CheckpointError(ValueError):
    """The file is no checkpoint of ours, or a damaged one; the message names file and fault."""


def save(path: str | os.PathLike[str], model: models.CourseModel, metadata: dict[str, Any]) -> None:
    """Write the model's weights and ``metadata`` atomically.

    ``metadata`` must be JSON and hold ``model``, the registry name, and ``model_kwargs`` where the
    model was built with any; ``data``, ``settings``, ``versions`` and ``results`` tell a reader
    where the weights come from.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    header = {"inkgrad": json.dumps(metadata), "sha256": _digest(tensors)}
    write_atomically(path, safetensors.torch.save(tensors, header))


def load(
    path: str | os.PathLike[str], backend: models.Backend = "fused"
) -> tuple[models.CourseModel, dict[str, Any]]:
    """The model of a checkpoint, on the CPU and in eval mode, and its metadata.

    Draws no random number. CheckpointError for a damaged or foreign file, OSError where it cannot
    be read.
    """
    tensors, header = _read(path)
    metadata = _metadata(path, header)
    model = _empty_model(path, metadata, backend)
    _check_shapes(path, tensors, model.state_dict())
    if header.get("sha256") != _digest(tensors):
        raise CheckpointError(
            f"{path}: damaged: the weights do not have the checksum they were saved with"
        )
    model.load_state_dict(tensors, assign=True)
    return model.eval(), metadata


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    with open(path, "rb"):  # the plain OSError where there is no such file or it may not be read
        pass
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: not a safetensors file, or a truncated one ({error})"
        ) from error


def _metadata(path: str | os.PathLike[str], header: dict[str, str]) -> dict[str, Any]:
    try:
        metadata = json.loads(header["inkgrad"])
    except KeyError:
        raise CheckpointError(
            f"{path}: a safetensors file, but not of inkgrad (it does not say which model it holds)"
        ) from None
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: damaged: its metadata is not JSON ({error})") from error
    name = metadata.get("model") if isinstance(metadata, dict) else metadata
    if name not in list(models.MODELS):  # a list: what is not a name need not be hashable
        known = ", ".join(models.MODELS)
        raise CheckpointError(f"{path}: unknown model {name!r}; known are {known}")
    return metadata


def _empty_model(
    path: str | os.PathLike[str], metadata: dict[str, Any], backend: models.Backend
) -> models.CourseModel:
    kwargs = metadata.get("model_kwargs", {})
    try:
        return models.build_empty(metadata["model"], backend, **kwargs)
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"{path}: model {metadata['model']!r} cannot be built with {kwargs!r} ({error})"
        ) from error


def _check_shapes(
    path: str | os.PathLike[str], tensors: dict[str, Tensor], expected: dict[str, Tensor]
) -> None:
    if tensors.keys() != expected.keys():
        missing = ", ".join(sorted(expected.keys() - tensors.keys())) or "none"
        unknown = ", ".join(sorted(tensors.keys() - expected.keys())) or "none"
        raise CheckpointError(f"{path}: weights missing: {missing}; weights unknown: {unknown}")
    for name, tensor in tensors.items():
        want = expected[name]
        if (tensor.shape, tensor.dtype) != (want.shape, want.dtype):
            raise CheckpointError(
                f"{path}: {name} is {tuple(tensor.shape)} {tensor.dtype}, "
                f"expected {tuple(want.shape)} {want.dtype}"
            )


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
