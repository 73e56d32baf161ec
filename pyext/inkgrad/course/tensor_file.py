"""Reading safetensors files into memory.

A memory-mapped file that is truncated by another program ends the process with SIGBUS.
"""

from __future__ import annotations

import json
import os

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from inkgrad.course.files import read_limited

MAX_BYTES = 2**31


def load(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors of a safetensors file, and its metadata.

    Raises:
        SafetensorError: it is no such file, or damaged.
        OSError: it cannot be read.
    """
    content = read_limited(path, MAX_BYTES)
    try:
        tensors = safetensors.torch.load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    except SafetensorError:
        raise
    except Exception as error:  # a dtype that torch lacks, a shape that overflows, no JSON
        raise SafetensorError(str(error)) from error
    return tensors, metadata
