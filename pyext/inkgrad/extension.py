"""Loads the compiled extension at import: the ops, this processor's kernels, and the CUDA kernels
if they were built (with or without a GPU) and INKGRAD_CUDA is not 0.

``INKGRAD_CPU_CAPABILITY`` overrides the choice of the CPU kernels: ``default``, ``avx2`` or
``avx512`` load that library (an error if it was not built or the processor lacks the instructions);
``reference`` loads no extension and computes everything with :mod:`inkgrad.reference`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import sysconfig
import warnings
from dataclasses import dataclass, field
from importlib import import_module, machinery, metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import torch

from inkgrad.extension_name import extension_name, torch_of

LEVELS = ("default", "avx2", "avx512")  # each runs wherever the next one does
ENVIRONMENT = "INKGRAD_CPU_CAPABILITY"
CUDA_ENVIRONMENT = "INKGRAD_CUDA"
_FOLDER = Path(__file__).parent
_SUFFIX = machinery.EXTENSION_SUFFIXES[0]  # such as .cpython-311-x86_64-linux-gnu.so
# An environment variable, so that the processes started by this one do not repeat the warning.
_WARNED = "INKGRAD_FALLBACK_WARNED"
_NOT_WANTED = "INKGRAD_KERNELS=0"  # the reason that setup.py records
# Named after the torch that it was compiled for, because loading it into another may crash.
MODULE = f"inkgrad.{extension_name(torch.__version__)}"


@dataclass(frozen=True)
class Cuda:
    """The CUDA kernels: what they were built with (empty if they were not built), whether they are
    loaded, and if not, the reason."""

    toolkit: str = ""
    architectures: str = ""
    loaded: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Loaded:
    """The result of :func:`load`.

    ``module`` is the compiled extension, or None if everything is computed by the reference.
    """

    module: Any = None
    capability: str = "reference"
    reason: str = ""
    built: tuple[str, ...] = field(default=())
    cuda: Cuda = field(default=Cuda(reason="the extension is not loaded"))


def _kernel_libraries() -> dict[str, Path]:
    found = _FOLDER.glob(f"_cpu_*{_SUFFIX}")
    paths = {path.name.split(".")[0].removeprefix("_cpu_"): path for path in found}
    return {level: paths[level] for level in LEVELS if level in paths}


def _torches() -> list[str]:
    """Return the versions of torch that the extension was compiled for."""
    names = (path.name.split(".")[0] for path in _FOLDER.glob(f"_C_torch*{_SUFFIX}"))
    return sorted(map(torch_of, names), key=lambda each: [int(n) for n in re.findall(r"\d+", each)])


def _processor_level() -> str:
    """Return the highest of LEVELS that this processor supports, according to torch."""
    capability = torch.backends.cpu.get_cpu_capability().lower()
    return capability if capability in LEVELS else "default"


def _choose(libraries: dict[str, Path]) -> tuple[str, str]:
    """Return the library to load and the reason."""
    runs = LEVELS[: LEVELS.index(_processor_level()) + 1]
    wanted = os.environ.get(ENVIRONMENT, "").lower()
    if not wanted:
        usable = [level for level in libraries if level in runs]
        if not usable:
            raise ImportError(
                f"no CPU kernel library among {sorted(libraries)} runs on this processor"
            )
        return usable[-1], f"best of {', '.join(libraries)} on a processor with {runs[-1]}"
    if wanted not in libraries:
        raise ValueError(
            f"{ENVIRONMENT}: expected one of {', '.join(libraries)} (what was built) or reference, "
            f"got {wanted!r}"
        )
    if wanted not in runs:
        raise ValueError(f"{ENVIRONMENT}: this processor runs up to {runs[-1]!r}, got {wanted!r}")
    return wanted, f"{ENVIRONMENT}={wanted}"


def _reason_of(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        if others := _torches():
            built_for = ", ".join(others)
            return f"the kernels were built for torch {built_for}, not for {torch.__version__}"
        file = _FOLDER / "without_kernels.txt"  # written by setup.py
        reason = f": {file.read_text(encoding='utf-8')}" if file.exists() else ""
        return f"the kernels were not built{reason}"
    return f"the compiled extension does not load: {error}"


def _remedy() -> str:
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return " The kernels need the usual build of Python."
    return f" To build the kernels (needs a C++ compiler): {_command_that_builds()}"


def _command_that_builds() -> str:
    """Return the command that builds the kernels for this installation from its source."""
    pip = f"{sys.executable} -m pip install --no-build-isolation --force-reinstall --no-deps"
    try:
        origin = json.loads(metadata.distribution("inkgrad").read_text("direct_url.json") or "{}")
    except metadata.PackageNotFoundError:  # imported from a source tree
        root = shlex.quote(str(_FOLDER.parents[1]))
        return f"cd {root} && {sys.executable} setup.py build_ext --inplace"
    editable = "--editable " if origin.get("dir_info", {}).get("editable") else ""
    source = url2pathname(urlsplit(origin.get("url", "")).path)
    is_there = source and Path(source).is_dir()
    return f"{pip} {editable}{shlex.quote(source) if is_there else 'FOLDER_OF_ITS_SOURCE'}"


def _load_cuda(module: Any) -> Cuda:
    """Load the CUDA kernels into the extension, if they were built for this torch."""
    if module.cuda_left_out:
        return Cuda(reason=module.cuda_left_out)
    if os.environ.get(CUDA_ENVIRONMENT) == "0":
        reason = f"{CUDA_ENVIRONMENT}=0"
        return Cuda(module.cuda_toolkit, module.cuda_architectures, reason=reason)
    if torch.version.cuda != module.cuda_of_torch:
        reason = (
            f"they were built for a torch with CUDA {module.cuda_of_torch}; "
            f"this one has {torch.version.cuda or 'none'}"
        )
    else:
        try:
            (library,) = _FOLDER.glob(f"_cuda{_SUFFIX}")
            module.load_cuda_kernels(str(library))
            return Cuda(module.cuda_toolkit, module.cuda_architectures, loaded=True)
        except (ValueError, RuntimeError) as error:
            reason = f"they do not load: {error}"
    warnings.warn(
        f"inkgrad: no CUDA kernels: {reason}\nFalling back to plain torch ops for CUDA tensors.",
        RuntimeWarning,
        stacklevel=4,
    )
    return Cuda(module.cuda_toolkit, module.cuda_architectures, reason=reason)


def load() -> Loaded:
    """Load the extension; if that fails, warn once and fall back to the reference."""
    if os.environ.get(ENVIRONMENT, "").lower() == "reference":
        return Loaded(reason=f"{ENVIRONMENT}=reference")
    try:
        module = import_module(MODULE)
        libraries = _kernel_libraries()
        capability, reason = _choose(libraries)
        module.load_cpu_kernels(str(libraries[capability]))
    except (ImportError, OSError, RuntimeError) as error:
        reason = _reason_of(error)
        is_wanted = sys.platform != "win32" and not reason.endswith(_NOT_WANTED)
        if is_wanted and not os.environ.get(_WARNED):
            os.environ[_WARNED] = "1"
            warnings.warn(
                f"inkgrad: {reason}\nFalling back to plain torch ops.{_remedy()}",
                RuntimeWarning,
                stacklevel=3,
            )
        return Loaded(reason=reason)
    return Loaded(module, capability, reason, tuple(libraries), _load_cuda(module))


LOADED = load()
