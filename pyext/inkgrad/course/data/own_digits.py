"""The user's own digits as data: drawings, or images in a zip archive."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor

from inkgrad.course.data.archives import Budget, files_in, open_zip, read_member
from inkgrad.course.data.datasets import TEST_SEED, TEST_SHARE, Data, Examples, split
from inkgrad.course.data.errors import DataError
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.recognition.image_files import TooManyPixels, open_image
from inkgrad.course.recognition.preprocess import SIDE, prepare

# Limits of an archive, counted while it is unpacked.
MAX_IMAGES = 5000
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 400_000_000  # of all images
_MAX_PIXELS = 4_000_000  # of one image

# With fewer examples there is no test set: two or three would say nothing.
_MIN_TO_TEST = 20

# Own digits among many others are repeated until they are about this share.
_SHARE = 1 / 20

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


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
    budget, pixels = Budget(name, MAX_BYTES), 0
    with open_zip(content, name) as packed:
        files = [info for info in files_in(packed) if _is_image(info.filename)]
        if len(files) > MAX_IMAGES:
            raise DataError(message("problem.pictures", file=name, most=MAX_IMAGES, got=len(files)))
        for info in files:
            labels.append(_label(info.filename, name))
            within = _within(name, info.filename)
            image = _image(read_member(packed, info, budget), within, _MAX_PIXELS)
            pixels += image.width * image.height
            if pixels > MAX_PIXELS:
                raise DataError(message("problem.all_pixels", file=name, most=MAX_PIXELS))
            prepared = prepare(image)
            if prepared.empty:
                raise DataError(message("problem.no_digit", file=within))
            images.append(prepared.image)
    if not images:
        raise DataError(message("problem.no_pictures", file=name))
    inputs = torch.from_numpy(np.stack(images)).mul(255).round().to(torch.uint8)
    return _data(name, inputs.unsqueeze(1), torch.tensor(labels))


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


def _is_image(filename: str) -> bool:
    return PurePosixPath(filename).suffix.lower() in _SUFFIXES


def _label(filename: str, name: str) -> int:
    path = PurePosixPath(filename)
    for text in (path.parent.name, path.name[:1]):
        if text in set("0123456789"):
            return int(text)
    raise DataError(message("problem.picture_label", file=_within(name, filename)))


def _within(name: str, filename: str) -> Message:
    return message("problem.within", archive=name, file=filename)


def _image(content: bytes, name: Message, max_pixels: int) -> Image.Image:
    try:
        return open_image(content, max_pixels)
    except TooManyPixels:
        raise DataError(message("problem.pixels", file=name, most=max_pixels)) from None
    except (OSError, ValueError) as error:
        problem = message("problem.no_picture", file=name, error=message_of(error))
        raise DataError(problem) from None
