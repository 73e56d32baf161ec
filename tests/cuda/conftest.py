"""Shared by the tests of the CUDA kernels; none of it needs a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulation import compile_library, emulated_kernels


@pytest.fixture(scope="session")
def host_checks(tmp_path_factory):
    """host_checks.cpp; its functions return the number of errors."""
    source = Path(__file__).parent / "host_checks.cpp"
    return compile_library(tmp_path_factory.mktemp("host_checks"), [source])


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """The kernels themselves, run on the host."""
    return emulated_kernels(tmp_path_factory.mktemp("emulated"))
