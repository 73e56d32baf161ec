"""The build and the loaded kernels: the facts that a bug report needs."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

import torch

from inkgrad.extension import ENVIRONMENT, LOADED, Cuda


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cuda_kernels(cuda: Cuda) -> str:
    if cuda.loaded:
        return "loaded"
    # Without CUDA kernels, CUDA tensors are computed by torch's own ops.
    return f"{'not loaded' if cuda.toolkit else 'not built'}: {cuda.reason}"


def build_config() -> dict[str, Any]:
    """Return versions, compiler, kernel libraries built and loaded, CUDA state, and the reasons.

    The values are strings, lists of strings and None, so the dict can be written as JSON.
    """
    module = LOADED.module
    return {
        "inkgrad": _version("inkgrad"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "torch": torch.__version__,
        "torchvision": _version("torchvision"),
        "built_against_torch": module.torch_version if module else None,
        "compiler": module.compiler if module else None,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_libraries_built": list(LOADED.built),
        "cpu_library_loaded": LOADED.capability,
        "cpu_library_reason": LOADED.reason,
        "cpu_capability_override": os.environ.get(ENVIRONMENT),
        "threads": str(torch.get_num_threads()),
        "cuda_kernels": _cuda_kernels(LOADED.cuda),
        "cuda_architectures": LOADED.cuda.architectures or None,
        "cuda_toolkit": LOADED.cuda.toolkit or None,
        "torch_cuda": torch.version.cuda,
        "cuda_devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }
