"""Fixtures of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

import inkgrad


def pytest_report_header() -> str:
    """A pasted failure is of no use without knowing which kernels ran."""
    devices = ", ".join(available_devices())
    kernels = inkgrad.build_config()["cpu_library_loaded"]
    return f"torch {torch.__version__}, {devices}, CPU kernels: {kernels}"


def available_devices() -> list[str]:
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.fixture(params=available_devices())
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device of this machine in turn."""
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _same_settings_everywhere() -> Iterator[None]:
    """A test starts from torch's defaults, on CUDA with full precision and in one order, and leaves
    none of its own."""
    threads = torch.get_num_threads()
    torch.manual_seed(0)
    # The context manager: torch's own test helpers forbid setting the flags themselves.
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False, deterministic=True):
        yield
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
