"""``inkgrad lesson N --exercise K``: an exercise in the terminal, and the check of an answer."""

from __future__ import annotations

import argparse
from pathlib import Path

from inkgrad.course.commands import terminal
from inkgrad.course.lessons.exercises import EXERCISES, CodeExercise, check, text_key
from inkgrad.course.texts import translator


def run(args: argparse.Namespace, language: str, columns: int) -> int:
    """Show the exercise, or check ``args.answer``; returns 1 for a wrong one."""
    lesson, number = args.number, args.exercise
    if args.answer is not None:
        is_code = isinstance(EXERCISES[lesson][number - 1], CodeExercise)
        answer = Path(args.answer).read_bytes() if is_code else args.answer
        verdict = check(lesson, number, answer)
        print(terminal.wrap(verdict.message.texts[language], columns))
        return 0 if verdict.is_right else 1
    show(lesson, number, language, columns)
    for part, wanted in (("hint", args.hint), ("answer", args.solution)):
        if wanted:
            _show_part(lesson, number, part, language, columns)
    return 0


def show(lesson: int, number: int, language: str, columns: int) -> None:
    """Print the question, and the code that an answer begins with."""
    text, exercise = translator(language), EXERCISES[lesson][number - 1]
    question = text(text_key(lesson, exercise, "question"))
    print(terminal.wrap(f"{text('word.exercise', number=number)}: {question}", columns) + "\n")
    if isinstance(exercise, CodeExercise):
        print(exercise.start(language))


def _show_part(lesson: int, number: int, part: str, language: str, columns: int) -> None:
    text, exercise = translator(language), EXERCISES[lesson][number - 1]
    words = text(text_key(lesson, exercise, part))
    print(terminal.wrap(f"{text(f'word.{part}')}: {words}", columns) + "\n")
    if part == "answer":
        print(exercise.worked_answer(language))
