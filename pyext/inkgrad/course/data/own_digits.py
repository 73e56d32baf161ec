"""The user's own digits as data: drawings, or images in a zip archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from inkgrad.course.data.datasets import TEST_SEED, TEST_SHARE, Data, Examples, split
from inkgrad.course.data.table import DataError
from inkgrad.course.messages import Message, message
from inkgrad.course.recognition.preprocess import SIDE, prepare

# Limits of an archive, checked before it is unpacked.
MAX_IMAGES = 5000
MAX_BYTES = 64 * 2**20
_MAX_PIXELS = 4_000_000  # of one image

# With fewer examples there is no test set: two or three would say nothing.
_MIN_TO_TEST = 20

# Own digits among many others are repeated until they are about this share.
_SHARE = 1 / 20

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def drawn(digits: Iterable[tuple[bytes, int]]) -> Data:
    """Data of (pixels, label) pairs: SIDE x SIDE bytes, white ink on black as in MNIST; 0 to 9."""
    images, labels = [], []
    for number, (pixels, label) in enumerate(digits, start=1):
        if len(pixels) != SIDE**2:
            raise DataError(
                message("problem.drawing", number=number, expected=SIDE**2, got=len(pixels))
            )
        if label not in range(10):
            raise DataError(message("problem.drawing_label", number=number, got=repr(label)))
        images.append(np.frombuffer(pixels, np.uint8).reshape(1, SIDE, SIDE))
        labels.append(int(label))
    if not images:
        raise DataError(message("problem.no_drawings"))
    return _data("drawings", torch.from_numpy(np.stack(images)), torch.tensor(labels))


def archive(content: bytes, name: str) -> Data:
    """Data of the images in a zip archive, each preprocessed like a drawing.

    The label of an image is its folder or the first character of its name: ``7/one.png`` or
    ``7_one.png``. DataError names an image that has no label or cannot be read.
    """
    images, labels = [], []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for info in _image_files(packed, name):
                labels.append(_label(info.filename, name))
                images.append(_image(packed.read(info), _within(name, info.filename)))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise DataError(message("problem.no_zip", file=name, error=error)) from None
    if not images:
        raise DataError(message("problem.no_pictures", file=name))
    pixels = torch.from_numpy(np.stack(images)).mul(255).round().to(torch.uint8)
    return _data(name, pixels.unsqueeze(1), torch.tensor(labels))


def mixed(data: Data, own: Data) -> Data:
    """Add the examples of ``own`` to the training part of ``data``, repeated to carry weight.

    The test set is that of ``data``.
    """
    extra = Examples(
        torch.cat([own.train.inputs, own.test.inputs]),
        torch.cat([own.train.targets, own.test.targets]),
    )
    times = max(1, round(len(data.train) * _SHARE / len(extra)))
    train = Examples(
        torch.cat([data.train.inputs, extra.inputs.repeat(times, 1, 1, 1)]),
        torch.cat([data.train.targets, extra.targets.repeat(times)]),
    )
    return Data(f"{data.name} and {len(extra)} {own.name}", train, data.test, data.is_fallback)


def _data(name: str, inputs: Tensor, targets: Tensor) -> Data:
    everything = Examples(inputs, targets)
    share = TEST_SHARE if len(everything) >= _MIN_TO_TEST else 0
    return Data(name, *split(everything, share, Generator().manual_seed(TEST_SEED)))


def _image_files(packed: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    found = []
    for info in packed.infolist():
        path = PurePosixPath(info.filename)
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if not info.is_dir() and not hidden and path.suffix.lower() in _SUFFIXES:
            found.append(info)
    if len(found) > MAX_IMAGES:
        raise DataError(message("problem.pictures", file=name, most=MAX_IMAGES, got=len(found)))
    unpacked = sum(info.file_size for info in found)
    if unpacked > MAX_BYTES:
        raise DataError(message("problem.unpacked", file=name, most=MAX_BYTES, got=unpacked))
    return found


def _label(filename: str, name: str) -> int:
    path = PurePosixPath(filename)
    for text in (path.parent.name, path.name[:1]):
        if text in set("0123456789"):
            return int(text)
    raise DataError(message("problem.picture_label", file=_within(name, filename)))


def _within(name: str, filename: str) -> Message:
    return message("problem.within", archive=name, file=filename)


def _image(content: bytes, name: Message) -> np.ndarray:
    try:
        image = Image.open(io.BytesIO(content))
        if image.width * image.height > _MAX_PIXELS:
            raise DataError(message("problem.pixels", file=name, most=_MAX_PIXELS))
        image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(message("problem.no_picture", file=name, error=error)) from None
    prepared = prepare(image)
    if prepared.empty:
        raise DataError(message("problem.no_digit", file=name))
    return prepared.image
