"""Lesson 10, convolution: a small kernel slides over an image, with one result per position."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

import inkgrad.functional as F
from inkgrad.course.data.datasets import Data
from inkgrad.course.lessons.softmax import (
    Progress,
    Training,
    confusion_matrix,
    digits_for,
    standardized,
    train,
)
from inkgrad.nn import ConvReluMaxPool2d

# ---- one channel: slide, multiply, add


class Step(NamedTuple):
    row: int  # of the result
    column: int
    window: np.ndarray  # the part of the image under the kernel
    value: float


def slide(
    picture: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0
) -> Iterator[Step]:
    """Each position of the kernel on the image, which is padded with zeros on every side."""
    picture = np.pad(picture, padding)
    height, width = kernel.shape
    for row, top in enumerate(range(0, len(picture) - height + 1, stride)):
        for column, left in enumerate(range(0, picture.shape[1] - width + 1, stride)):
            window = picture[top : top + height, left : left + width]
            yield Step(row, column, window, float((window * kernel).sum()))


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """⌊(size + 2 padding - kernel) / stride⌋ + 1: the number of positions along one side."""
    return (size + 2 * padding - kernel) // stride + 1


def convolve(
    picture: np.ndarray, kernel: np.ndarray, stride: int = 1, padding: int = 0
) -> np.ndarray:
    """The results at all positions, as an image."""
    height, width = (
        output_size(size, side, stride, padding)
        for size, side in zip(picture.shape, kernel.shape, strict=True)
    )
    result = np.zeros((height, width))
    for step in slide(picture, kernel, stride, padding):
        result[step.row, step.column] = step.value
    return result


def max_pool(picture: np.ndarray, size: int = 2) -> np.ndarray:
    """The maximum of every square of size × size."""
    height, width = picture.shape[0] // size, picture.shape[1] // size
    squares = picture[: height * size, : width * size].reshape(height, size, width, size)
    return squares.max(axis=(1, 3))


# ---- several channels: a kernel has a layer for each, and their results are added


def convolve_channels(pictures: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    """From (n, H, W) images and (m, n, K, K) kernels to (m, H', W'): one channel per kernel."""
    return np.stack(
        [
            sum(convolve(picture, layer) for picture, layer in zip(pictures, kernel, strict=True))
            for kernel in kernels
        ]
    )


# ---- the course's examples

PICTURE = np.array(
    [[3, 4, 6, 5, 7], [2, 4, 6, 8, 2], [1, 6, 7, 8, 4], [9, 7, 4, 6, 2], [3, 7, 5, 4, 1]], float
)
KERNEL = np.arange(1.0, 10.0).reshape(3, 3)
TO_POOL = np.array([[3, 4, 6, 5], [2, 4, 6, 8], [1, 6, 7, 8], [9, 7, 4, 6]], float)

FILTERS = {
    "vertical edges": np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float),
    "horizontal edges": np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], float),
    "blur": np.full((3, 3), 1 / 9),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], float),
}


class Example(NamedTuple):
    before: np.ndarray
    by_hand: np.ndarray
    by_torch: np.ndarray  # convolutions with the kernel of this package


def examples(seed: int = 0) -> dict[str, Example]:
    """Each operation on the numbers above, and several channels of random numbers."""
    rng = np.random.default_rng(seed)
    pictures, kernels = rng.normal(size=(5, 8, 8)), rng.normal(size=(10, 5, 3, 3))

    def fused(pictures: np.ndarray, kernels: np.ndarray, **options: Any) -> np.ndarray:
        return F.conv2d(torch.from_numpy(pictures), torch.from_numpy(kernels), **options).numpy()

    def fused_on_one(**options: int) -> np.ndarray:
        return fused(PICTURE[None], KERNEL[None, None], **options)[0]

    pooled = nn.functional.max_pool2d(torch.from_numpy(TO_POOL)[None], 2)[0].numpy()
    padded, strided = convolve(PICTURE, KERNEL, padding=1), convolve(PICTURE, KERNEL, stride=2)
    return {
        "3 × 3": Example(PICTURE, convolve(PICTURE, KERNEL), fused_on_one()),
        "3 × 3, padding 1": Example(PICTURE, padded, fused_on_one(padding=1)),
        "3 × 3, stride 2": Example(PICTURE, strided, fused_on_one(stride=2)),
        "max pool 2 × 2": Example(TO_POOL, max_pool(TO_POOL), pooled),
        "10 × 5 × 3 × 3": Example(
            pictures, convolve_channels(pictures, kernels), fused(pictures, kernels)
        ),
    }


# An RGB picture is a raster of three channels: (3, height, width), from 0 to 1.
RGB = np.zeros((3, 5, 5))
RGB[0, 1:4, 1:4] = np.array([[2, 2, 2], [2, 1, 1], [2, 1, 0]]) / 2
RGB[1, 2:5, 2:5] = np.array([[1, 1, 2], [1, 2, 2], [2, 2, 2]]) / 2
RGB[2, :2] = 0.5
RGB_KERNEL = np.stack([np.full((3, 3), weight) for weight in (1.0, 2.0, -1.0)])


# ---- the network


class CNN(nn.Module):
    """Feature extraction by two convolutions with subsampling, then one fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        # nn.Conv2d, nn.MaxPool2d(2) and ReLU in one fused op
        self.conv1 = ConvReluMaxPool2d(1, 10, kernel_size=5)
        self.conv2 = ConvReluMaxPool2d(10, 20, kernel_size=5)
        self.fc = nn.Linear(320, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # (N, 1, 28, 28) to (N, 10, 12, 12)
        x = self.conv2(x)  # (N, 20, 4, 4)
        x = x.view(len(x), -1)  # (N, 320)
        return self.fc(x)


class Size(NamedTuple):
    layer: str
    channels: int
    side: int  # height and width
    weights: int


def sizes_of_the_network() -> list[Size]:
    """Convolution 5 × 5, pooling 2 × 2 and ReLU, twice; then one linear layer."""
    sizes = [Size("input", 1, 28, 0)]
    for number, channels in ((1, 10), (2, 20)):
        before = sizes[-1]
        side = output_size(before.side, kernel=5)
        weights = channels * before.channels * 5 * 5 + channels  # and a bias each
        sizes.append(Size(f"conv{number}", channels, side, weights))
        sizes.append(Size("max pool, ReLU", channels, side // 2, 0))
    numbers = sizes[-1].channels * sizes[-1].side ** 2
    sizes.append(Size("flatten", numbers, 1, 0))
    sizes.append(Size("linear", 10, 1, numbers * 10 + 10))
    return sizes


class Numbers(NamedTuple):
    examples: dict[str, Example]
    sizes: list[Size]
    data: Data
    training: Training
    confusion: Tensor
    image: Tensor  # (28, 28): one digit of the test set
    maps: dict[str, Tensor]  # of each convolution after pooling and ReLU: (channels, height, width)


def run(
    epochs: int | None = None,
    full: bool = False,
    data: str | os.PathLike[str] | None = None,
    on_batch: Callable[[Progress], None] | None = None,
) -> Numbers:
    """``full``: 10 epochs on all of MNIST, else 3 on a part of it. ``data``: MNIST's folder."""
    digits = digits_for(full, data)
    model = CNN()
    training = train(model, digits, epochs or (10 if full else 3), on_batch)
    image, _ = standardized(digits.test[:1])[0]
    with torch.no_grad():
        conv1 = model.conv1(image[None])
        conv2 = model.conv2(conv1)
    return Numbers(
        examples(),
        sizes_of_the_network(),
        digits,
        training,
        confusion_matrix(digits.test.targets, training.predicted),
        digits.test[:1].as_float()[0, 0],
        {"conv1": conv1[0], "conv2": conv2[0]},
    )
