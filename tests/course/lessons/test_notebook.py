"""The notebooks: valid, in both languages, and they run from top to bottom."""

from __future__ import annotations

import contextlib
import io
import json

import pytest

from inkgrad.course.lessons import LESSONS, programs
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad.course.lessons.formulas import DERIVATIONS
from inkgrad.course.lessons.notebook import notebook
from inkgrad.course.texts import CATALOGUES


def _cells(number: int, language: str, kind: str) -> list[str]:
    document = json.loads(notebook(LESSONS[number], language))
    return [cell["source"] for cell in document["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("number", LESSONS)
def test_a_notebook_runs_from_top_to_bottom(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like Jupyter: the cells run in one process and share their names."""
    monkeypatch.setenv("MPLBACKEND", "template")
    names = {"__name__": "__main__"}
    printed = io.StringIO()
    for source in _cells(number, "zh-CN", "code"):
        with contextlib.redirect_stdout(printed):
            exec(compile(source.replace("EPOCHS = 2", "EPOCHS = 1"), "<cell>", "exec"), names)
    lines = printed.getvalue().splitlines()
    verdicts = lines[-len(EXERCISES[number]) :]
    assert not any("正确" in verdict for verdict in verdicts)


def test_an_answer_in_the_names_of_a_notebook_is_checked() -> None:
    names: dict[str, object] = {}
    cells = _cells(2, "en", "code")
    exec("\n".join(cells[1:3]), names)  # with the program's own x_data, loss, ...
    exec(EXERCISES[2][1].worked_answer(), names)
    exec("from inkgrad.course.lessons.exercises import check", names)
    assert eval("check(2, 2, globals()).is_right", names)


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("number", LESSONS)
def test_a_notebook_has_the_lesson(number: int, language: str) -> None:
    lesson = LESSONS[number]
    code = _cells(number, language, "code")
    parts = [code for _, code in programs.cells(lesson.code(language))]
    assert code[: len(parts)] == [part.strip("\n") for part in parts]
    assert sum("check(" in cell for cell in code) == len(EXERCISES[number])
    text = "\n".join(_cells(number, language, "markdown"))
    assert text.startswith(f"# {number}. {lesson.title(language)}\n")
    assert all(latex in text for latex in DERIVATIONS.get(lesson.name, []))
    assert ("# <-" in "".join(code)) == (number >= 6)


def test_the_format_is_that_of_jupyter() -> None:
    nbformat = pytest.importorskip("nbformat")
    for lesson in LESSONS.values():
        nbformat.validate(nbformat.reads(notebook(lesson, "en"), as_version=4))
