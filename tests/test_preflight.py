"""The check before the set-up names what is missing and what mends it, on any old Python."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import sys
import sysconfig
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "preflight.py"


@pytest.fixture
def preflight() -> ModuleType:
    spec = importlib.util.spec_from_file_location("preflight", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Debian where nothing else is on the PATH."""
    on_path = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(shutil, "which", on_path.get)
    monkeypatch.delenv("CXX", raising=False)


def test_an_old_python_can_read_it() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


def test_nothing_is_missing_where_these_tests_run(preflight, capsys) -> None:
    assert preflight.main(["--no-kernels", "--room", "0.001"]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_old_python_is_the_only_thing_said(preflight, monkeypatch, capsys, apt) -> None:
    monkeypatch.setattr(preflight, "OLDEST", (99, 0))
    assert preflight.main([]) == 1
    err = capsys.readouterr().err
    assert err.count("missing:") == 1
    assert f"Python 99.0 or newer: {sys.executable} is" in err
    assert "PYTHON=python3.12" in err


def test_a_newer_python_on_the_path_is_named(preflight, monkeypatch, capsys) -> None:
    monkeypatch.setattr(preflight, "OLDEST", (99, 0))
    monkeypatch.setattr(preflight, "newer_minors", lambda: [13, 12])
    monkeypatch.setattr(preflight, "works", lambda python: python == "python3.12")
    assert preflight.main([]) == 1
    assert "to fix: make demo PYTHON=python3.12" in capsys.readouterr().err


@pytest.mark.usefixtures("apt")
def test_debian_without_its_venv_package(preflight, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert preflight.main(["--no-kernels"]) == 1
    err = capsys.readouterr().err
    assert f"apt-get install python3.{sys.version_info[1]}-venv" in err
    assert "KERNELS=0" not in err  # would not help


@pytest.mark.usefixtures("apt")
def test_no_compiler_and_no_headers(preflight, monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert preflight.main([]) == 1
    err = capsys.readouterr().err
    assert "apt-get install g++" in err
    assert f"apt-get install python3.{sys.version_info[1]}-dev" in err
    assert "make demo KERNELS=0" in err
    assert preflight.main(["--no-kernels"]) == 0


def test_a_compiler_too_old(preflight, monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    compiler = tmp_path / "old-c++"
    compiler.write_text(
        "#!/bin/sh\necho 'probe.cpp:5:10: fatal error: concepts: no such file'; exit 1"
    )
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    assert preflight.main([]) == 1
    assert "fatal error: concepts: no such file" in capsys.readouterr().err


def test_a_full_disk(preflight, monkeypatch, capsys) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(free=3.5e9))
    assert preflight.main(["--no-kernels", "--room", "7"]) == 1
    assert "has 3.5 GB free, the set-up needs about 7.0 GB" in capsys.readouterr().err
    assert preflight.main(["--no-kernels", "--room", "2"]) == 0
