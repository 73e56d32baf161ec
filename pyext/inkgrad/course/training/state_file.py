"""A file of nested dicts and lists of tensors, numbers and text, which come back bit for bit.

It is safetensors: nothing is unpickled. The structure is JSON in its metadata, in which
``{"tensor": NAME}`` stands for a tensor and ``{"items": [[KEY, VALUE], ...]}`` for a dict.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from inkgrad.course import tensor_file
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import message


def save(path: str | os.PathLike[str], state: Any) -> None:
    """Write the state in one step. OSError as from ``open``."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_packed(state, tensors))
    content = safetensors.torch.save(tensors, {"state": text, "sha256": _digest(text, tensors)})
    write_atomically(path, content)


def load(path: str | os.PathLike[str]) -> Any:
    """Read what :func:`save` wrote, with tensors on the CPU.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    try:
        tensors, metadata = tensor_file.load(path)
        text = metadata["state"]
        if metadata["sha256"] != _digest(text, tensors):
            raise SafetensorError("the content does not match its checksum")
        return _unpacked(json.loads(text), tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(message("problem.damaged", file=path, error=error)) from None


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"items": [[key, _packed(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return [_packed(each, tensors) for each in value]
    return value


def _unpacked(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(each, tensors) for each in value]
    if isinstance(value, dict):
        if "tensor" in value:
            return tensors[value["tensor"]]
        return {key: _unpacked(each, tensors) for key, each in value["items"]}
    return value


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().data)
    return digest.hexdigest()
