"""How well digits that no model was trained on are read.

``python -m inkgrad_bench.digit_accuracy`` prints a line for each of

- MNIST's test images through preparation, which should change next to nothing, and without;
- scikit-learn's digits, scanned at another institution from other people's hands, 8 x 8;
- MNIST's test digits as pen strokes on a pad, drawn off-center with pens from thin to thick in
  sizes from small to large, a little turned and slanted;
- some of these photographed: ink on paper, chalk on a board.

No model is chosen by these numbers: during training and for every choice of settings the judge is a
part of MNIST's training images.
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
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.recognizer import SHIPPED, Recognizer
from inkgrad.course.training.trainer import evaluate
from inkgrad_bench.photographs import photograph
from inkgrad_bench.tracing import trace

# Shares of the pad's side.
PEN_WIDTHS = (0.02, 0.04, 0.07, 0.12)
HEIGHTS = (0.3, 0.55, 0.85)

# Name, images (drawn when they are asked for, since a thousand are large), labels.
Condition = tuple[str, Iterable[Any], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="strong", help=f"{', '.join(SHIPPED)} or a checkpoint")
    parser.add_argument("--backend", choices=("fused", "native"), default="fused")
    parser.add_argument("--count", type=int, default=1000, help="digits a stroke condition")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    args = parser.parse_args()
    test = mnist().test
    if len(test) != 10_000:
        parser.exit(1, "MNIST is not at hand: see INKGRAD_DATA\n")
    recognizer = Recognizer.load(args.model, args.backend)
    model, _ = weights_file.load(recognizer.path, args.backend)
    results = {"MNIST test, unprepared": evaluate(model, test).accuracy}
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
    """Anywhere on the pad where the whole digit has room; from a phone's pad to a desktop's."""
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
