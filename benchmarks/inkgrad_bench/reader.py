"""The reader's answers to digits, to numbers, and to images that are no digits.

``python -m inkgrad_bench.reader`` prints one line for each of

- digits: MNIST's test images, scikit-learn's scans, pen strokes on a pad with pens from thin to
  thick; a digit that is taken for none counts as wrong;
- what is no digit: characters of alphabets that were not trained on, single-line letters (where
  ``HersheyFonts`` is installed), Chinese characters of KanjiVG (``--kanji FOLDER`` of its SVG
  files), things that people draw, blank paper and slips of the pen;
- numbers of two to six digits side by side;
- digits with marks, in screenshots and in photographs (:mod:`.scenes`);
- the expected calibration error, and the time for one drawing.

Nothing that these generators make was trained on, and the digits are those of test sets. The number
of epochs of training, and the probability from which a digit is accepted, were chosen with such a
table in view.
"""

from __future__ import annotations

import argparse
import json
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont, ImageOps
from sklearn.datasets import load_digits

from inkgrad.course.data import glyphs
from inkgrad.course.data.datasets import Examples, mnist
from inkgrad.course.data.negatives import traced
from inkgrad.course.data.skeleton import trace
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.recognizer import Prediction, Recognizer
from inkgrad.course.training.reader import HELD_OUT
from inkgrad_bench import scenes, sketches, svg_paths

_SURE = 0.9
_PLAIN = ("MNIST test", "scans", "pen strokes")  # conditions without anything but digits
_TILE = 150  # pixels
_PAD = 280
Random = np.random.Generator


@dataclass(frozen=True)
class Row:
    """``right``: share read right; None where there is no digit. ``sure``: share that is told as a
    digit or a number, wrongly, with 90 % and more."""

    name: str
    count: int
    right: float | None
    none: float
    sure: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="strong")
    parser.add_argument("--count", type=int, default=500, help="drawings per line (default: 500)")
    parser.add_argument("--kanji", type=Path, metavar="FOLDER", help="SVG files of KanjiVG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    parser.add_argument(
        "--pictures", type=Path, metavar="FILE", help="only draw some pictures and what is said"
    )
    args = parser.parse_args()
    test = mnist().test
    if len(test) != 10_000:
        parser.exit(1, "reader: MNIST not found; set INKGRAD_DATA to its folder\n")
    recognizer = Recognizer.load(args.model)
    if args.pictures:
        conditions = _conditions(test, 40, args.kanji)
        chosen = (pictures for name, pictures in conditions if name not in _PLAIN)
        shown = [next(islice(each, n % 9, None))[0] for n, each in enumerate(chosen)]
        contact_sheet(recognizer, shown).save(args.pictures, quality=70)
        return
    print(f"{'':34}{'count':>7}{'right':>9}{'no digit':>10}{'wrong, ≥ 90 %':>15}")
    rows, calibration = [], []
    for name, pictures in _conditions(test, args.count, args.kanji):
        answers = [(recognizer.predict(picture), text) for picture, text in pictures]
        if name in _PLAIN:
            calibration.append((name, _calibration_error(answers)))
        rows.append(_row(name, answers))
        print(_line(rows[-1]), flush=True)
    for name, error in calibration:
        print(f"expected calibration error, {name}: {error:.2%}")
    seconds = _seconds(recognizer, test)
    print(f"one drawing: {1e3 * seconds:.2f} ms")
    if args.json:
        results = {"rows": [asdict(row) for row in rows], "calibration": dict(calibration)}
        args.json.write_text(json.dumps(results | {"seconds": seconds}, indent=1))


