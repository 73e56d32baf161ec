"""Build the C++ extension and the kernel libraries; pyproject.toml has everything else.

Each CPU library compiles the same sources (csrc/cpu/kernels) with other flags. They contain no
torch, so they are plain shared libraries, of which the extension opens one at import: the best
that the processor runs. The CUDA library (csrc/cuda/kernels) is one more; it needs a torch with
CUDA and a toolkit of the same major version.

Only what this machine can use is built: the default library, that of the processor's instruction
set, and the CUDA library for the GPUs that are visible. ``INKGRAD_ALL=1`` builds everything, for
wheels and for the tests. ``INKGRAD_CUDA=1`` builds the CUDA library without a GPU as well and makes
a missing toolkit an error, ``INKGRAD_CUDA=0`` leaves it out. TORCH_CUDA_ARCH_LIST overrides the
architectures.

If torch (as in pip's isolated builds), a compiler or Python's headers are missing, on Windows, and
in free-threaded Python, only the Python part is installed, which computes everything with torch's
ops; one line says why. ``INKGRAD_KERNELS=1`` makes that an error, ``INKGRAD_KERNELS=0`` leaves the
kernels out.

``INKGRAD_TORCHES`` lists folders of unpacked torch packages (version.py, include/, lib/) to compile
the extension for, one after another, in place of the torch that is installed (``make wheel``).
``INKGRAD_MACHINE=aarch64`` with a cross compiler builds for that machine.

``INKGRAD_SANITIZE`` names the sanitizers of ``-fsanitize`` to build with (``make sanitize``).
"""

import copy
import importlib.util
import json
import os
import platform
import re
import runpy
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import setuptools
from setuptools import Extension, setup
from setuptools.command.build_py import build_py


def stop(problem: str) -> NoReturn:
    sys.exit(
        f"{problem}\n"
        "Install the build requirements, then build without isolation:\n"
        "    pip install torch 'setuptools>=77' ninja\n"
        "    pip install --no-build-isolation ."
    )


if int(setuptools.__version__.split(".")[0]) < 77:
    stop(f"The build needs setuptools 77 or newer, found {setuptools.__version__}.")
try:
    import torch
    from torch.utils import cpp_extension
    from torch.utils.cpp_extension import BuildExtension
except ModuleNotFoundError:
    torch = None
    from setuptools.command.build_ext import build_ext as BuildExtension

ROOT = Path(__file__).resolve().parent
SANITIZE = os.environ.get("INKGRAD_SANITIZE", "")
SANITIZER = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"] if SANITIZE else []
OPTIMIZED = ["-O1", "-g1", "-fno-omit-frame-pointer"] if SANITIZE else ["-O3", "-g0"]
COMMON_FLAGS = [*OPTIMIZED, *SANITIZER, "-Wall", "-fvisibility=hidden"]
SIMD_LOOPS = ["-fopenmp-simd"]  # of OpenMP no more than that: csrc/cpu/parallel.h
# Each compiler knows some of these warnings.
KERNEL_FLAGS = ["-Wno-psabi", "-Wno-maybe-uninitialized", "-Wno-unknown-warning-option"]
# Hide what the compiler links statically (libstdc++): mixed with torch's copy it crashes.
HIDDEN = ["-Wl,--exclude-libs,ALL"] if sys.platform == "linux" else []

TORCHES = list(filter(None, os.environ.get("INKGRAD_TORCHES", "").split(os.pathsep)))
GENERATED = ROOT / "build" / "generated"

CPU_FLAGS = {
    "x86_64": {
        "default": [],
        "avx2": ["-mavx2", "-mfma"],
        "avx512": [f"-mavx512{part}" for part in ("f", "vl", "dq", "bw", "cd")] + ["-mfma"],
    },
    "aarch64": {"default": []},  # NEON is part of the base
}
MACHINE = os.environ.get("INKGRAD_MACHINE") or platform.machine()
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(MACHINE, MACHINE)


def switch(name: str) -> str:
    """The environment variable ``name``: "0", "1" or "", if it is not set."""
    value = os.environ.get(name, "")
    if value not in ("", "0", "1"):
        sys.exit(f"{name}: expected 0, 1 or nothing, got {value!r}")
    return value


