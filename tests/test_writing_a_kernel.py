"""docs/writing-a-kernel.md, followed to the letter in a copy of the source tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "writing-a-kernel.md"
# ```cpp title="csrc/file.h, below a line of it"
_BLOCK = re.compile(
    r'^```\w+ title="([^,"]+)(?:, (at the end|(?:above|below) [^"]+))?"\n(.*?)^```$',
    re.MULTILINE | re.DOTALL,
)
# One kernel library, without optimization, which takes a quarter of the time.
_QUICK_SETUP = (
    (r'^ +"(avx2|avx512)": .*\n', ""),
    (r'"-O[23]"', '"-O0"'),
)


def blocks() -> list[tuple[str, str, str]]:
    """The code blocks of the page that belong to a file: (path, place, code)."""
    return _BLOCK.findall(PAGE.read_text())


def insert(text: str, place: str, code: str) -> str:
    if place == "at the end":
        return f"{text}\n\n{code}"
    side, anchor = place.split(" ", 1)
    lines = text.splitlines(keepends=True)
    (index,) = (i for i, line in enumerate(lines) if line.strip() == anchor.strip())
    lines.insert(index + (side == "below"), code)
    return "".join(lines)


def follow(tree: Path) -> list[str]:
    """Apply the page to a source tree; return the files that it touches."""
    for path, place, code in blocks():
        file = tree / path
        assert file.exists() == bool(place), path
        file.write_text(insert(file.read_text(), place, code) if place else code)
    return sorted({path for path, _, _ in blocks()})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    built = shutil.ignore_patterns("*.so", "__pycache__")
    for name in ("csrc", "pyext"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=built)
    (tmp_path / ".ci").mkdir()
    for name in ("setup.py", ".ci/preflight.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(tree: Path, *arguments: str) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(tree / "pyext"),
        "INKGRAD_CPU_CAPABILITY": "default",
        "INKGRAD_CUDA": "0",
    }
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert result.returncode == 0, result.stdout[-20_000:]
    return result.stdout


def test_the_page_says_how_many_files_it_touches(tree: Path) -> None:
    new = [path for path, place, _ in blocks() if not place]
    assert len(follow(tree)) == 9
    assert len(new) == 3
    assert "touches nine files, three of them new" in PAGE.read_text().replace("\n", " ")


@pytest.mark.slow
@pytest.mark.skipif(
    os.environ.get("INKGRAD_TUTORIAL") != "1",
    reason="compiles for several minutes; INKGRAD_TUTORIAL=1 runs it",
)
def test_following_the_page_adds_an_op_that_passes_its_checks(tree: Path) -> None:
    follow(tree)
    setup = tree / "setup.py"
    for pattern, replacement in _QUICK_SETUP:
        text, count = re.subn(pattern, replacement, setup.read_text(), flags=re.MULTILINE)
        assert count > 0, pattern
        setup.write_text(text)
    run(tree, "setup.py", "--quiet", "build_ext", "--inplace")
    report = run(tree, "-m", "inkgrad", "check", "--op", "squared_error")
    assert "squared_error" in report
    kernel = run(
        tree,
        "-c",
        "import torch, inkgrad\n"
        "print(torch._C._dispatch_has_kernel_for_dispatch_key('inkgrad::squared_error', 'CPU'))",
    )
    assert kernel.strip() == "True"
