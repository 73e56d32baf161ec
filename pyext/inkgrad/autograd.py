"""Gradients of small graphs without the overhead of :func:`torch.autograd.grad`.

In a graph of one or two nodes its Python part takes longer than the engine and the kernels
together: 14 us of 26 for the cross entropy of 759 elements. What is here calls the same engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_dynamo_compiling

from inkgrad.extension import LOADED

__all__ = ["grad"]

_direct: Any = LOADED.module
Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, as :func:`torch.autograd.grad`.

    The shorter way is taken by tensors on the CPU. Everything else, and what torch would complain
    of, goes to ``torch.autograd.grad``.

    Args:
        outputs: one tensor or several, each a scalar or with a ``grad_outputs`` of its shape.
        inputs: the tensors to differentiate by.
        retain_graph: keep what backward needs; by default as ``create_graph``.
        create_graph: make the gradients differentiable.
        allow_unused: None for an input that the outputs do not depend on, instead of an error.

    Raises:
        RuntimeError: what ``torch.autograd.grad`` raises.
    """
    if _direct is not None and not is_dynamo_compiling():
        gradients = _direct.grad(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused
        )
        if gradients is not None:
            return gradients
    return torch.autograd.grad(
        outputs,
        inputs,
        grad_outputs,
        retain_graph=retain_graph,
        create_graph=create_graph,
        allow_unused=allow_unused,
    )
