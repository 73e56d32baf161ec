"""``inkgrad lesson``: a lesson in the terminal, its plots as files."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from inkgrad.course.commands import exercise as exercise_command
from inkgrad.course.commands import terminal
from inkgrad.course.data.datasets import DataError
from inkgrad.course.files import write_atomically
from inkgrad.course.lessons import LESSONS, Lesson, glossary
from inkgrad.course.lessons.blocks import Block, Note, Plot, Table
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad.course.lessons.notebook import notebook
from inkgrad.course.lessons.softmax import Progress
from inkgrad.course.messages import ENGLISH
from inkgrad.course.texts import CATALOGUES, preferred_language, translator

_MAX_COLUMNS = 88  # longer lines are hard to read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Run a lesson of the course: its text, its results and its plots."
    parser.epilog = "Without a number, list the lessons. Ctrl-C ends a lesson at any time."
    parser.add_argument("number", nargs="?", type=int, choices=LESSONS, metavar="N", help="1 to 10")
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="save the plots there, as PNG in English"
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--code", action="store_true", help="print the lesson's program instead")
    shown.add_argument("--notebook", action="store_true", help="print the lesson as a notebook")
    shown.add_argument("--exercises", action="store_true", help="print the lesson's exercises")
    shown.add_argument("--exercise", type=int, metavar="K", help="print one exercise")
    shown.add_argument("--glossary", action="store_true", help="print the terms of the course")
    parser.add_argument(
        "--fused", action="store_true", help="with --code: the program with inkgrad's ops"
    )
    parser.add_argument(
        "--answer", metavar="A", help="with --exercise: check this number, or this file of code"
    )
    parser.add_argument("--hint", action="store_true", help="with --exercise: print its hint")
    parser.add_argument(
        "--solution", action="store_true", help="with --exercise: print its worked answer"
    )
    parser.add_argument(
        "--lang", choices=CATALOGUES, help="language of the text (default: the terminal's)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="for lessons that train a network")
    parser.add_argument(
        "--full", action="store_true", default=None, help="train on all of MNIST (9 and 10)"
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="CSV file, label of 0 or 1 last (7, 8); folder with MNIST/raw (9, 10)",
    )
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    language = args.lang or preferred_language()
    columns = min(_MAX_COLUMNS, shutil.get_terminal_size().columns)
    if args.fused and not args.code:
        return args.usage_error("--fused needs --code")
    if args.exercise is None and (args.answer is not None or args.hint or args.solution):
        return args.usage_error("--answer, --hint and --solution need --exercise K")
    if args.glossary:
        _print_glossary(args.number, language)
        return 0
    if args.number is None:
        for number, lesson in LESSONS.items():
            print(f"{number:>2}  {lesson.title(language)}")
        return 0
    lesson = LESSONS[args.number]
    if args.code:
        print(lesson.code(language, fused=args.fused), end="")
        return 0
    if args.notebook:
        print(notebook(lesson, language), end="")
        return 0
    if args.exercises:
        for number in range(1, len(EXERCISES[lesson.number]) + 1):
            exercise_command.show(lesson.number, number, language, columns)
        return 0
    if args.exercise is not None:
        if not 1 <= args.exercise <= len(EXERCISES[lesson.number]):
            count = len(EXERCISES[lesson.number])
            return args.usage_error(f"--exercise: expected 1 to {count}, got {args.exercise}")
        return exercise_command.run(args, language, columns)
    try:
        options = _options(args, lesson)
    except ValueError as error:
        return args.usage_error(str(error))
    if args.plots:
        import matplotlib  # noqa: F401  # fails now rather than after the work

        args.plots.mkdir(parents=True, exist_ok=True)
    text = translator(language)
    print(f"{lesson.number}. {lesson.title(language)}\n")
    for word in ("goal", "see"):
        line = f"{text(f'word.{word}')}: {lesson.word(word, language)}"
        print(terminal.wrap(line, columns) + "\n")
    print(terminal.wrap(lesson.text(language), columns), flush=True)
    try:
        if "on_batch" in lesson.options():
            with _progress() as advance:
                numbers = lesson.run(**options, on_batch=advance)
        else:
            numbers = lesson.run(**options)
    except DataError as error:
        print(f"inkgrad lesson: {error}", file=sys.stderr)
        return 1
    blocks = list(lesson.blocks(numbers, language))
    for block, in_english in zip(blocks, lesson.blocks(numbers, ENGLISH), strict=True):
        _show(block, in_english, lesson, args.plots, language, columns)
    summary = f"{text('word.summary')}: {lesson.word('summary', language)}"
    print("\n" + terminal.wrap(summary, columns))
    if not args.plots:
        plots = sum(isinstance(block, Plot) for block in blocks)
        print("\n" + text("word.pictures", count=plots))
    return 0


def _print_glossary(lesson: int | None, language: str) -> None:
    """The terms of the course, or those of one lesson."""
    terms = [term for term in glossary(language) if lesson in (None, term.lesson)]
    rows = [term[1:] for term in terms]
    print(terminal.table(("", "", ""), rows).split("\n", 2)[2])  # without titles


def _options(args: argparse.Namespace, lesson: Lesson) -> dict[str, Any]:
    """The given options; ValueError for one that the lesson does not have."""
    given = {name: getattr(args, name) for name in ("epochs", "full", "data")}
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in lesson.options():
            raise ValueError(f"lesson {lesson.number} has no --{name}")
    if given.get("epochs", 1) < 1:
        raise ValueError(f"epochs: expected at least 1, got {given['epochs']}")
    return given


def _show(
    block: Block, in_english: Block, lesson: Lesson, plots: Path | None, language: str, columns: int
) -> None:
    if isinstance(block, Note):
        print(f"\n{terminal.wrap(block.text, columns)}")
    elif isinstance(block, Table):
        print(f"\n{terminal.wrap(block.caption, columns)}\n")
        print(terminal.table(block.columns, block.cells()))
    elif plots is not None and isinstance(in_english, Plot):
        from inkgrad.course.lessons.plotting import png

        path = plots / f"{lesson.number:02}_{lesson.name}_{block.name}.png"
        # In English: the fonts that matplotlib renders a PNG with have no Chinese.
        write_atomically(path, png(in_english.draw()))
        print(f"\n{terminal.wrap(block.caption, columns)}")
        print(translator(language)("word.saved", path=path))
    sys.stdout.flush()


@contextmanager
def _progress() -> Iterator[Any]:
    """A function to call after each training step: it advances a bar if stderr is a terminal."""
    with tqdm(unit=" steps", disable=None, leave=False) as bar:

        def advance(step: Progress) -> None:
            if step.number == 1:
                bar.reset(step.steps)
            bar.set_description(f"epoch {step.epoch}", refresh=False)
            bar.set_postfix_str(f"loss {step.loss:.4f}", refresh=False)
            bar.update()

        yield advance
