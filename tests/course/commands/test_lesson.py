"""``inkgrad lesson``: what it prints, what it saves, how it ends."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

import pytest

from inkgrad.course.commands import lesson as lesson_command
from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.blocks import Plot
from warm_python import WarmPython


def lesson(*arguments: str) -> int:
    parser = argparse.ArgumentParser("inkgrad lesson")
    lesson_command.add_arguments(parser)
    return lesson_command.run(parser.parse_args(arguments))


def test_without_a_number_the_lessons_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("--lang", "en") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == " 3  Gradient descent"
    assert len(lines) == len(LESSONS)


def test_the_language_is_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("2", "--lang", "zh-CN") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("2. 线性模型\n")
    assert "训练 MSE" in shown


def test_the_code_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("4", "--code") == 0
    assert capsys.readouterr().out == LESSONS[4].code()


def test_the_numbers_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("2", "--lang", "en") == 0
    printed = capsys.readouterr()
    assert "\n2.0   0.0000\n" in printed.out
    assert "--plots DIR" in printed.out
    assert printed.err == ""  # no bar where nobody sees it


@pytest.mark.filterwarnings("error:Glyph")  # which matplotlib's fonts lack
def test_the_pictures_are_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "new" / "folder"
    assert lesson("6", "--epochs", "3", "--plots", str(folder), "--lang", "zh-CN") == 0
    parts = LESSONS[6].blocks(LESSONS[6].run(epochs=1), "en")
    names = {f"06_logistic_regression_{p.name}.png" for p in parts if isinstance(p, Plot)}
    assert {path.name for path in folder.iterdir()} == names  # and nothing temporary
    shown = capsys.readouterr().out
    for path in folder.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        assert str(path) in shown.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("11", "invalid choice: 11"),
        ("2 --epochs 3", "lesson 2 has no --epochs"),
        ("5 --full", "lesson 5 has no --full"),
        ("3 --data some.csv", "lesson 3 has no --data"),
        ("5 --epochs 0", "epochs: expected at least 1, got 0"),
        ("5 --lang tlh", "invalid choice: 'tlh'"),
    ],
)
def test_wrong_usage(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        lesson(*arguments.split())
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_noticed_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):  # of which the command line makes one line
        lesson("1", "--plots", str(tmp_path / "file"))
    assert capsys.readouterr().out == ""


def test_without_matplotlib_the_numbers_are_printed_all_the_same(python: WarmPython) -> None:
    """And without Gradio. None in sys.modules: importing fails as if it were not installed."""
    program = """if True:
        import importlib, sys
        sys.modules["matplotlib"] = sys.modules["gradio"] = None
        from inkgrad.cli import main
        from inkgrad.course.lessons import LESSONS
        for lesson in LESSONS.values():
            importlib.import_module(f"inkgrad.course.lessons.views.{lesson.name}")
        assert main(["lesson", "1", "--lang", "en"]) == 0
        assert main(["lesson", "1", "--lang", "en", "--plots", "."]) == 1
    """
    done = python.run(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("1. Overview") == 1  # refused before anything else
    assert 'pip install "inkgrad[plots]"' in done.stderr


def test_ctrl_c_ends_it_cleanly(python: WarmPython) -> None:
    program = "import sys; from inkgrad.cli import main; sys.exit(main(sys.argv[1:]))"
    lesson = python.start(program, "lesson", "5", "--epochs", "100000000")
    assert lesson.stdout.readline().startswith("5. ")
    lesson.send_signal(signal.SIGINT)
    ended = lesson.finish()
    assert (ended.returncode, ended.stderr) == (130, "\n")
