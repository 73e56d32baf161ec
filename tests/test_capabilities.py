"""The core of the suite again under every instruction set of this machine, and without kernels.

The library is chosen when inkgrad is imported, so each choice needs a process of its own. They run
side by side, one thread each. The choice that this process runs under needs no repetition: the
whole suite covers it.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import inkgrad

REPOSITORY = Path(__file__).resolve().parent.parent
# Instruction sets in ascending order: a processor that has one has those before it.
SETS = ("default", "avx2", "avx512")


def choices():
    """What INKGRAD_CPU_CAPABILITY can select here, without what is loaded already."""
    if not hasattr(torch.ops.inkgrad, "conv2d"):
        return []  # nothing was built: the suite runs through reference.py already
    best = torch.backends.cpu.get_cpu_capability().lower()
    available = SETS[: SETS.index(best) + 1] if best in SETS else ("default",)
    built = inkgrad.build_config()["cpu_libraries_built"]
    usable = [name for name in available if name in built]
    return [name for name in (*usable, "reference") if name != loaded()]


def loaded():
    return inkgrad.build_config()["cpu_library_loaded"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One running test process for each choice."""
    processes = {}
    for choice in choices():
        log = tmp_path_factory.mktemp(choice) / "log"
        environment = {**os.environ, "INKGRAD_CPU_CAPABILITY": choice, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "pytest", "-m", "core", "-p", "no:cacheprovider"]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "--color=no", "tests/functional"],
                cwd=REPOSITORY,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        processes[choice] = (process, log)
    yield processes
    for process, _ in processes.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("choice", choices())
def test_core_of_the_suite(choice, runs):
    process, log = runs[choice]
    status = process.wait()
    assert status == 0, log.read_text()[-8000:]


@pytest.mark.parametrize("choice", choices())
def test_the_choice_is_the_one_asked_for(choice):
    """Else the test above would test the same library several times."""
    script = "import inkgrad; print(inkgrad.build_config()['cpu_library_loaded'])"
    environment = {**os.environ, "INKGRAD_CPU_CAPABILITY": choice}
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, text=True, capture_output=True, check=True
    )
    assert answer.stdout.strip() == choice