def load(file: str) -> ModuleType:
    """Import a file of the tree that is not in a package, or whose package needs the kernels."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, ROOT / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def left_out() -> tuple[str, str]:
    """Return why the kernels are not built, or an empty string, and how to build them."""
    build = "pip install --no-build-isolation --force-reinstall --no-deps ."
    wanted = switch("INKGRAD_KERNELS")
    if wanted == "0":
        return "INKGRAD_KERNELS=0", build
    if sys.platform == "win32":
        reason, remedy = "they are not ported to Windows", "use the Windows Subsystem for Linux"
    elif sysconfig.get_config_var("Py_GIL_DISABLED"):
        # A chain keeps state between calls and reads modules' dicts (csrc/watch.cpp) without locks.
        reason = "the extension needs Python's global lock, which free-threaded Python lacks"
        remedy = "install inkgrad into the usual build of Python"
    elif torch is None:
        reason = "the build environment has no torch (pip's isolated ones never do)"
        remedy = f"pip install torch 'setuptools>=77' ninja, then {build}"
    else:
        preflight = load(".ci/preflight.py")
        missing = preflight.failures([preflight.check_headers, preflight.check_compiler])
        reason = "; ".join(" ".join(str(each).split()) for each in missing)
        remedy = ", then ".join([*(each.remedy for each in missing), build])
    if reason and wanted == "1":
        sys.exit(f"INKGRAD_KERNELS=1, but the kernels cannot be built: {reason}\nTo fix: {remedy}")
    return reason, remedy


def cpu_libraries() -> dict[str, list[str]]:
    """The libraries to build, with their flags."""
    known = CPU_FLAGS.get(MACHINE, {"default": []})
    if switch("INKGRAD_ALL") == "1":
        return known
    best = torch.backends.cpu.get_cpu_capability().lower()
    return {name: flags for name, flags in known.items() if name in ("default", best)}


def sources(*patterns: str) -> list[str]:
    return sorted(
        str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern)
    )


def headers() -> list[str]:
    return sources("csrc/**/*.h", "csrc/**/*.cuh")


# ---- CUDA

# Facts about the CUDA library that csrc/module.cpp reports, written by every build.
CUDA_HEADER = GENERATED / "inkgrad_cuda_build.h"
# PTX of 8.9, from which drivers compile for newer GPUs; code for 9.0a runs on that chip only.
ARCHITECTURES = "8.0;8.6;8.9+PTX;9.0a"


@dataclass(frozen=True)
class Cuda:
    """The toolkit to build with, or the reason why there is none."""

    home: Path | None = None
    toolkit: str = ""
    left_out: str = ""

    def header(self) -> str:
        """Return the build configuration as C++ macros, empty where they do not apply."""
        built = self.home is not None
        facts = {
            "INKGRAD_CUDA_TOOLKIT": self.toolkit if built else "",
            "INKGRAD_CUDA_OF_TORCH": torch.version.cuda if built else "",
            "INKGRAD_CUDA_ARCHITECTURES": os.environ["TORCH_CUDA_ARCH_LIST"] if built else "",
            "INKGRAD_CUDA_LEFT_OUT": self.left_out,
        }
        return "".join(f"#define {name} {json.dumps(value)}\n" for name, value in facts.items())


def toolkit_home() -> Path | None:
    """Return the folder with bin/nvcc and include/: the user's choice, or that of the nvcc on PATH,
    which may be a script that calls the real one."""
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(variable):
            return Path(os.environ[variable])
    nvcc = shutil.which("nvcc")
    if nvcc is not None:
        run = subprocess.run(
            [nvcc, "--dryrun", "-x", "cu", os.devnull], capture_output=True, text=True
        )
        top = re.search(r"^#\$ TOP=(.+)$", run.stderr, re.MULTILINE)
        return Path(top[1].strip()).resolve() if top else Path(nvcc).resolve().parent.parent
    usual = Path("/usr/local/cuda")
    return usual if usual.exists() else None


def toolkit_version(home: Path) -> str | None:
    """Return the version, such as "13.0", or None if the compiler or the headers are missing."""
    nvcc = home / "bin" / "nvcc"
    if not nvcc.exists() or not (home / "include" / "cuda_runtime.h").exists():
        return None
    run = subprocess.run([nvcc, "--version"], capture_output=True, text=True)
    release = re.search(r"release (\d+\.\d+)", run.stdout)
    return release[1] if release else None


def find_cuda() -> Cuda:
    of_torch = torch.version.cuda
    if of_torch is None:
        return Cuda(left_out=f"torch {torch.__version__} was built without CUDA")
    home = toolkit_home()
    if home is None:
        return Cuda(left_out=f"no CUDA toolkit (nvcc) was found for torch's CUDA {of_torch}")
    version = toolkit_version(home)
    if version is None:
        return Cuda(left_out=f"{home} has no CUDA toolkit (bin/nvcc and include/cuda_runtime.h)")
    if version.split(".")[0] != of_torch.split(".")[0]:
        return Cuda(
            left_out=f"the CUDA toolkit in {home} is {version}, but torch {torch.__version__} was "
            f"built with {of_torch}: their major versions must agree"
        )
    return Cuda(home, version)


def visible_gpus() -> list[str]:
    """The architectures of the GPUs that torch sees, such as "9.0a"."""
    if not torch.cuda.is_available():
        return []
    found = {torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())}
    # Code for 9.0a has Hopper's warpgroup products.
    return [
        f"{major}.{minor}" + ("a" if (major, minor) == (9, 0) else "")
        for major, minor in sorted(found)
    ]


def choose_cuda() -> Cuda:
    wanted, everything = switch("INKGRAD_CUDA"), switch("INKGRAD_ALL") == "1"
    if wanted == "0":
        return Cuda(left_out="INKGRAD_CUDA=0")
    if TORCHES:
        return Cuda(left_out="a wheel for several versions of torch has CPU kernels only")
    cuda = find_cuda()
    if cuda.home is not None and wanted != "1" and not everything and not visible_gpus():
        return Cuda(left_out="no GPU was visible; INKGRAD_CUDA=1 builds them without one")
    if cuda.home is None and wanted == "1":
        sys.exit(f"INKGRAD_CUDA=1, but the CUDA kernels cannot be built: {cuda.left_out}")
    if cuda.home is not None:
        cpp_extension.CUDA_HOME = str(cuda.home)  # its own guess may be the folder of a script
        if not os.environ.get("TORCH_CUDA_ARCH_LIST"):
            seen = [] if everything else visible_gpus()
            os.environ["TORCH_CUDA_ARCH_LIST"] = ";".join(seen) or ARCHITECTURES
    return cuda


def cuda_library() -> "KernelLibrary":
    # Warpgroup products exist only in code for 9.0a: the library must know whether it has them.
    hopper = ["-DINKGRAD_WGMMA"] if "9.0a" in os.environ["TORCH_CUDA_ARCH_LIST"] else []
    return KernelLibrary(
        "inkgrad._cuda",
        sources("csrc/cuda/kernels/*.cu", "csrc/cuda/kernels/*.cpp"),
        depends=[*headers(), str(CUDA_HEADER)],  # the header names the architectures
        include_dirs=cpp_extension.include_paths("cuda"),
        library_dirs=cpp_extension.library_paths("cuda"),
        libraries=["c10", "c10_cuda", "cudart"],
        extra_compile_args={
            "cxx": COMMON_FLAGS,
            "nvcc": ["-O3", "-Xcompiler", "-fvisibility=hidden", *hopper],
        },
        language="c++",
    )


class KernelLibrary(Extension):
    """A shared library that Python does not import: it has no init function."""


class Build(BuildExtension):
    """Keep the objects, so that the next build compiles only what has changed."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.editable_mode:  # pip would compile in a temporary folder
            self.build_temp = f"build/temp.{self.plat_name}-{sys.implementation.cache_tag}"
        cores = os.cpu_count() or 1
        if cores >= 8 or TORCHES:  # else cores idle while a library's last source compiles
            self.parallel = len(self.extensions or []) if cores >= 8 else cores

    def run(self) -> None:
        if self.extensions:
            if cuda.left_out:
                print(f"inkgrad: built without CUDA kernels: {cuda.left_out}", file=sys.stderr)
            generate(CUDA_HEADER, cuda.header())
        super().run()

    def build_extension(self, ext: Extension) -> None:
        # The libraries share sources, so each needs its own folder of objects. (A copy of this
        # command, because several libraries may be built at once.)
        own = copy.copy(self)
        own.build_temp = os.path.join(self.build_temp, ext.name)
        if not isinstance(ext, KernelLibrary):
            ext.depends = [*ext.depends, *ext.sources]
            ext.sources = joined(ext.sources, GENERATED / ext.name)
        super(Build, own).build_extension(ext)

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return [] if isinstance(ext, KernelLibrary) else super().get_export_symbols(ext)


