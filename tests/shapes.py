"""The shapes of the op tests in one table; each row says what it covers.

Sizes straddle the tile sizes of the kernels: SIMD lanes (4 to 32 elements), register tiles (6 to 16
rows, two to four vectors of columns), panels (64 to 512 deep), and the grain of a thread.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """Shapes of input, weight (or target) and further tensors, and the other arguments."""

    why: str
    shapes: tuple[tuple[int, ...], ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.why.replace(" ", "-")


# Multiples of every lane count and tile height in use, one less and one more.
TILE_EDGES = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49,
    63, 64, 65, 95, 96, 97, 127, 128, 129,
)  # fmt: skip
# The summed dimension is also cut into panels.
PANEL_EDGES = (*TILE_EDGES, 191, 192, 193, 255, 256, 257, 383, 384, 385, 511, 512, 513, 1025)


def linear(m: int, k: int, n: int, bias: bool = True) -> tuple[tuple[int, ...], ...]:
    return ((m, k), (n, k), (n,)) if bias else ((m, k), (n, k))


LINEAR = (
    Row("one by one", linear(1, 1, 1)),
    Row("logistic regression", linear(8, 1, 1)),
    Row("diabetes first layer", linear(32, 8, 6)),
    Row("diabetes last layer", linear(32, 4, 1)),
    Row("softmax first layer", linear(64, 784, 512)),
    Row("softmax last layer", linear(64, 64, 10)),
    Row("one sample, wide", linear(1, 784, 512)),
    Row("tall and thin", linear(1025, 3, 2)),
    Row("odd everywhere", linear(97, 131, 61)),
    Row("no bias", linear(33, 17, 19, bias=False)),
    Row("no samples", linear(0, 5, 3)),
    Row("no features: the bias alone", linear(4, 0, 3)),
    Row("no features, no bias", linear(4, 0, 3, bias=False)),
    Row("no outputs", linear(4, 5, 0)),
    Row("nothing at all", linear(0, 0, 0)),
    Row("vector input", ((7,), (5, 7), (5,))),
    Row("vector input, no bias", ((7,), (5, 7))),
    Row("three dimensions", ((3, 5, 7), (4, 7), (4,))),
    Row("five dimensions", ((2, 1, 3, 2, 4), (5, 4), (5,))),
    Row("three dimensions, one empty", ((3, 0, 7), (4, 7), (4,))),
    Row("vector weight", ((6, 5), (5,))),
    Row("bias of one element", ((6, 5), (4, 5), (1,))),
    Row("scalar bias", ((6, 5), (4, 5), ())),
    Row("bias of two dimensions", ((6, 5), (4, 5), (1, 4))),
    Row("bias for every sample", ((6, 5), (4, 5), (6, 4))),
)

CROSS_ENTROPY = (
    Row("scalar", ((), ())),
    Row("one element", ((1,), (1,))),
    Row("column of a binary classifier", ((32, 1), (32, 1))),
    *(Row(f"{n} elements", ((n,), (n,))) for n in (2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 65)),
    Row("more than one thread's grain", ((257, 513), (257, 513))),
    Row("empty", ((0,), (0,))),
    Row("empty, two dimensions", ((3, 0), (3, 0))),
    Row("weight of every element", ((5, 7), (5, 7), (5, 7))),
    Row("weight of a row", ((5, 7), (5, 7), (7,))),
    Row("weight of a column", ((5, 7), (5, 7), (5, 1))),
    Row("scalar weight", ((5, 7), (5, 7), ())),
    Row("weight of a batch of images", ((3, 2, 4, 5), (3, 2, 4, 5), (2, 1, 5))),
)


def conv(
    input: tuple[int, ...], out: int, kernel: tuple[int, int], bias: bool = True, **settings: Any
) -> tuple[tuple[tuple[int, ...], ...], dict[str, Any]]:
    channels = input[-3] // settings.get("groups", 1)
    shapes = (input, (out, channels, *kernel))
    return (*shapes, (out,)) if bias else shapes, settings


CONV = (
    Row("one pixel", *conv((1, 1, 1, 1), 1, (1, 1))),
    Row("course first layer", *conv((4, 1, 28, 28), 10, (5, 5))),
    Row("course second layer", *conv((4, 10, 12, 12), 20, (5, 5))),
    Row("image size 3x3, padded", *conv((2, 32, 14, 14), 64, (3, 3), padding=1)),
    Row("no bias", *conv((2, 3, 7, 9), 5, (3, 3), bias=False)),
    Row("unbatched", *conv((3, 7, 9), 5, (3, 3))),
    Row("no samples", *conv((0, 3, 7, 9), 5, (3, 3))),
    Row("kernel as large as the image", *conv((2, 3, 5, 6), 4, (5, 6))),
    Row("pointwise", *conv((2, 17, 5, 7), 9, (1, 1))),
    Row("pointwise, strided", *conv((2, 5, 8, 9), 6, (1, 1), stride=2)),
    Row("row kernel", *conv((2, 3, 5, 19), 4, (1, 7))),
    Row("column kernel", *conv((2, 3, 19, 5), 4, (7, 1))),
    Row("even kernel", *conv((2, 3, 8, 8), 4, (2, 4))),
    Row("stride", *conv((2, 3, 11, 12), 4, (3, 3), stride=(2, 3))),
    Row("stride larger than kernel", *conv((2, 3, 11, 12), 4, (2, 2), stride=(3, 4))),
    Row("remainder of the stride", *conv((1, 2, 10, 9), 3, (3, 2), stride=(4, 3))),
    Row("padding", *conv((2, 3, 6, 5), 4, (3, 3), padding=(2, 1))),
    Row("padding beyond the kernel", *conv((1, 2, 3, 4), 3, (2, 2), padding=(4, 3))),
    Row("padding of one side only", *conv((2, 3, 6, 5), 4, (1, 5), padding=(0, 2))),
    Row("dilation", *conv((2, 3, 11, 12), 4, (3, 2), dilation=(2, 5))),
    Row("all at once", *conv((2, 4, 13, 12), 6, (3, 2), stride=(2, 3), padding=(3, 1),
                             dilation=(2, 3), groups=2)),
    Row("groups", *conv((2, 6, 7, 7), 9, (3, 3), groups=3)),
    Row("depthwise", *conv((2, 5, 7, 7), 5, (3, 3), groups=5)),
    Row("depthwise, two outputs each", *conv((2, 3, 7, 7), 6, (3, 3), groups=3)),
    Row("same", *conv((2, 3, 7, 8), 4, (3, 5), padding="same")),
    Row("same, even kernel", *conv((2, 3, 7, 8), 4, (2, 4), padding="same")),
    Row("same, dilated", *conv((2, 3, 9, 8), 4, (3, 2), padding="same", dilation=(2, 3))),
    Row("same, unbatched", *conv((3, 7, 8), 4, (2, 3), padding="same")),
    Row("valid", *conv((2, 3, 7, 8), 4, (3, 5), padding="valid")),
    Row("tuple of one", *conv((2, 3, 8, 8), 4, (3, 3), stride=(2,), padding=(1,))),
    Row("list arguments", *conv((2, 3, 8, 8), 4, (3, 3), stride=[2, 1], padding=[1, 0])),
    *(Row(f"output {w} wide", *conv((1, 2, 3, w + 2), 3, (3, 3)))
      for w in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33)),
    *(Row(f"{c} channels in", *conv((2, c, 4, 5), 3, (2, 3))) for c in (1, 7, 8, 9, 15, 17, 33)),
    *(Row(f"{c} channels out", *conv((2, 3, 4, 5), c, (2, 3))) for c in (1, 5, 6, 7, 8, 9, 13, 16,
                                                                         17, 24, 32, 33, 65)),
    *(Row(f"batch of {n}", *conv((n, 2, 5, 5), 3, (3, 3))) for n in (3, 5, 17)),
    Row("tall image, wide kernel", *conv((2, 2, 70, 33), 3, (3, 7), padding=(1, 2))),
    *(Row(f"batch of {n} in lanes", *conv((n, 6, 5, 12), 7, (3, 3)))
      for n in (8, 11, 12, 16, 17, 28)),
    *(Row(f"batch in lanes, kernel {h}x{w}", *conv((16, 4, 9, 11), 6, (h, w), padding=(1, 2)))
      for h, w in ((5, 5), (7, 3), (6, 5), (2, 3), (1, 5), (4, 4), (5, 1))),
    Row("batch in lanes, dilated", *conv((17, 6, 11, 10), 4, (3, 3), dilation=(3, 1), padding=1)),
    Row("batch in lanes, dilated columns", *conv((16, 6, 7, 12), 4, (3, 3), dilation=(1, 2))),
    Row("batch in lanes, many rows", *conv((16, 2, 40, 9), 3, (3, 3))),
    Row("one image, channels in lanes", *conv((1, 9, 6, 7), 15, (3, 3), padding=1)),
    Row("one image, blocks of channels", *conv((1, 17, 5, 9), 79, (2, 3))),
    Row("one image, accumulation blocks", *conv((1, 29, 8, 15), 33, (3, 3), dilation=(2, 1))),
)  # fmt: skip

POOL = (
    Row("pool 1", *conv((2, 3, 7, 8), 4, (3, 3), kernel_size=1)),
    Row("pool 3 with a remainder", *conv((2, 3, 13, 12), 4, (3, 3), kernel_size=3)),
    Row("pool of rows", *conv((2, 3, 7, 20), 4, (3, 3), kernel_size=(1, 3))),
    Row("pool of columns", *conv((2, 3, 20, 7), 4, (3, 3), kernel_size=(4, 1))),
    Row("pool tuple of one", *conv((2, 3, 8, 8), 4, (3, 3), kernel_size=(2,))),
    Row("pool of everything", *conv((2, 3, 8, 9), 4, (3, 3), kernel_size=(6, 7))),
    Row("window of 255: the largest index that is saved", *conv((1, 1, 31, 35), 2, (2, 2),
                                                         kernel_size=(15, 17))),
    Row("window of 256: one more than there are indices", *conv((1, 1, 33, 34), 2, (2, 2),
                                                         kernel_size=16)),
    Row("window of 289: more than one byte", *conv((1, 1, 35, 36), 2, (2, 2), kernel_size=17)),
    Row("long window of 300", *conv((1, 1, 3, 601), 2, (2, 2), kernel_size=(1, 300))),
    *(Row(f"pool, {c} channels in", *conv((3, c, 9, 8), 4, (2, 3), padding=(0, 1), kernel_size=2))
      for c in (1, 2, 4, 5, 8, 9, 16, 17, 33)),
    *(Row(f"pool, kernel {h}x{w}", *conv((2, c, 14, 13), 3, (h, w), kernel_size=2))
      for c, h, w in ((1, 9, 1), (1, 1, 9), (16, 9, 9), (6, 8, 3), (10, 5, 5), (17, 3, 5))),
    Row("pool, batch of 17", *conv((17, 6, 8, 8), 3, (3, 3), kernel_size=2)),
    *(Row(f"pool, batch of {n} in lanes", *conv((n, 6, 8, 9), 7, (3, 3), kernel_size=2))
      for n in (11, 12, 16, 17, 28)),
    *(Row(f"pool, batch in lanes, kernel {h}x{w}", *conv((16, 3, 11, 10), 6, (h, w), padding=(2, 1),
                                                 kernel_size=2))
      for h, w in ((5, 5), (3, 3), (2, 4), (7, 1))),
    Row("pool, batch in lanes, windows and a remainder", *conv((16, 2, 21, 12), 3, (3, 3),
                                                   kernel_size=(2, 3))),
    Row("pool, batch in lanes, many rows", *conv((17, 1, 40, 12), 3, (5, 3), kernel_size=2)),
    Row("pool, one image, channels in lanes", *conv((1, 5, 9, 15), 32, (3, 3), kernel_size=(3, 2))),
    Row("pool 5: more indices than lanes", *conv((2, 6, 13, 12), 4, (3, 3), kernel_size=5)),
    Row("pool, dilated and padded", *conv((2, 6, 13, 12), 4, (3, 2), dilation=(2, 3),
                                          padding=(2, 1), kernel_size=2)),
    Row("pool, all at once", *conv((2, 4, 17, 20), 6, (3, 2), stride=(2, 3), padding=(3, 1),
                                   dilation=(2, 3), groups=2, kernel_size=(2, 3))),
)  # fmt: skip


def found(op: str, shapes: list[list[int]], **more: Any) -> dict[str, Any]:
    """A case of the fuzzer, with what most of them have in common."""
    count = len(shapes) + 1
    return {
        "kind": "call", "op": op, "shapes": shapes, "settings": {}, "dtype": "float32",
        "layouts": ["contiguous"] * count, "special": [[]] * count, "order": 1, "seed": 1,
        "threads": 1, **more,
    }  # fmt: skip


# Findings of the fuzzer.
INFINITY = float("inf")
FUZZED = {
    "an infinite gradient of a mean became NaN": found(
        "binary_cross_entropy", [[7, 1], [7, 1]], settings={"reduction": "mean"},
        special=[[], [], [[0, INFINITY]]],
    ),
    "the target's gradient at 1/2 was not zero, which an infinite weight shows": found(
        "binary_cross_entropy", [[64], [64], [64]], settings={"reduction": "none"},
        special=[[], [], [[i / 64, INFINITY] for i in range(64)], []],
    ),
    "a dilation beyond 32 bits of a 1x1 kernel was no convolution: a division by zero": found(
        "conv2d_relu_max_pool2d", [[2, 3, 4, 4], [1, 3, 1, 1]], dtype="float16",
        settings={"dilation": 2**32},
    ),
    "a dilation of 0 was refused where the weight is empty": found(
        "conv2d", [[8, 0, 4, 10], [7, 0, 3, 5]], kind="arguments", dtype="float16",
        settings={"padding": [1, 0], "dilation": [0]},
    ),
    "bfloat16 convolved in float32 left out an infinity times the padding": found(
        "conv2d_relu_max_pool2d", [[8, 1, 4, 7], [10, 1, 3, 5]], dtype="bfloat16",
        settings={"padding": 1, "kernel_size": 2}, seed=2120259440, threads=3,
        layouts=["contiguous", "reversed", "contiguous"],
        special=[[], [], [[0.839, 1.0], [0.189, -INFINITY]]],
    ),
    "no channels, of which native makes no outputs, in a half type": found(
        "conv2d", [[12, 0, 10, 7], [1, 0, 5, 5]], dtype="bfloat16", settings={"padding": [1, 0]},
    ),
    "a tiny bias decides which of a window's equal maxima is the first: no finding": found(
        "conv2d_relu_max_pool2d", [[8, 1, 10, 12], [1, 1, 1, 7], [1]], dtype="float64",
        settings={"padding": "same", "kernel_size": [1, 3]}, seed=283338453, threads=2,
        layouts=["window", "overlapping", "contiguous", "expanded"],
        special=[[], [], [[0.477, 1e-15]], [[0.867, INFINITY]]],
    ),
    "terms that cancel leave either side of a ReLU's threshold: no finding": found(
        "linear_relu", [[3, 5], [3, 5], [3]], seed=1053139487,
        layouts=["overlapping", "contiguous", "contiguous", "contiguous"],
        special=[
            [[0.074, 1e-15], [0.247, -1e15], [0.973, -INFINITY]], [[0.342, -1e15]], [],
            [[0.478, float("nan")], [0.137, 1e15], [0.066, 1e15]],
        ],
    ),
    "a gradient of one element and one dimension gave that of a scalar target its size": found(
        "binary_cross_entropy", [[], [], []], kind="operands", settings={"reduction": "sum"},
        backward=True, changes=[[0.135, 0.19], [0.564, 0.586]],
    ),
    "float16 differentiated in float32 multiplied an infinite weight by zeros between strides":
        found(
            "conv2d", [[2, 7, 6, 5], [3, 7, 3, 3]], dtype="float16", settings={"stride": 2},
            special=[[], [[1.0, INFINITY]], []],
        ),
    "a tiny term decides what a ReLU lets through: no finding": found(
        "linear_relu", [[15, 6], [7, 6], [7]], seed=1648090718,
        layouts=["contiguous", "reversed", "expanded", "contiguous"],
        special=[
            [[0.985, INFINITY], [0.752, INFINITY]],
            [[0.271, 1e-15], [0.896, float("nan")], [0.315, 1.0]], [], [],
        ],
    ),
    "oneDNN refuses the largest stride in float32: no finding": found(
        "conv2d", [[8, 3, 20, 8], [2, 3, 7, 7]], kind="arguments", dtype="float16",
        settings={"padding": [3, 4], "stride": 2**63 - 1},
    ),
    "rounded outputs of a sigmoid decide a sum that cancels: no finding": found(
        "linear_sigmoid", [[2, 1], [1, 1]], dtype="float64", seed=58,
    ),
}  # fmt: skip
