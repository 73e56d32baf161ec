"""Run the core tests again for every instruction set of this machine, and without kernels.

The kernel library is chosen when inkgrad is imported, so each choice needs its own process: one,
with one thread. The processes run side by side. The library that this process has loaded is left
out: the whole suite covers it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import inkgrad

TESTS = Path(__file__).resolve().parent
# In ascending order: a processor that supports one supports those before it.
INSTRUCTION_SETS = ("default", "avx2", "avx512")
REFERENCE = "reference"
# Named, since collecting all of tests/ would take longer than some of these tests.
CORE_FILES = [
    str(path) for path in sorted(TESTS.rglob("test_*.py")) if "pytest.mark.core" in path.read_text()
]


def choices() -> list[str]:
    """Return what INKGRAD_CPU_CAPABILITY can select here, without the library loaded already."""
    if not hasattr(torch.ops.inkgrad, "conv2d"):
        return []  # not built: the whole suite runs through reference.py
    best = torch.backends.cpu.get_cpu_capability().lower()
    count = INSTRUCTION_SETS.index(best) + 1 if best in INSTRUCTION_SETS else 1
    config = inkgrad.build_config()
    built = [name for name in INSTRUCTION_SETS[:count] if name in config["cpu_libraries_built"]]
    return [name for name in (*built, REFERENCE) if name != config["cpu_library_loaded"]]


def _start(choice: str, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-m", "core", "-p", "no:cacheprovider", "-v"]
    if choice == REFERENCE:
        command += ["-k", "float32"]  # plain Python, which treats all dtypes alike
    with log.open("w") as output:
        return subprocess.Popen(
            [*command, "--color=no", "--tb=short", "-p", "no:xdist", *CORE_FILES],
            cwd=TESTS.parent,
            env={**os.environ, "INKGRAD_CPU_CAPABILITY": choice, "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[subprocess.Popen[bytes], Path]]]:
    """A running test process for each choice, and its log."""
    logs = {choice: tmp_path_factory.mktemp(choice) / "log" for choice in choices()}
    processes = {choice: (_start(choice, log), log) for choice, log in logs.items()}
    yield processes
    for process, _ in processes.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("choice", choices())
def test_core(choice: str, runs: dict[str, tuple[subprocess.Popen[bytes], Path]]) -> None:
    process, path = runs[choice]
    status = process.wait()
    log = path.read_text()
    assert status == 0, log[-8000:]
    # Else the same library would be tested several times.
    assert f"CPU kernels: {choice}" in log
