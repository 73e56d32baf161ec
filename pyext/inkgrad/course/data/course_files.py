"""The files that the programs of the lessons read: the diabetes table, and MNIST for torchvision.

They are downloaded if they are missing. Without a network, the fallback data of
:mod:`~inkgrad.course.data.datasets` is written to a temporary folder in the same format.
"""

from __future__ import annotations

import struct
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from inkgrad.course.data.datasets import MNIST_FILES, data_root, diabetes, mnist


def diabetes_csv() -> Path:
    """Return the path of the course's table: features, and a label of 0 or 1 in the last column."""
    path = data_root() / "diabetes.csv.gz"
    return path if path.exists() else _fallback_table()


def mnist_folder() -> Path:
    """Return the folder to pass to ``torchvision.datasets.MNIST``, which has ``MNIST/raw``."""
    root = data_root()
    if all((root / "MNIST" / "raw" / name).exists() for name in MNIST_FILES):
        return root
    return _fallback_digits()


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="inkgrad-")  # deleted when the program ends


@cache
def _fallback_table() -> Path:
    data = diabetes()
    downloaded = data_root() / "diabetes.csv.gz"
    if downloaded.exists():
        return downloaded
    path = Path(_temporary().name, "table.csv")
    parts = (np.hstack([part.inputs, part.targets]) for part in (data.train, data.test))
    np.savetxt(path, np.vstack(list(parts)), delimiter=",", fmt="%.6g")
    return path


@cache
def _fallback_digits() -> Path:
    data = mnist()
    if not data.is_fallback:
        return data_root()
    raw = Path(_temporary().name, "MNIST", "raw")
    raw.mkdir(parents=True, exist_ok=True)
    for part, examples in (("train", data.train), ("t10k", data.test)):
        images, labels = examples.inputs.numpy(), examples.targets.numpy().astype(np.uint8)
        header = struct.pack(">4I", 2051, len(images), 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">2I", 2049, len(labels))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return raw.parent.parent
