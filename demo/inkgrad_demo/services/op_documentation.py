"""Documentation of each op: its formulas, what is saved for backward, its source files."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import inkgrad
from inkgrad import reference
from inkgrad_demo.services.request_fields import Checked

# Exists in a checkout only: an installation has the compiled kernels.
_CSRC = Path(inkgrad.__file__).parents[2] / "csrc"
REFERENCE = "reference.py"


@dataclass(frozen=True)
class Facts:
    """``note`` is a key of the catalogue; ``files`` are under csrc/, from autograd to kernels."""

    formula: str
    derivative: str
    saved: str
    note: str
    files: tuple[str, ...]


_LINEAR_FILES = (
    "autograd/linear.cpp",
    "cpu/linear.cpp",
    "cpu/kernels/gemm.cpp",
    "cpu/kernels/few_rows.cpp",
    "cpu/kernels/narrow.cpp",
    "cpu/kernels/elementwise.cpp",
    "cuda/linear.cpp",
    "cuda/products.cpp",
    "cuda/kernels/small_linear.cu",
    "cuda/kernels/split.cu",
    "cuda/kernels/gemm.cu",
    "cuda/kernels/gemm_panel.cu",
    "cuda/kernels/epilogue.cu",
)
_CONV_FILES = (
    "autograd/conv2d.cpp",
    "cpu/conv2d.cpp",
    "cpu/conv/algorithms.cpp",
    "cpu/conv/winograd.cpp",
    "cpu/conv/direct.cpp",
    "cpu/kernels/conv/winograd.h",
    "cpu/kernels/conv/winograd_forward.cpp",
    "cpu/kernels/conv/winograd_channel_lanes.cpp",
    "cpu/kernels/conv/winograd_grad_weight.cpp",
    "cpu/kernels/conv/direct_forward.cpp",
    "cpu/kernels/conv/channel_lanes_forward.cpp",
    "cpu/kernels/conv/batch_lanes_forward.cpp",
    "cpu/kernels/conv/direct_grad_input.cpp",
    "cpu/kernels/conv/batch_lanes_grad_input.cpp",
    "cpu/kernels/conv/direct_grad_weight.cpp",
    "cuda/conv2d.cpp",
    "cuda/kernels/layout.cu",
)

FACTS = {
    "linear_sigmoid": Facts(
        formula="y = σ(x Wᵀ + b),   σ(z) = 1 / (1 + e⁻ᶻ)",
        derivative="∂L/∂z = ∂L/∂y · y (1 − y)",
        saved="x, W, y",
        note="kernels.note.linear",
        files=_LINEAR_FILES,
    ),
    "linear_relu": Facts(
        formula="y = max(0, x Wᵀ + b)",
        derivative="∂L/∂z = ∂L/∂y · [y > 0]",
        saved="x, W, y",
        note="kernels.note.linear",
        files=_LINEAR_FILES,
    ),
    "binary_cross_entropy": Facts(
        formula="ℓ = −w (t ln x + (1 − t) ln(1 − x))",
        derivative="∂ℓ/∂x = w (x − t) / (x (1 − x))",
        saved="x, t, w, ∂ℓ/∂x",
        note="kernels.note.entropy",
        files=(
            "autograd/binary_cross_entropy.cpp",
            "cpu/binary_cross_entropy.cpp",
            "cpu/kernels/bce.cpp",
            "cuda/binary_cross_entropy.cpp",
            "cuda/kernels/bce.cu",
        ),
    ),
    "conv2d": Facts(
        formula="y[o, i, j] = b[o] + Σ W[o, c, u, v] · x[c, i + u, j + v]",
        derivative="∂L/∂W[o, c, u, v] = Σ ∂L/∂y[o, i, j] · x[c, i + u, j + v]",
        saved="x, W",
        note="kernels.note.conv",
        files=_CONV_FILES,
    ),
    "conv2d_relu_max_pool2d": Facts(
        formula="y[i, j] = max(0, max z[k i + u, k j + v]),   z = W ∗ x + b",
        derivative="∂L/∂z = ∂L/∂y · [y > 0] · [z = max z]",
        saved="x, W, y, argmax",
        note="kernels.note.pool",
        files=(
            *_CONV_FILES,
            "cpu/conv2d_relu_max_pool2d.cpp",
            "cpu/conv/pooled_gradient.cpp",
            "cpu/kernels/conv/pooled_grad_input.cpp",
            "cpu/kernels/conv/pooled_grad_weight.cpp",
            "cpu/kernels/conv/pool.cpp",
            "cuda/conv2d_relu_max_pool2d.cpp",
            "cuda/kernels/conv_forward.cu",
            "cuda/kernels/conv_weight_grad.cu",
            "cuda/kernels/conv_input_grad.cu",
            "cuda/kernels/pool.cu",
        ),
    ),
}

_FILES = {file for facts in FACTS.values() for file in facts.files}


def reference_code(op: str) -> str:
    """Return the code of the op in plain torch, which every installation has."""
    return inspect.getsource(getattr(reference, op))


def _kernel_file(value: Any) -> str:
    if not isinstance(value, str) or value not in _FILES:
        raise ValueError
    return value


KERNEL_FILE = Checked(_kernel_file, "problem.kernel_file")
"""Annotates a ``str``: one of the files above."""


def source_text(file: str) -> str | None:
    """Return the text of one of the files above; None in an installation without them."""
    try:
        return (_CSRC / file).read_text(encoding="utf-8")
    except OSError:
        return None
