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
    )


class PooledConv(ctypes.Structure):
    _fields_ = tuple((name, _Size) for name in (
        "in_channels", "in_height", "in_width", "out_channels", "out_height", "out_width",
        "kernel_height", "kernel_width", "pad_height", "pad_width",
        "dilation_height", "dilation_width",
        "images", *(f"pool_{name}" for name in _POOL),
    ))  # fmt: skip


class LinearShape(ctypes.Structure):
    _fields_ = (("rows", _Size), ("outputs", _Size), ("inputs", _Size), ("activation", _Int))


CHAIN_ACTIONS = {"judge": 0, "backward": 1, "step": 2}
CHAIN_REPORT = ("loss", "right", "bad_rows", "bad_targets")
MOST_CHAIN_LAYERS = 8


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
        ("layer", ChainLayer * MOST_CHAIN_LAYERS),
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


_Pool, _Conv = ctypes.POINTER(PooledImages), ctypes.POINTER(PooledConv)
_Linear, _Chain = ctypes.POINTER(LinearShape), ctypes.POINTER(ChainPass)


class Kernels(ctypes.Structure):
    """The table of launches.h, member by member."""

    _fields_ = (
        ("current_stream", _function(_Pointer, _Int)),
        ("bce_parts", _function(_Size, _Int, _Size)),
        ("bce_sum", _function(None, _Int, _Pointer, _Pointer, _Pointer, _Size, ctypes.c_double,
                              _Pointer, _Pointer, _Pointer)),
        ("bce_each", _function(None, _Int, _Pointer, _Pointer, _Pointer, _Size, _Pointer,
                               _Pointer)),
        ("bce_backward", _function(None, _Int, _Pointer, ctypes.c_bool, ctypes.c_double, _Pointer,
                                   _Pointer, _Pointer, _Size, _Pointer, _Pointer, _Pointer)),
        ("bias_activation", _function(None, _Int, _Pointer, _Size, _Size, _Pointer, _Int,
                                      _Pointer)),
        ("column_parts", _function(_Size, _Size, _Size)),
        ("column_extremes", _function(_Size, _Size, _Size)),
        ("activation_backward", _function(None, _Int, _Pointer, _Pointer, _Size, _Size, _Int,
                                          _Pointer, _Pointer, _Pointer, _Pointer, _Pointer)),
        ("has_tensor_products", _Pointer),
        ("split_workspace_bytes", _function(_Size)),
        ("plane_bytes", _function(_Size, _Size, _Size)),
        ("split", _function(None, ctypes.POINTER(SplitOperands), _Pointer, _Pointer)),
        ("product_shares", _Pointer),
        ("product", _Pointer),
        ("relu_pool", _function(None, _Int, _Pool, _Pointer, _Pointer, _Pointer, _Pointer,
                                _Pointer)),
        ("relu_pool_backward", _function(None, _Int, _Pool, _Pointer, _Pointer, _Pointer, _Pointer,
                                         _Pointer)),
        ("to_channels_last", _function(None, _Pointer, _Size, _Size, _Size, _Pointer, _Pointer)),
        ("from_channels_last", _function(None, _Int, _Pointer, _Size, _Size, _Size, _Pointer,
                                         _Pointer, _Pointer)),
        ("conv_takes", _function(ctypes.c_bool, _Conv)),
        ("conv_relu_pool", _function(None, _Conv, *(_Pointer,) * 6)),
        ("conv_weight_grad_parts", _function(_Size, _Conv)),
        ("conv_weight_grad", _function(None, _Conv, *(_Pointer,) * 8)),
        ("conv_input_grad_takes", _function(ctypes.c_bool, _Conv)),
        ("conv_input_grad", _function(None, _Conv, *(_Pointer,) * 6)),
        ("small_linear_takes", _function(ctypes.c_bool, _Linear)),
        ("small_linear", _function(None, _Int, _Linear, *(_Pointer,) * 5)),
        ("small_linear_parts", _function(_Size, _Linear)),
        ("small_linear_backward", _function(None, _Int, _Linear, *(_Pointer,) * 9)),
        ("chain_takes", _function(ctypes.c_bool, _Chain)),
        ("chain_pass", _function(None, _Chain, _Pointer, _Pointer)),
    )  # fmt: skip


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
