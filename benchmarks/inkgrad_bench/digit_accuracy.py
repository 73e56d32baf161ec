"""Recognition accuracy on digits that no model was trained on.

``python -m inkgrad_bench.digit_accuracy`` prints one line for each of

- MNIST's test images without preprocessing, and with it, which should change almost nothing;
- scikit-learn's digits, 8 x 8, scanned elsewhere from other writers;
- MNIST's test digits as pen strokes on a pad: off center, slightly rotated and slanted, with pens
  from thin to thick and heights from small to large;
- photos of such strokes: ink on paper, chalk on a board.

These numbers choose neither models nor settings: that is done on held-out training images of MNIST.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from inkgrad.course import weights_file
from inkgrad.course.data.datasets import Examples, mnist
from inkgrad.course.data.skeleton import trace
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.recognizer import SHIPPED, Recognizer
from inkgrad.course.training.trainer import evaluate
from inkgrad_bench.photographs import photograph

# As fractions of the pad's side.
PEN_WIDTHS = (0.02, 0.04, 0.07, 0.12)
HEIGHTS = (0.3, 0.55, 0.85)

# Name, images (drawn lazily: a thousand take much memory), labels.
Condition = tuple[str, Iterable[Any], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--model", default="strong", help=f"{', '.join(SHIPPED)} or a checkpoint (default: strong)"
    )
    parser.add_argument("--backend", choices=("fused", "native"), default="fused")
    parser.add_argument(
        "--count", type=int, default=1000, help="digits per stroke condition (default: 1000)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    args = parser.parse_args()
    test = mnist().test
    if len(test) != 10_000:
        parser.exit(1, "digit_accuracy: MNIST not found; set INKGRAD_DATA to its folder\n")
    recognizer = Recognizer.load(args.model, args.backend)
    model, _ = weights_file.load(recognizer.path, args.backend)
    results = {"MNIST test, not preprocessed": evaluate(model, test).accuracy}
    for name, images, labels in conditions(test, args.count):
        read = [recognizer.predict(image).label for image in images]
        results[name] = float(np.mean(read == labels))
    for name, accuracy in results.items():
        print(f"{name:35} {accuracy:8.2%}")
    if args.json:
        args.json.write_text(json.dumps(vars(args) | {"json": None, "accuracy": results}, indent=1))


def conditions(test: Examples, count: int) -> Iterator[Condition]:
    images, labels = test.inputs[:, 0].numpy(), test.targets.numpy()
    yield "MNIST test", images, labels
    scans = load_digits()
    yield "scikit-learn digits", scans.images / 16, scans.target

    random = np.random.default_rng(0)
    chosen = random.permutation(len(images))[:count]
    strokes = [trace(images[i] / 255) for i in chosen]
    for width in PEN_WIDTHS:
        for height in HEIGHTS:
            drawings = (draw(one, _pen(width, height, random)) for one in strokes)
            yield f"strokes, pen {width:.0%}, height {height:.0%}", drawings, labels[chosen]
    for name, board in (("ink on paper", False), ("chalk on a board", True)):
        photographs = (_photograph(one, board, random) for one in strokes)
        yield f"photographs, {name}", photographs, labels[chosen]


def _pen(width: float, height: float, random: np.random.Generator) -> Pen:
    """A random position at which the digit fits, on pads from phone to desktop size."""
    room = max(0.0, 0.5 - (height + width) / 2)
    return Pen(
        side=int(random.integers(280, 561)),
        width=width,
        height=height,
        center=tuple(random.uniform(0.5 - room, 0.5 + room, 2)),
        angle=random.uniform(-0.15, 0.15),
        slant=random.uniform(-0.15, 0.15),
    )


def _photograph(strokes: Strokes, board: bool, random: np.random.Generator) -> Any:
    pen = _pen(random.uniform(0.02, 0.06), random.uniform(0.4, 0.8), random)
    return photograph(draw(strokes, pen), random, board=board)


if __name__ == "__main__":
    main()
