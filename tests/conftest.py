"""Fixtures of the whole suite, and how it is divided among processes (pytest -n)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import inkgrad

# Tests that share what is expensive to make run in one process (--dist loadgroup), the longest
# group first; all others are distributed one by one.
_GROUPS = (
    "tests/test_capabilities.py",  # starts further processes
    "tests/demo/",  # one server
    "tests/course/lessons/",  # runs of the lessons
    "tests/cuda/",  # kernels compiled for the host
    "tests/course/",
    "tests/benchmarks/",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Group the tests for pytest-xdist, where it is used."""
    if config.getoption("dist", "no") != "loadgroup":
        return

    def rank(item: pytest.Item) -> int:
        starts = [item.nodeid.startswith(prefix) for prefix in _GROUPS]
        return starts.index(True) if any(starts) else len(_GROUPS)

    for item in items:
        if rank(item) < len(_GROUPS):
            item.add_marker(pytest.mark.xdist_group(_GROUPS[rank(item)].strip("/")))
    items.sort(key=rank)


def pytest_report_header() -> str:
    """Name the devices and kernels, which a failure report has to include."""
    devices = ", ".join(available_devices())
    kernels = inkgrad.build_config()["cpu_library_loaded"]
    return f"torch {torch.__version__}, {devices}, CPU kernels: {kernels}"


def available_devices() -> list[str]:
    """Return the device types to test on."""
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(params=available_devices())
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device of this machine, one after another."""
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _same_settings_everywhere() -> Iterator[None]:
    """Start each test from torch's defaults, on CUDA with full precision and deterministic, and
    restore the settings that a test may change."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    # As a context manager, since torch's own test helpers forbid assigning the flags.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False, deterministic=True):
        yield
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
