"""The data of a run, kept with it so that it can go on: a copy, or for MNIST where it lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from torch import Tensor

from inkgrad.course.data.datasets import Data, Examples, data_root, mnist
from inkgrad.course.data.tables import Schema
from inkgrad.course.messages import message
from inkgrad.course.training import state_file
from inkgrad.course.training.run_record import RunRecord


def save(path: str | os.PathLike[str], data: Data) -> None:
    """Write a copy of the data in one step. OSError as from ``open``."""
    saved = {
        "name": data.name,
        "is_fallback": data.is_fallback,
        "schema": data.schema.to_json() if data.schema else None,
        "train": vars(data.train),
        "test": vars(data.test),
    }
    state_file.save(path, saved)


def load(path: str | os.PathLike[str], record: RunRecord) -> Data:
    """Load the data of a run: its copy at ``path``, or MNIST. ValueError unless it is the same."""
    if record.data_folder:
        folders = (record.data_folder, data_root())
        data = mnist(next((each for each in folders if os.path.isdir(each)), folders[0]))
    else:
        try:
            saved = state_file.load(path)
        except FileNotFoundError:
            raise ValueError(message("problem.no_copy", run=record.id)) from None
        train, test = (Examples(**saved[part]) for part in ("train", "test"))
        schema = Schema.from_json(saved["schema"]) if saved["schema"] else None
        data = Data(saved["name"], train, test, saved["is_fallback"], schema)
    if digest(data) != record.data_sha256:
        raise ValueError(message("problem.other_data", run=record.id, data=data.name))
    return data


def digest(data: Data) -> str:
    """The SHA-256 checksum of the examples, with their order, shapes and types."""
    result = hashlib.sha256()
    for tensor in _tensors(data):
        result.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        result.update(tensor.contiguous().numpy().data)
    return result.hexdigest()


def _tensors(data: Data) -> Iterator[Tensor]:
    for examples in (data.train, data.test):
        yield examples.inputs
        yield examples.targets
