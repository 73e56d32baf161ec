"""Fixtures of the whole suite, and how it is divided among processes (pytest -n)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

import inkgrad
from warm_python import WarmPython

# Folders whose tests run in one process, because they share what is expensive to make: kernels
# compiled for the host, runs of the lessons. Of all others, the tests of one file do.
_TOGETHER = ("tests/cuda/", "tests/course/lessons/")
# The longest, to begin with: short files at the end keep all processes busy.
_FIRST = (
    "tests/test_writing_a_kernel.py",
    "tests/test_capabilities.py",
    "tests/cuda/",
    "tests/demo/pages/",
    "tests/course/lessons/",
    "tests/demo/",
    "tests/benchmarks/",
    "tests/course/",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Divide the tests among processes by ``_TOGETHER``, with ``--dist loadfile``."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folders = (folder for folder in _TOGETHER if nodeid.startswith(folder))
            return next(folders, nodeid.partition("::")[0])

    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # the order of this file, not by numbers of tests
    return Scheduler(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for the processes of pytest-xdist."""

    def rank(item: pytest.Item) -> int:
        ranks = (i for i, prefix in enumerate(_FIRST) if item.nodeid.startswith(prefix))
        return next(ranks, len(_FIRST))

    if hasattr(config, "workerinput"):
        items.sort(key=rank)


def pytest_report_header() -> str:
    """Name the devices and kernels, which a failure report has to include."""
    devices = ", ".join(available_devices())
    kernels = inkgrad.build_config()["cpu_library_loaded"]
    return f"torch {torch.__version__}, {devices}, CPU kernels: {kernels}"


def available_devices() -> list[str]:
    """Return the device types to test on."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(scope="session")
def python() -> Iterator[WarmPython]:
    """Runs programs in processes of their own, without importing torch each time."""
    warm = WarmPython()
    yield warm
    warm.close()


@pytest.fixture(params=available_devices())
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device of this machine, one after another."""
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _same_settings_everywhere() -> Iterator[None]:
    """Start each test from torch's defaults, on CUDA with full precision and deterministic, and
    restore the settings that a test may change."""
    threads = torch.get_num_threads()
    # Not torch.manual_seed, which notes the stack for each device that is not in use yet.
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(0)
    # As a context manager, since torch's own test helpers forbid assigning the flags.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False, deterministic=True):
        yield
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
