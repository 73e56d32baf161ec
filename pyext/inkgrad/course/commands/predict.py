"""``inkgrad predict``: recognize the digit or the number in each of some image files, or classify
the rows of tables."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from inkgrad.course.commands.predict_table import TablePredictor
from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables import ENCODINGS
from inkgrad.course.recognition.image_files import open_image
from inkgrad.course.recognition.recognizer import SHIPPED, Prediction, Recognizer
from inkgrad.course.texts import probability_text

# About 0.5 GB when decoded.
_MAX_PIXELS = 180_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Recognize the digit or the number in each image file: a drawing, a scan or a photograph, "
        "light ink on dark or dark on light. What does not look like a digit is reported as such. "
        "With a model of tables, predict the class of each row."
    )
    parser.epilog = (
        "If a file cannot be read, the exit code is 1; other files are processed all the same."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an image, or a table")
    parser.add_argument(
        "--model",
        default="strong",
        metavar="MODEL",
        help=f"{', '.join(SHIPPED)} or a weights file of 'inkgrad train' (default: strong)",
    )
    parser.add_argument(
        "--backend",
        choices=("fused", "native"),
        default="fused",
        help="inkgrad's kernels (default) or torch's own ops",
    )
    parser.add_argument(
        "--encoding",
        choices=ENCODINGS,
        metavar="NAME",
        help="of tables, as for 'inkgrad train' (default: as it looks)",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON per file")


def run(args: argparse.Namespace) -> int:
    try:
        tables = TablePredictor.load(args.model, args.backend)
        recognizer = None if tables else Recognizer.load(args.model, args.backend)
    except (ValueError, OSError) as error:
        print(f"inkgrad predict: {error}", file=sys.stderr)
        return 1
    unread = 0
    for file in args.files:
        try:
            if tables:
                tables.print_predictions(file, args.encoding, as_json=args.json)
            elif recognizer:
                prediction = _predict(recognizer, file)
                print(_json_line(file, prediction) if args.json else _lines(file, prediction))
        except (OSError, ValueError) as error:
            unread += 1
            _report_error(file, error, as_json=args.json)
    return 1 if unread else 0


def _predict(recognizer: Recognizer, file: Path) -> Prediction:
    return recognizer.predict(open_image(file.read_bytes(), _MAX_PIXELS))


def _lines(file: Path, prediction: Prediction) -> str:
    lines = [f"{file}: {prediction}"]
    if prediction.kind == "other":
        lines.append(_probabilities(prediction.probabilities))
    for digit in prediction.digits:
        name = f"{digit.label}: " if len(prediction.digits) > 1 else ""
        lines.append(f"{name}{_probabilities(digit.probabilities)}")
    return "\n  ".join(lines)


def _probabilities(probabilities: np.ndarray) -> str:
    return "  ".join(f"{digit} {probability_text(p)}" for digit, p in enumerate(probabilities))


def _json_line(file: Path, prediction: Prediction) -> str:
    return json.dumps({"file": str(file), **prediction.as_fields()})


def _report_error(file: Path, error: Exception, *, as_json: bool) -> None:
    # Pillow's errors name the file, ours of images do not; system errors name it in quotes.
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    place = "" if isinstance(error, DataError) else f"{file}: "
    print(f"inkgrad predict: {place}{reason}", file=sys.stderr)
    if as_json:
        print(json.dumps({"file": str(file), "error": reason}))