def generate(file: Path, text: str) -> None:
    """Write the file, unless it has this text: what includes it would be compiled again."""
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def limit_parallel_jobs() -> None:
    """Compile no more files at once than memory holds: one that includes ATen takes 1.5 GB."""
    if "MAX_JOBS" in os.environ or not hasattr(os, "sysconf"):
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    os.environ["MAX_JOBS"] = str(max(1, min(os.cpu_count() or 1, memory // (3 * 2**29))))


class BuildPython(build_py):
    """Record in the package why it has no kernels."""

    def run(self) -> None:
        super().run()
        folder = ROOT / "pyext" if self.editable_mode else Path(self.build_lib)
        file = folder / "inkgrad" / "without_kernels.txt"
        file.unlink(missing_ok=True)
        if NO_KERNELS:
            print(
                f"inkgrad: built without kernels: {NO_KERNELS}; to build them: {REMEDY}",
                file=sys.stderr,
            )
            file.write_text(NO_KERNELS, encoding="utf-8")


def torch_extension(package: Path) -> Extension:
    """The ops, compiled for the torch in this folder; headers and libraries suffice."""
    version = runpy.run_path(str(package / "version.py"))["__version__"]
    name = load("pyext/inkgrad/extension_name.py").extension_name(version)
    files = sources(
        *(
            f"csrc/{each}*.cpp"
            for each in ("", "autograd/", "common/", "cpu/", "cpu/conv/", "cuda/")
        )
    )
    return Extension(
        f"inkgrad.{name}",
        files,
        depends=[*headers(), str(CUDA_HEADER)],
        include_dirs=[
            str(CUDA_HEADER.parent),
            str(package / "include"),
            str(package / "include" / "torch" / "csrc" / "api" / "include"),
        ],
        library_dirs=[str(package / "lib")],
        libraries=["c10", "torch", "torch_cpu", "torch_python"],
        extra_compile_args={"cxx": [*COMMON_FLAGS, *([] if SANITIZE else ["-O2"]), *SIMD_LOOPS]},
        extra_link_args=[*HIDDEN, *SANITIZER],
        language="c++",
    )


def joined(files: list[str], folder: Path) -> list[str]:
    """Write as many sources as compile at once, which include all the files.

    Torch's headers take most of the time of a source, and are then compiled a few times only. For
    several versions of torch, each extension is one source, because they compile beside each other.
    """
    count = 1 if TORCHES else int(os.environ.get("MAX_JOBS", 1))
    parts = [folder / f"part{n}.cpp" for n in range(min(count, len(files)))]
    for n, part in enumerate(parts):
        generate(part, "".join(f'#include "{ROOT / file}"\n' for file in files[n :: len(parts)]))
    return [str(part.relative_to(ROOT)) for part in parts]


def extensions() -> list[Extension]:
    return [
        *(torch_extension(Path(each)) for each in TORCHES or [Path(torch.__file__).parent]),
        *(
            KernelLibrary(
                f"inkgrad._cpu_{name}",
                sources("csrc/cpu/kernels/**/*.cpp"),
                depends=headers(),
                extra_compile_args={"cxx": [*COMMON_FLAGS, *KERNEL_FLAGS, *flags]},
                extra_link_args=SANITIZER,
                language="c++",
            )
            for name, flags in cpu_libraries().items()
        ),
        *([cuda_library()] if cuda.home else []),
    ]


limit_parallel_jobs()
NO_KERNELS, REMEDY = left_out()
cuda = Cuda(left_out="no kernels are built") if NO_KERNELS else choose_cuda()
setup(
    ext_modules=[] if NO_KERNELS else extensions(),
    cmdclass={"build_ext": Build, "build_py": BuildPython},
)
