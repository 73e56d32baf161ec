"""``inkgrad lesson N --exercise K``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from inkgrad.course.commands import lesson as lesson_command
from inkgrad.course.lessons.exercises import EXERCISES


def lesson(*arguments: str) -> int:
    parser = argparse.ArgumentParser("inkgrad lesson")
    lesson_command.add_arguments(parser)
    return lesson_command.run(parser.parse_args([*arguments, "--lang", "en"]))


def test_all_exercises_of_a_lesson_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("9", "--exercises") == 0
    shown = capsys.readouterr().out
    assert [f"Exercise {n}: " in shown for n in range(1, 6)] == [True] * 4 + [False]
    assert "def softmax(z):" in shown
    assert "powers" not in shown  # no worked answers


def test_hint_and_worked_answer_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("9", "--exercise", "1", "--hint") == 0
    assert "Hint: e¹⁰⁰⁰ overflows" in capsys.readouterr().out
    assert lesson("9", "--exercise", "1", "--solution") == 0
    assert EXERCISES[9][0].worked_answer() in capsys.readouterr().out


def test_an_answer_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lesson("6", "--exercise", "2", "--answer", "-0.2") == 0
    assert capsys.readouterr().out == "Correct.\n"
    assert lesson("6", "--exercise", "2", "--answer", "3") == 1
    file = tmp_path / "answer.py"
    file.write_text(EXERCISES[9][0].worked_answer())
    assert lesson("9", "--exercise", "1", "--answer", str(file)) == 0
    file.write_text("def softmax(z):\n    return z\n")
    assert lesson("9", "--exercise", "1", "--answer", str(file)) == 1
    assert "expected [0.3" in capsys.readouterr().out
    file.write_text(EXERCISES[9][0].worked_answer(), encoding="utf-8-sig")  # as by Notepad
    assert lesson("9", "--exercise", "1", "--answer", str(file)) == 0
    file.write_bytes(b"\xff\xfeno text")
    capsys.readouterr()
    assert lesson("9", "--exercise", "1", "--answer", str(file)) == 1
    assert "The code does not run: SyntaxError" in capsys.readouterr().out
    with pytest.raises(OSError, match=r"nothing\.py"):  # of which the command line makes one line
        lesson("9", "--exercise", "1", "--answer", str(tmp_path / "nothing.py"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("6 --exercise 4", "--exercise: expected 1 to 3, got 4"),
        ("6 --exercise 0", "--exercise: expected 1 to 3, got 0"),
        ("6 --answer 1", "--answer, --hint and --solution need --exercise K"),
        ("6 --fused", "--fused needs --code"),
        ("6 --code --notebook", "not allowed with argument --code"),
    ],
)
def test_wrong_usage(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        lesson(*arguments.split())
    assert message in capsys.readouterr().err
