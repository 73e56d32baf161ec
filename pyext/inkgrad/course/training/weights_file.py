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
from inkgrad.course.messages import message


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
    path: str | os.PathLike[str],
    backend: models.Backend = "fused",
    called: str | None = None,
) -> tuple[models.CourseModel, dict[str, Any]]:
    """The model of a checkpoint, on the CPU and in eval mode, and its metadata.

    Draws no random number. CheckpointError for a damaged or foreign file, which names it as it is
    ``called`` if not by its path; OSError where it cannot be read.
    """
    name = os.fspath(path) if called is None else called
    tensors, header = _read(path, name)
    metadata = _metadata(name, header)
    model = _empty_model(name, metadata, backend)
    _check_shapes(name, tensors, model.state_dict())
    if header.get("sha256") != _digest(tensors):
        raise CheckpointError(message("problem.checksum", file=name))
    model.load_state_dict(tensors, assign=True)
    return model.eval(), metadata


def _read(path: str | os.PathLike[str], name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    with open(path, "rb"):  # the plain OSError where there is no such file or it may not be read
        pass
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)
    except SafetensorError as error:
        raise CheckpointError(message("problem.no_tensors", file=name, error=error)) from error


def _metadata(file: str, header: dict[str, str]) -> dict[str, Any]:
    try:
        metadata = json.loads(header["inkgrad"])
    except KeyError:
        raise CheckpointError(message("problem.foreign", file=file)) from None
    except json.JSONDecodeError as error:
        raise CheckpointError(message("problem.no_json", file=file, error=error)) from error
    name = metadata.get("model") if isinstance(metadata, dict) else metadata
    if name not in list(models.MODELS):  # a list: what is not a name need not be hashable
        known = ", ".join(models.MODELS)
        raise CheckpointError(message("problem.no_model", file=file, got=repr(name), known=known))
    return metadata


def _empty_model(
    file: str, metadata: dict[str, Any], backend: models.Backend
) -> models.CourseModel:
    kwargs = metadata.get("model_kwargs", {})
    try:
        return models.build_empty(metadata["model"], backend, **kwargs)
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(
            message(
                "problem.not_built",
                file=file,
                model=repr(metadata["model"]),
                options=repr(kwargs),
                error=error,
            )
        ) from error


def _check_shapes(file: str, tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    if tensors.keys() != expected.keys():
        missing = ", ".join(sorted(expected.keys() - tensors.keys())) or "–"
        unknown = ", ".join(sorted(tensors.keys() - expected.keys())) or "–"
        raise CheckpointError(
            message("problem.other_weights", file=file, missing=missing, unknown=unknown)
        )
    for name, tensor in tensors.items():
        want = expected[name]
        if (tensor.shape, tensor.dtype) != (want.shape, want.dtype):
            got, wanted = (f"{tuple(one.shape)} {one.dtype}" for one in (tensor, want))
            raise CheckpointError(
                message("problem.shape", file=file, weight=name, got=got, expected=wanted)
            )


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
