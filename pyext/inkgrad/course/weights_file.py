"""Saving and loading trained models as safetensors files, so that nothing is unpickled.

The file's ``__metadata__`` has two strings: ``inkgrad``, a JSON object with the model's name and
how it was trained, and ``sha256``, a digest of the weights that detects damage.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from inkgrad.course import models, tensor_file
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import message


class WeightsFileError(ValueError):
    """The file is damaged, or not a weights file of inkgrad; the message says which and why."""


_HALF = "half"  # in the header: float32 weights, stored as float16


def save(
    path: str | os.PathLike[str],
    model: models.CourseModel,
    metadata: dict[str, Any],
    *,
    half: bool = False,
) -> None:
    """Write the model's weights and ``metadata`` atomically; ``half``: in half precision.

    ``metadata`` consists of JSON types: ``model``, the name in ``MODELS``; ``model_kwargs`` if the
    model was built with any; ``data``, ``settings``, ``versions`` and ``results`` document where
    the weights come from.
    """
    tensors = {
        name: (tensor.half() if half else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    header = {"inkgrad": json.dumps(metadata), "sha256": _digest(tensors)}
    if half:
        header["precision"] = _HALF
    write_atomically(path, safetensors.torch.save(tensors, header))


def load(
    path: str | os.PathLike[str],
    backend: models.Backend = "fused",
    called: str | None = None,
) -> tuple[models.CourseModel, dict[str, Any]]:
    """Load the model of a weights file, on the CPU and in eval mode, and its metadata.

    Draws no random numbers. WeightsFileError for a damaged or foreign file, whose message names it
    by ``called`` or its path; OSError if it cannot be read.
    """
    name = os.fspath(path) if called is None else called
    tensors, header = _read(path, name)
    metadata = _metadata(name, header)
    model = _empty_model(name, metadata, backend)
    is_half = header.get("precision") == _HALF
    full = {name: each.float() for name, each in tensors.items()} if is_half else tensors
    _check_shapes(name, full, model.state_dict())
    if header.get("sha256") != _digest(tensors):
        raise WeightsFileError(message("problem.checksum", file=name))
    model.load_state_dict(full, assign=True)
    return model.eval(), metadata


def _read(path: str | os.PathLike[str], name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        return tensor_file.load(path)
    except SafetensorError as error:
        raise WeightsFileError(message("problem.no_tensors", file=name, error=error)) from error


def _metadata(file: str, header: dict[str, str]) -> dict[str, Any]:
    try:
        metadata = json.loads(header["inkgrad"])
    except KeyError:
        raise WeightsFileError(message("problem.foreign", file=file)) from None
    except json.JSONDecodeError as error:
        raise WeightsFileError(message("problem.no_json", file=file, error=error)) from error
    name = metadata.get("model") if isinstance(metadata, dict) else metadata
    if name not in list(models.MODELS):  # a list: the name may be unhashable
        known = ", ".join(models.MODELS)
        raise WeightsFileError(message("problem.no_model", file=file, got=repr(name), known=known))
    return metadata


def _empty_model(
    file: str, metadata: dict[str, Any], backend: models.Backend
) -> models.CourseModel:
    kwargs = metadata.get("model_kwargs", {})
    try:
        return models.build_empty(metadata["model"], backend, **kwargs)
    except (TypeError, RuntimeError) as error:
        raise WeightsFileError(
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
        raise WeightsFileError(
            message("problem.other_weights", file=file, missing=missing, unknown=unknown)
        )
    for name, tensor in tensors.items():
        want = expected[name]
        if (tensor.shape, tensor.dtype) != (want.shape, want.dtype):
            got, wanted = (f"{tuple(one.shape)} {one.dtype}" for one in (tensor, want))
            raise WeightsFileError(
                message("problem.shape", file=file, weight=name, got=got, expected=wanted)
            )


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
