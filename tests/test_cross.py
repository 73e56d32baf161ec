"""make cross: the tools that it needs, and that its program fits the kernels."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from comparing import LIBRARY, needs_extension
from inkgrad import extension

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


@needs_extension
def test_the_kernels_of_this_processor_pass(tmp_path) -> None:
    """With the compiler of the extension, and the library that is loaded here."""
    program = tmp_path / "kernels"
    source = Path(__file__).parent / "cross" / "kernels.cpp"
    (library,) = Path(extension.__file__).parent.glob(f"_cpu_{LIBRARY}.*")
    compiler = os.environ.get("CXX", "c++").split()
    flags = ["-std=c++20", "-Wno-psabi", f"-Wl,-rpath,{library.parent}"]
    subprocess.run([*compiler, *flags, source, library, "-o", program], check=True)
    run = subprocess.run([program], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert run.stdout.endswith(" 0 failed\n")
