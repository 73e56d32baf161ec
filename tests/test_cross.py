"""make cross names the tools that are missing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "cross.py"


@pytest.fixture
def cross(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("inkgrad_cross", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("installed", "missing"),
    [
        ({"clang++", "aarch64-linux-gnu-g++"}, "qemu-user-static"),
        ({"clang++", "qemu-aarch64"}, "g++-aarch64-linux-gnu"),
        ({"aarch64-linux-gnu-g++", "qemu-aarch64-static"}, "clang-19"),
        (set(), "clang-19 g++-aarch64-linux-gnu qemu-user-static"),
    ],
)
def test_missing_tools_are_named(cross, monkeypatch, installed, missing) -> None:
    monkeypatch.setattr(cross.shutil, "which", lambda command: command in installed or None)
    monkeypatch.setattr(cross, "is_new_enough", lambda clang: True)
    with pytest.raises(SystemExit) as ended:
        cross.tools()
    assert str(ended.value).endswith(f"to fix: apt-get install {missing}")


def test_an_old_clang_is_passed_over(cross, monkeypatch) -> None:
    monkeypatch.setattr(cross.shutil, "which", lambda command: command)
    monkeypatch.setattr(cross, "is_new_enough", lambda clang: clang == "clang++-19")
    assert cross.tools()[0] == "clang++-19"
