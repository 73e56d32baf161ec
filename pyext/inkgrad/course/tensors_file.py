"""Reading safetensors files into memory.

``safe_open`` maps a file instead: if the file is truncated while it is mapped, or its disk fails,
the process is ended by SIGBUS. A plain read raises OSError.
"""

from __future__ import annotations

import json
import os
from typing import BinaryIO

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

_LENGTH_BYTES = 8
_MAX_HEADER = 100_000_000  # as in safetensors


class TensorsFileError(ValueError):
    """The file is damaged or not a safetensors file."""


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the metadata.

    Raises:
        OSError: the file cannot be read.
        TensorsFileError: it is not a complete safetensors file.
    """
    with open(path, "rb") as file:
        metadata = _metadata(file)
        file.seek(0)
        content = file.read()
    try:
        return safetensors.torch.load(content), metadata
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:  # KeyError: a dtype
        raise TensorsFileError(str(error)) from None


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the metadata only. Raises as :func:`read`."""
    with open(path, "rb") as file:
        return _metadata(file)


def _metadata(file: BinaryIO) -> dict[str, str]:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    size = os.fstat(file.fileno()).st_size
    if size < _LENGTH_BYTES or length > min(_MAX_HEADER, size - _LENGTH_BYTES):
        raise TensorsFileError(f"expected a safetensors header, got a file of {size} bytes")
    try:
        metadata = json.loads(file.read(length)).get("__metadata__") or {}
        if all(isinstance(text, str) for text in metadata.values()):
            return dict(metadata)
    except (AttributeError, RecursionError, ValueError) as error:
        raise TensorsFileError(f"invalid header: {error}") from None
    raise TensorsFileError("invalid header: expected text in __metadata__")