def contact_sheet(recognizer: Recognizer, pictures: list[Any], columns: int = 7) -> Image.Image:
    """The pictures side by side, with a box around each digit and what the reader says below."""
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (_TILE + 8), rows * (_TILE + 28)), "white")
    pad = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        prediction = recognizer.predict(picture)
        tile = ImageOps.pad(image.convert("RGB"), (_TILE, _TILE), color="#dddddd")
        left, top = (number % columns) * (_TILE + 8) + 4, (number // columns) * (_TILE + 28) + 4
        sheet.paste(tile, (left, top))
        scale = _TILE / max(image.size)
        size = image.width * scale, image.height * scale
        x, y = left + (_TILE - size[0]) / 2, top + (_TILE - size[1]) / 2
        for digit in prediction.digits:
            a, b, c, d = digit.box
            box = [
                x + a * size[0] - 2,
                y + b * size[1] - 2,
                x + c * size[0] + 2,
                y + d * size[1] + 2,
            ]
            pad.rectangle(box, outline="#e0482e", width=2)
        said = str(prediction) if prediction.digits else prediction.kind
        if prediction.kind == "other":
            said = f"no digit, nearest {prediction.nearest}"
        pad.text((left, top + _TILE + 3), said, fill="black", font=ImageFont.load_default(13))
    return sheet


Pictures = Iterable[tuple[Any, str | None]]  # each with its digits, or None


def _conditions(test: Examples, count: int, kanji: Path | None) -> Iterator[tuple[str, Pictures]]:
    images, labels = test.inputs[:, 0].numpy(), [str(label) for label in test.targets.tolist()]
    yield "MNIST test", zip(images, labels, strict=True)
    scans = load_digits()
    yield "scans", zip(scans.images / 16, map(str, scans.target), strict=True)
    yield "pen strokes", _strokes(test, count, 0)

    for name, maker in _no_digits(kanji).items():
        random = np.random.default_rng(1)
        yield name, ((maker(random), None) for _ in range(count))
    for name, empty in (("blank paper", scenes.empty), ("slips of the pen", scenes.slip)):
        random = np.random.default_rng(2)
        yield name, ((empty(random), None) for _ in range(count // 2))

    for digits in range(2, 7):
        yield f"numbers of {digits} digits", _numbers(test, digits, count // 2)
    for group in (scenes.MARKS, scenes.PICTURES):
        for name, scene in group.items():
            yield name, _in_scene(test, scene, count // 4, is_mark=group is scenes.MARKS)


def _row(name: str, answers: list[tuple[Prediction, str | None]]) -> Row:
    texts = [text for _, text in answers]
    right = [prediction.text == text for prediction, text in answers]
    return Row(
        name,
        len(answers),
        None if texts[0] is None else float(np.mean(right)),
        float(np.mean([prediction.text == "" for prediction, _ in answers])),
        float(
            np.mean(
                [
                    prediction.text != (text or "") and prediction.confidence >= _SURE
                    for prediction, text in answers
                ]
            )
        ),
    )


def _line(row: Row) -> str:
    right = "" if row.right is None else f"{row.right:.2%}"
    return f"{row.name:34}{row.count:7}{right:>9}{row.none:10.2%}{row.sure:15.2%}"


def _calibration_error(answers: list[tuple[Prediction, str | None]]) -> float:
    """Difference of confidence and accuracy of what is told, in ten bins of equal size."""
    told = [(p.confidence, p.text == text) for p, text in answers if p.kind == "digit"]
    told.sort(key=lambda one: one[0])
    bins = np.array_split(np.array(told, float), 10)
    return sum(len(b) / len(told) * abs(float(b[:, 0].mean() - b[:, 1].mean())) for b in bins)


def _seconds(recognizer: Recognizer, test: Examples) -> float:
    """The least time of one drawing of the Draw page, averaged over some, with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for drawing, _ in _strokes(test, 20, 5):
        rgba = np.zeros((*drawing.shape, 4), np.uint8)
        rgba[..., 3] = drawing
        passes = []
        for _ in range(20):
            start = time.perf_counter()
            recognizer.predict(rgba)
            passes.append(time.perf_counter() - start)
        times.append(min(passes))
    torch.set_num_threads(threads)
    return float(np.mean(times))


# -- digits --


def _traced_digit(test: Examples, random: Random) -> tuple[Strokes, str]:
    number = int(random.integers(len(test)))
    return trace(test.inputs[number, 0].numpy() / 255), str(int(test.targets[number]))


def _strokes(test: Examples, count: int, seed: int) -> Iterator[tuple[np.ndarray, str]]:
    random = np.random.default_rng(seed)
    for _ in range(count):
        strokes, label = _traced_digit(test, random)
        width, height = random.choice([0.01, 0.03, 0.07, 0.15]), random.uniform(0.15, 0.8)
        room = max(0.0, 0.5 - (height + width) / 2)
        center = tuple(random.uniform(0.5 - room, 0.5 + room, 2))
        pen = Pen(140, min(width, height / 3), height, center, random.uniform(-0.15, 0.15))
        yield draw(strokes, pen), label


def _numbers(test: Examples, digits: int, count: int) -> Iterator[tuple[np.ndarray, str]]:
    """MNIST's digits, redrawn with one pen, side by side on the pad with gaps of varying width."""
    random = np.random.default_rng(digits)
    for _ in range(count):
        width = random.uniform(0.012, 0.03)
        height = min(0.5, 1.5 / digits) * random.uniform(0.7, 1)
        row, text = [], ""
        for _ in range(digits):
            strokes, label = _traced_digit(test, random)
            text += label
            drawn = draw(strokes, Pen(560, width, height * random.uniform(0.85, 1.1), (0.5, 0.5)))
            columns = np.flatnonzero(drawn.any(0))
            row.append(drawn[:, columns[0] : columns[-1] + 1])
            row.append(np.zeros((560, int(560 * random.uniform(0.015, 0.08))), np.uint8))
        line = np.concatenate(row[:-1], 1)
        side = max(560, line.shape[1] + 40)
        pad = np.zeros((side, side), np.uint8)
        top, left = (side - 560) // 2, (side - line.shape[1]) // 2
        pad[top : top + 560, left : left + line.shape[1]] = line
        yield pad, text


def _in_scene(
    test: Examples, scene: scenes.Scene, count: int, *, is_mark: bool
) -> Iterator[tuple[Any, str]]:
    random = np.random.default_rng(3)
    for _ in range(count):
        strokes, label = _traced_digit(test, random)
        height = random.uniform(0.4, 0.55) if is_mark else random.uniform(0.5, 0.85)
        drawing = draw(strokes, Pen(420, random.uniform(0.02, 0.06), height, (0.5, 0.5)))
        yield scene(drawing, random), label


# -- what is no digit --


def _no_digits(kanji: Path | None) -> dict[str, Callable[[Random], np.ndarray]]:
    makers: dict[str, Callable[[Random], np.ndarray]] = {
        "characters of unseen alphabets": _unseen_alphabets,
        "things that people draw": lambda random: _drawn(sketches.sketch(random), random),
    }
    try:
        from HersheyFonts import HersheyFonts
    except ModuleNotFoundError:
        print("single-line letters are left out: HersheyFonts is not installed")
    else:
        makers["single-line letters"] = _single_line(HersheyFonts())
    if kanji is not None:
        files = sorted(kanji.glob("0[4-9]*.svg"))
        makers["Chinese characters"] = lambda random: _drawn(
            svg_paths.strokes(ElementTree.parse(files[int(random.integers(len(files)))])), random
        )
    return makers


def _drawn(lines: list[np.ndarray], random: Random) -> np.ndarray:
    strokes = Strokes.of_lines(lines)
    pen = Pen(
        _PAD,
        random.uniform(0.015, 0.06),
        random.uniform(0.4, 0.85),
        (0.5, 0.5),
        random.uniform(-0.1, 0.1),
    )
    return draw(strokes, pen)


def _unseen_alphabets(random: Random) -> np.ndarray:
    first, end = HELD_OUT[int(random.integers(len(HELD_OUT)))]
    unseen = [chr(code) for code in range(first, end) if glyphs.is_no_digit(chr(code))]
    files = glyphs.fonts()
    while True:
        character = unseen[int(random.integers(len(unseen)))]
        image = glyphs.glyph(files[int(random.integers(len(files)))], character)
        strokes = None if image is None else traced(image)
        if strokes is not None:
            pen = Pen(_PAD, random.uniform(0.015, 0.06), random.uniform(0.4, 0.85), (0.5, 0.5))
            return draw(strokes, pen)


def _single_line(font: Any) -> Callable[[Random], np.ndarray]:
    names = font.default_font_names
    letters = [chr(code) for code in range(33, 127)]
    letters = [one for one in letters if not one.isdigit() and one not in glyphs.LIKE_DIGITS]

    def letter(random: Random) -> np.ndarray:
        font.load_default_font(names[int(random.integers(len(names)))])
        lines: list[np.ndarray] = []
        while not lines:
            character = letters[int(random.integers(len(letters)))]
            lines = [np.array(one, float) for one in font.strokes_for_text(character) if one]
        return _drawn(lines, random)

    return letter


if __name__ == "__main__":
    main()
