"""Builds the C++ extension and the CPU kernel libraries; all else stands in pyproject.toml.

Each CPU library is the same sources (csrc/cpu/kernels) under other compiler flags. They contain no
torch, so they are plain shared libraries, of which ``inkgrad._C`` opens one at import: the best
that the processor runs. ``INKGRAD_KERNELS=0`` installs the Python part alone.
"""

import os
import platform
import sys
from pathlib import Path
from typing import NoReturn

import setuptools
from setuptools import Extension, setup


def stop(problem: str) -> NoReturn:
    sys.exit(
        f"{problem}\n"
        "Install what the build needs, then build without isolation:\n"
        "    pip install torch 'setuptools>=77' ninja\n"
        "    pip install --no-build-isolation ."
    )


if int(setuptools.__version__.split(".")[0]) < 77:
    stop(f"inkgrad is built by setuptools 77 or newer; {setuptools.__version__} is here.")
try:
    from torch.utils.cpp_extension import BuildExtension, CppExtension
except ModuleNotFoundError as error:
    stop(f"inkgrad is built against the torch that it will run with; {error.name!r} is not here.")

ROOT = Path(__file__).resolve().parent
COMMON_FLAGS = ["-O3", "-g0", "-Wall", "-fvisibility=hidden"]
OPENMP = ["-fopenmp"] if sys.platform != "darwin" else []

CPU_FLAGS = {
    "x86_64": {
        "default": [],
        "avx2": ["-mavx2", "-mfma"],
        "avx512": [f"-mavx512{part}" for part in ("f", "vl", "dq", "bw", "cd")] + ["-mfma"],
    },
    "aarch64": {"default": []},  # NEON is part of the base
}


def sources(*patterns: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)
    )


def headers() -> list[str]:
    return sources("csrc/**/*.h")


class KernelLibrary(Extension):
    """A shared library that Python does not import: it has no init function."""


class Build(BuildExtension):
    """Keeps the objects, so that the next build compiles only what has changed."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.editable_mode:  # pip would compile in a folder that it throws away
            self.build_temp = f"build/temp.{self.plat_name}-{sys.implementation.cache_tag}"

    def build_extension(self, ext: Extension) -> None:
        # The libraries share sources: with a folder of objects each, none is built anew for the
        # flags of another.
        shared = self.build_temp
        self.build_temp = os.path.join(shared, ext.name)
        try:
            super().build_extension(ext)
        finally:
            self.build_temp = shared

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return [] if isinstance(ext, KernelLibrary) else super().get_export_symbols(ext)


def limit_parallel_jobs() -> None:
    """A unit that includes ATen takes up to 1.5 GB: compile no more at once than memory holds."""
    if "MAX_JOBS" in os.environ or not hasattr(os, "sysconf"):
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    os.environ["MAX_JOBS"] = str(max(1, min(os.cpu_count() or 1, memory // (3 * 2**29))))


machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
limit_parallel_jobs()
extensions: list[Extension] = []
if os.environ.get("INKGRAD_KERNELS", "1") != "0":
    extensions = [
        CppExtension(
            "inkgrad._C",
            sources("csrc/*.cpp", "csrc/autograd/*.cpp", "csrc/cpu/*.cpp"),
            depends=headers(),
            extra_compile_args={"cxx": [*COMMON_FLAGS, "-O2", *OPENMP]},
            extra_link_args=OPENMP,
        ),
        *(
            KernelLibrary(
                f"inkgrad._cpu_{name}",
                sources("csrc/cpu/kernels/*.cpp"),
                depends=headers(),
                extra_compile_args={
                    "cxx": [*COMMON_FLAGS, "-Wno-psabi", "-Wno-maybe-uninitialized", *flags]
                },
                language="c++",
            )
            for name, flags in CPU_FLAGS.get(machine, {"default": []}).items()
        ),
    ]

setup(ext_modules=extensions, cmdclass={"build_ext": Build})
