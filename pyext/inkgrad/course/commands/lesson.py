"""``inkgrad lesson``: a lesson in the terminal, its pictures as files."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inkgrad.course.commands import terminal
from inkgrad.course.data.datasets import DataError
from inkgrad.course.files import write_atomically
from inkgrad.course.lessons import LESSONS, Lesson
from inkgrad.course.lessons.parts import Note, Part, Picture, Table
from inkgrad.course.messages import ENGLISH
from inkgrad.course.texts import CATALOGUES, preferred_language, speaker
from inkgrad.course.training.loop import Batch, Diverged

_WIDEST = 88  # longer lines are hard to read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run a lesson of the course: its text, its numbers, and its pictures."
    parser.epilog = "Without a number the lessons are listed. Ctrl-C ends a lesson at any time."
    parser.add_argument("number", nargs="?", type=int, choices=LESSONS, metavar="N", help="1 to 10")
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="save the pictures there, as PNG in English"
    )
    parser.add_argument("--code", action="store_true", help="print the lesson's code instead")
    parser.add_argument(
        "--lang", choices=CATALOGUES, help="language of the texts (default: that of the terminal)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of lessons that train a network")
    parser.add_argument(
        "--full", action="store_true", default=None, help="train on all of MNIST (9 and 10)"
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="CSV file, label of 0 or 1 last (7 and 8); folder with MNIST/raw (9 and 10)",
    )
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    language = args.lang or preferred_language()
    if args.number is None:
        for number, lesson in LESSONS.items():
            print(f"{number:>2}  {lesson.title(language)}")
        return 0
    lesson = LESSONS[args.number]
    if args.code:
        print(lesson.code(), end="")
        return 0
    try:
        options = _options(args, lesson)
    except ValueError as error:
        return args.usage_error(str(error))
    if args.plots:
        import matplotlib  # noqa: F401  # missed now, not after the work

        args.plots.mkdir(parents=True, exist_ok=True)
    columns = min(_WIDEST, shutil.get_terminal_size().columns)
    print(f"{lesson.number}. {lesson.title(language)}\n")
    print(terminal.wrap(lesson.text(language), columns), flush=True)
    try:
        if "on_batch" in lesson.options():
            with _progress() as advance:
                numbers = lesson.run(**options, on_batch=advance)
        else:
            numbers = lesson.run(**options)
    except (DataError, Diverged) as error:
        print(f"inkgrad lesson: {error}", file=sys.stderr)
        return 1
    parts = list(lesson.parts(numbers, language))
    for part, in_english in zip(parts, lesson.parts(numbers, ENGLISH), strict=True):
        _show(part, in_english, lesson, args.plots, language, columns)
    if not args.plots:
        pictures = sum(isinstance(part, Picture) for part in parts)
        print("\n" + speaker(language)("word.pictures", count=pictures))
    return 0


def _options(args: argparse.Namespace, lesson: Lesson) -> dict[str, Any]:
    """What was asked of the lesson; ValueError where it has nothing of that kind."""
    given = {name: getattr(args, name) for name in ("epochs", "full", "data")}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in lesson.options():
            raise ValueError(f"lesson {lesson.number} has no --{name}")
    if given.get("epochs", 1) < 1:
        raise ValueError(f"epochs: expected at least 1, got {given['epochs']}")
    return given


def _show(
    part: Part, in_english: Part, lesson: Lesson, plots: Path | None, language: str, columns: int
) -> None:
    if isinstance(part, Note):
        print(f"\n{terminal.wrap(part.text, columns)}")
    elif isinstance(part, Table):
        print(f"\n{terminal.wrap(part.caption, columns)}\n")
        print(terminal.table(part.columns, part.cells()))
    elif plots is not None and isinstance(in_english, Picture):
        from inkgrad.course.lessons.drawing import png

        path = plots / f"{lesson.number:02}_{lesson.name}_{part.name}.png"
        # matplotlib writes the words of a PNG in its own fonts, which have no Chinese
        write_atomically(path, png(in_english.draw()))
        print(f"\n{terminal.wrap(part.caption, columns)}")
        print(speaker(language)("word.saved", path=path))
    sys.stdout.flush()


@contextmanager
def _progress() -> Iterator[Any]:
    """A function to call after each step of training; it moves a bar, if stderr is a terminal."""
    with tqdm(unit=" steps", disable=None, leave=False) as bar:

        def advance(batch: Batch) -> None:
            if batch.number == 1:
                bar.reset(batch.count)
            bar.set_description(f"epoch {batch.epoch}", refresh=False)
            bar.set_postfix_str(f"loss {batch.loss:.4f}", refresh=False)
            bar.update()

        yield advance
