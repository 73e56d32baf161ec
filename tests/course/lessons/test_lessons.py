"""A lesson is one short module, which can be read on its own."""

from __future__ import annotations

import inspect
import runpy
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from inkgrad.course.data import datasets
from inkgrad.course.lessons import LESSONS


def test_the_code_of_a_lesson_is_its_file_and_short() -> None:
    for lesson in LESSONS.values():
        code = lesson.code()
        assert code == Path(inspect.getfile(lesson.module)).read_text(encoding="utf-8")
        assert code.startswith(f'"""Lesson {lesson.number}, ')
        assert len(code.splitlines()) <= 260
        assert "matplotlib" not in code


@pytest.mark.parametrize("number", LESSONS)
def test_the_code_of_a_lesson_is_a_program_that_prints(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """``inkgrad lesson N --code > n.py; python n.py``"""
    program = tmp_path / "program.py"
    program.write_text(LESSONS[number].code(), encoding="utf-8")
    monkeypatch.setattr(datasets, "diabetes", lambda source=None: small(datasets.breast_cancer()))
    monkeypatch.setattr(datasets, "mnist", lambda source=None: small(datasets.digits()))
    # Lesson 8 does not wait for its slow data, nor for workers to start.
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(torch.utils.data, "DataLoader", without_workers)
    runpy.run_path(str(program), run_name="__main__")
    assert len(capfd.readouterr().out.splitlines()) >= 5


def without_workers(*arguments: Any, **options: Any) -> Any:
    for name in ("num_workers", "persistent_workers", "multiprocessing_context"):
        options.pop(name, None)
    return torch.utils.data.dataloader.DataLoader(*arguments, **options)


def small(data: datasets.Data) -> datasets.Data:
    return datasets.Data(data.name, data.train[:100], data.test[:100])
