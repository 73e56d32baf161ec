"""Imports go one way: demo, benchmarks -> course -> patching, chain, nn -> functional."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("pyext", "demo", "benchmarks")

# From the top to the bottom: a module imports modules of its own layer and of those below it. A
# module belongs to the longest name that it begins with.
LAYERS = (
    ("inkgrad.cli", "inkgrad.__main__"),
    ("inkgrad_demo", "inkgrad_bench"),
    ("inkgrad.course.commands",),
    ("inkgrad.course.lessons",),
    ("inkgrad.course.training",),
    ("inkgrad.course.data",),
    ("inkgrad.course.recognition", "inkgrad.course.__init__"),
    ("inkgrad.course",),
    ("inkgrad.__init__", "inkgrad.check", "inkgrad.info"),
    ("inkgrad.explaining",),
    ("inkgrad.chain", "inkgrad.compiling", "inkgrad.device_chain", "inkgrad.patching"),
    ("inkgrad.chain_layers", "inkgrad.graph_patterns"),
    ("inkgrad.nn",),
    ("inkgrad.sequential",),
    ("inkgrad",),
)


def _layer(module: str) -> int:
    names = {name: depth for depth, layer in enumerate(LAYERS) for name in layer}
    return names[max((n for n in names if f"{module}.".startswith(f"{n}.")), key=len)]


def _modules() -> dict[str, Path]:
    """Our modules by name; a package is ``package.__init__``. Without scripts beside packages."""
    paths = {path: root for root in FOLDERS for path in sorted((ROOT / root).rglob("*/*.py"))}
    return {
        ".".join(path.relative_to(ROOT / root).with_suffix("").parts): path
        for path, root in paths.items()
    }


MODULES = _modules()


def _imports(code: str) -> Iterator[str]:
    """The modules of ours that the code imports, also inside functions."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        if isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                is_module = name in MODULES or f"{name}.__init__" in MODULES
                yield name if is_module else node.module


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in ("inkgrad", "inkgrad_demo", "inkgrad_bench")


def _upward(module: str, code: str) -> list[str]:
    return [name for name in _imports(code) if _layer(name) < _layer(module)]


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    assert _upward(module, MODULES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("inkgrad.course.recognition.ink", "from inkgrad.course.training.run import Run"),
        (
            "inkgrad.course.data.download",
            "def late():\n    from inkgrad.course.training import run",
        ),
        ("inkgrad.course.models", "from inkgrad.course.data import datasets"),
        ("inkgrad.nn", "import inkgrad.patching"),
        ("inkgrad.functional", "from inkgrad import nn"),
        ("inkgrad.chain", "from inkgrad.course.models import build"),
        ("inkgrad.course.commands.train", "import inkgrad_demo.app"),
    ],
)
def test_an_import_that_points_up_would_be_noticed(module: str, code: str) -> None:
    assert len(_upward(module, code)) == 1
    assert module in MODULES


def test_relative_imports_are_not_used() -> None:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), module


def _includes(folder: str) -> list[tuple[str, str]]:
    """The files of csrc/``folder``, and what each includes."""
    files = sorted(path for path in (ROOT / "csrc" / folder).rglob("*") if path.is_file())
    return [
        (path.name, included)
        for path in files
        for included in re.findall(r'^#include [<"](.+)[>"]', path.read_text("utf-8"), re.MULTILINE)
    ]


def test_autograd_includes_no_backend() -> None:
    assert [each for each in _includes("autograd") if re.search(r"\b(cpu|cuda)/", each[1])] == []


def test_cpu_ops_run_on_the_threads_of_torch() -> None:
    """at::parallel_for, compiled by clang, would be serial or have threads of its own."""
    loop = re.compile(r"\bat::parallel_for|#pragma omp parallel")
    files = [path for path in (ROOT / "csrc").rglob("*") if path.is_file()]
    assert [path.name for path in files if loop.search(path.read_text())] == ["parallel.h"]


def test_cpu_kernels_include_no_torch() -> None:
    torch = r"^(ATen|c10|torch)/"
    assert [each for each in _includes("cpu/kernels") if re.search(torch, each[1])] == []
    assert [each for each in _includes("cpu") if re.search(torch, each[1])]
