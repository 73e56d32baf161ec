"""The CUDA kernels, compiled for the host and called with tensors of the CPU.

Launches are rewritten into calls of emulator/cuda_runtime.h; all else is the source that nvcc
compiles.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
KERNELS = ROOT / "csrc" / "cuda" / "kernels"
EMULATOR = Path(__file__).parent / "emulator"
DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
ACTIVATIONS = {"none": 0, "sigmoid": 1, "relu": 2}

_LAUNCH = re.compile(r"(\w+(?:<[\w, ]+>)?)\s*<<<(.*?)>>>\s*\(", re.DOTALL)
_Pointer, _Size, _Int = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int


_POOL = ("window_height", "window_width", "out_height", "out_width")


class PooledImages(ctypes.Structure):
    _fields_ = (
        *((name, _Size) for name in (*_POOL, "images", "channels", "height", "width")),
        ("channels_last", ctypes.c_bool),
        ("dtype", _Int),
    )


class PooledConv(ctypes.Structure):
    _fields_ = tuple((name, _Size) for name in (
        "in_channels", "in_height", "in_width", "out_channels", "out_height", "out_width",
        "kernel_height", "kernel_width", "pad_height", "pad_width",
        "dilation_height", "dilation_width",
        "images", *(f"pool_{name}" for name in _POOL),
    ))  # fmt: skip


class PooledConvGradient(ctypes.Structure):
    _fields_ = (("grad_output", _Pointer), ("indices", _Pointer))


class BceOperands(ctypes.Structure):
    _fields_ = (
        ("dtype", _Int), ("n", _Size),
        ("input", _Pointer), ("target", _Pointer), ("weight", _Pointer),
    )  # fmt: skip


class BceGradients(ctypes.Structure):
    _fields_ = (
        ("grad_output", _Pointer), ("uniform", ctypes.c_bool), ("divisor", ctypes.c_double),
        ("grad_input", _Pointer), ("grad_target", _Pointer),
    )  # fmt: skip


class Epilogue(ctypes.Structure):
    _fields_ = (("dtype", _Int), ("rows", _Size), ("columns", _Size), ("activation", _Int))


class EpilogueGradients(ctypes.Structure):
    _fields_ = tuple((name, _Pointer) for name in (
        "grad_output", "output", "grad_z", "column_sums", "parts", "extremes",
    ))  # fmt: skip


class Images(ctypes.Structure):
    _fields_ = (("count", _Size), ("channels", _Size), ("pixels", _Size), ("dtype", _Int))


class LinearShape(ctypes.Structure):
    _fields_ = (
        ("rows", _Size), ("outputs", _Size), ("inputs", _Size),
        ("activation", _Int), ("dtype", _Int),
    )  # fmt: skip


class LinearGradients(ctypes.Structure):
    _fields_ = tuple((name, _Pointer) for name in (
        "grad_output", "output", "input", "weight", "parts",
        "grad_input", "grad_weight", "grad_bias",
    ))  # fmt: skip


CHAIN_ACTIONS = {"evaluate": 0, "backward": 1, "step": 2}
CHAIN_REPORT = ("loss", "right", "bad_rows", "bad_targets")
MAX_CHAIN_LAYERS = 8


class ChainLayer(ctypes.Structure):
    _fields_ = (
        ("inputs", _Int),
        ("outputs", _Int),
        ("activation", _Int),
        *((name, _Pointer) for name in (
            "weight", "weight_grad", "weight_velocity", "bias", "bias_grad", "bias_velocity",
        )),
    )  # fmt: skip


class ChainPass(ctypes.Structure):
    _fields_ = (
        ("action", _Int),
        ("layers", _Int),
        ("layer", ChainLayer * MAX_CHAIN_LAYERS),
        ("inputs", _Pointer),
        ("inputs_are_bytes", ctypes.c_bool),
        ("targets", _Pointer),
        ("rows", _Pointer),
        ("examples", _Size),
        ("count", _Size),
        ("divisor", ctypes.c_double),
        ("lr", ctypes.c_float),
        ("momentum", ctypes.c_float),
        ("weight_decay", ctypes.c_float),
    )


def _function(result: type | None, *arguments: type) -> type:
    return ctypes.CFUNCTYPE(result, *arguments)


class SplitOperand(ctypes.Structure):
    _fields_ = (
        ("data", _Pointer), ("rows", _Size), ("columns", _Size), ("planes", _Pointer),
        ("extremes", _Pointer), ("extremes_count", _Size),
    )  # fmt: skip


class SplitOperands(ctypes.Structure):
    _fields_ = (("of", SplitOperand * 3), ("count", _Int))


class Kernels(ctypes.Structure):
    """The table of launches.h, member by member. Structures are passed by ctypes.byref."""

    _fields_ = (
        ("current_stream", _function(_Pointer, _Int)),
        ("bce_parts", _function(_Size, _Int, _Size)),
        ("bce_sum", _function(None, _Pointer, ctypes.c_double, *(_Pointer,) * 3)),
        ("bce_each", _function(None, *(_Pointer,) * 3)),
        ("bce_backward", _function(None, *(_Pointer,) * 3)),
        ("bias_activation", _function(None, *(_Pointer,) * 4)),
        ("column_parts", _function(_Size, _Size, _Size)),
        ("column_extremes", _function(_Size, _Size, _Size)),
        ("activation_backward", _function(None, *(_Pointer,) * 3)),
        ("has_tensor_products", _Pointer),
        ("split_workspace_bytes", _function(_Size)),
        ("plane_bytes", _function(_Size, _Size, _Size)),
        ("split", _function(None, *(_Pointer,) * 3)),
        ("product_partial_sums", _Pointer),
        ("product", _Pointer),
        ("relu_pool", _function(None, *(_Pointer,) * 6)),
        ("relu_pool_backward", _function(None, *(_Pointer,) * 5)),
        ("to_channels_last", _function(None, *(_Pointer,) * 4)),
        ("from_channels_last", _function(None, *(_Pointer,) * 5)),
        ("conv_supports", _function(ctypes.c_bool, _Pointer)),
        ("conv_relu_pool", _function(None, *(_Pointer,) * 7)),
        ("conv_weight_grad_parts", _function(_Size, _Pointer)),
        ("conv_weight_grad", _function(None, *(_Pointer,) * 7)),
        ("conv_input_grad_supports", _function(ctypes.c_bool, _Pointer)),
        ("conv_input_grad", _function(None, *(_Pointer,) * 5)),
        ("small_linear_supports", _function(ctypes.c_bool, _Pointer)),
        ("small_linear", _function(None, *(_Pointer,) * 6)),
        ("small_linear_parts", _function(_Size, _Pointer)),
        ("small_linear_backward", _function(None, *(_Pointer,) * 3)),
        ("chain_supports", _function(ctypes.c_bool, _Pointer)),
        ("chain_pass", _function(None, *(_Pointer,) * 3)),
    )


def compile_library(folder: Path, sources: list[Path], *flags: str) -> ctypes.CDLL:
    """Compile C++ for this machine; skip the test where there is no compiler."""
    compiler = os.environ.get("CXX", "c++")
    if shutil.which(compiler.split()[0]) is None:
        pytest.skip(f"no C++ compiler ({compiler})")
    library = folder / "library.so"
    command = [
        *compiler.split(), "-std=c++20", "-O2", "-shared", "-fPIC", "-w", *flags,
        f"-iquote{KERNELS}", *map(str, sources), "-o", str(library),
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
    return ctypes.CDLL(str(library))


def _on_the_host(source: str) -> str:
    """`kernel<<<where>>>(arguments);` as `Launch(where) = [&] { kernel(arguments); };`"""
    source = re.sub(
        r"extern __shared__ float4 shared\[\];",
        "float4* const shared = ::emulator::shared_memory();",
        source,
    )
    parts = []
    while (launch := _LAUNCH.search(source)) is not None:
        end = source.index(";", launch.end())
        parts += [source[: launch.start()], f"::emulator::Launch({launch[2]}) = [&] {{ "]
        parts += [f"{launch[1]}({source[launch.end() : end]}; }}"]
        source = source[end:]
    return "".join([*parts, source])


def emulated_kernels(folder: Path) -> Kernels:
    sources = [EMULATOR / "emulator.cpp"]
    for path in sorted(KERNELS.glob("*.cu")):
        if path.name.startswith("gemm"):  # instructions that no host has
            continue
        sources.append(folder / f"{path.stem}.cpp")
        sources[-1].write_text(_on_the_host(path.read_text()))
    torch_headers = Path(torch.__file__).parent / "include"
    library = compile_library(folder, sources, f"-I{EMULATOR}", f"-I{torch_headers}")
    library.inkgrad_cuda_kernels.restype = ctypes.POINTER(Kernels)
    return library.inkgrad_cuda_kernels().contents


def pointer(tensor: torch.Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()
