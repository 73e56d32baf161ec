"""The programs of the lessons: plain PyTorch, and the same with inkgrad's ops."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from inkgrad.course.lessons import LESSONS, programs
from inkgrad.course.lessons.exercises import EXERCISES, CodeExercise
from inkgrad.course.texts import CATALOGUES

NAMES = [lesson.name for lesson in LESSONS.values()]
WITH_OPS = [name for name in NAMES if programs.changed_lines(name)]


def run(code: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    file = folder / "program.py"
    file.write_text(code.replace("EPOCHS = 2", "EPOCHS = 1"), encoding="utf-8")
    runpy.run_path(str(file), run_name="__main__")
    return capfd.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_a_program_runs_and_with_our_ops_it_prints_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """``inkgrad lesson N --code > n.py; python n.py``"""
    monkeypatch.setenv("MPLBACKEND", "template")  # draws nothing
    printed = run(programs.program(name), tmp_path, capfd)
    assert len(printed.splitlines()) >= 2
    if name in WITH_OPS:
        fused = run(programs.program(name, fused=True), tmp_path, capfd)
        numbers, ours = (re.findall(r"\d+\.\d+", text) for text in (printed, fused))
        # Shuffling, too, is the same; rounding may differ.
        assert [float(number) for number in ours] == pytest.approx(
            [float(number) for number in numbers], abs=0.02
        )


def test_the_lessons_from_the_sixth_on_have_a_program_with_our_ops() -> None:
    assert NAMES[5:] == WITH_OPS


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_program_has_nothing_of_ours_but_the_path_of_its_data(name: str) -> None:
    lines = [line for line in programs.program(name).splitlines() if "inkgrad" in line]
    assert all(line.startswith("from inkgrad.course.data.course_files import ") for line in lines)


@pytest.mark.parametrize("name", WITH_OPS)
def test_the_lines_that_differ_are_those_that_are_named(name: str) -> None:
    kept = []
    for fused in (False, True):
        lines = programs.program(name, fused=fused).splitlines()
        changed = programs.changed_lines(name, fused=fused)
        kept.append([line for number, line in enumerate(lines, 1) if number not in changed])
        assert all(lines[number - 1].strip() for number in changed)
    assert kept[0] == kept[1]


def test_cells_are_the_program() -> None:
    code = programs.program("linear_regression")
    cells = programs.cells(code)
    assert [cell.title for cell in cells[1:]] == [
        *("1. Prepare the data", "2. Design the model"),
        *("3. Construct the loss and the optimizer", "4. Training loop"),
    ]
    assert "".join("".join(cell.code.split()) for cell in cells) == "".join(
        re.sub("(?m)^# %%.*$", "", code).split()
    )


def test_every_comment_is_translated() -> None:
    codes = [programs.program(name, fused=fused) for name in NAMES for fused in (False, True)]
    for exercise in (each for exercises in EXERCISES.values() for each in exercises):
        if isinstance(exercise, CodeExercise):
            codes += [exercise.starter, exercise.solution]
    for language in CATALOGUES.keys() - {"en"}:
        for code in codes:
            translated = programs.in_language(code, language)
            for before, after in zip(
                programs.comments_of(code), programs.comments_of(translated), strict=True
            ):
                is_prose = re.search(r"[a-z]{3} [a-z]{2}", before)
                assert before != after or not is_prose
            strip = r'(?m)#.*$|^"""Lesson.*$|^"""第.*$'
            assert re.sub(strip, "", translated) == re.sub(strip, "", code)
