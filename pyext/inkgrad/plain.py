"""Does a module compute just what its class says?

Fusing replaces the calls of several modules by one op, so whatever is attached to such a call would
be lost: a hook, a replaced forward, a parametrization, a tensor subclass in the place of the
weight, a mode that intercepts torch's functions. :func:`obstacle` finds what is attached to a
module, :func:`takes` what is attached to the input and to torch as a whole.
:class:`inkgrad.nn.Sequential` and ``patch`` ask both; what is not plain runs as torch runs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from inkgrad.extension import LOADED

__all__ = ["WATCHED_CALLS", "is_watched", "obstacle", "takes"]

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# A parameter is a Parameter; functional_call and FSDP put plain tensors in its place.
_TENSORS = (nn.Parameter, Tensor)
# Set on an object, these override its class or its parameters.
_OVERRIDES = ("forward", "_conv_forward", "_call_impl", "weight", "bias")
# The functions that fused ops stand for. Profilers and adapters replace them in torch itself.
_REPLACED_CALLS: tuple[tuple[Any, str], ...] = (
    (nn.Module, "_call_impl"), (nn.Sequential, "forward"),
    (nn.Linear, "forward"), (nn.Sigmoid, "forward"), (nn.ReLU, "forward"),
    (nn.Conv2d, "forward"), (nn.Conv2d, "_conv_forward"),
    (nn.MaxPool2d, "forward"), (nn.BCELoss, "forward"),
    (F, "linear"), (F, "relu"), (F, "conv2d"), (F, "max_pool2d"), (F, "binary_cross_entropy"),
    (torch, "sigmoid"), (torch, "relu"), (torch, "relu_"), (torch, "max_pool2d"),
)  # fmt: skip
_ORIGINALS = tuple((vars(owner), name, vars(owner)[name]) for owner, name in _REPLACED_CALLS)
# The same for the compiled watch, which looks into the dicts of classes by itself.
WATCHED_CALLS: list[tuple[Any, str]] = [
    (owner if isinstance(owner, type) else vars(owner), name) for owner, name in _REPLACED_CALLS
]
# All inherit the __call__ of nn.Module, unless one was set on the class.
_CALLED = (nn.Linear, nn.Sigmoid, nn.ReLU, nn.Conv2d, nn.MaxPool2d)
_CALL = nn.Module.__call__


def obstacle(module: nn.Module) -> str | None:
    """Why ``module`` may compute something else than its class does; None if it does not.

    The class itself is for the caller to compare: ``type(module) is nn.Linear`` leaves out
    subclasses, parametrized and lazy modules.
    """
    if module._compiled_call_impl is not None:
        return "it is compiled on its own"
    if (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    ):
        return "it has hooks"
    for name in _OVERRIDES:
        if name in module.__dict__:
            return f"its {name} was replaced"
    for name, parameter in module._parameters.items():
        if parameter is None:
            continue
        if type(parameter) not in _TENSORS:
            return f"its {name} is a {type(parameter).__name__}"
        if parameter.dtype not in DTYPES:
            return f"its {name} is of {parameter.dtype}"
        if parameter.layout is not torch.strided:
            return f"its {name} is of layout {parameter.layout}"
    # Pruning and the older weight_norm replace a parameter by an attribute that a hook computes;
    # a buffer may stand in its place.
    if isinstance(module, (nn.Linear, nn.Conv2d)) and not (
        "weight" in module._parameters and "bias" in module._parameters
    ):
        return "its weight or bias is not a parameter"
    return None


def takes(input: object) -> bool:
    """Whether ``input`` is an ordinary tensor of a dtype that the fused ops compute."""
    return (
        type(input) in _TENSORS
        and input.dtype in DTYPES  # type: ignore[attr-defined]
        and input.layout is torch.strided  # type: ignore[attr-defined]
        and not input.is_nested  # type: ignore[attr-defined]
    )


def is_watched() -> bool:
    """Whether something traces or intercepts the calls of modules or functions: torch.compile,
    torch.jit.trace, a hook registered for all modules, a function or dispatch mode (tracers, FLOP
    counters), or a function that stands in the place of one of torch's."""
    if (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or _has_any_global_hook()
        or torch._C._len_torch_dispatch_stack() > 0
        or (torch._C._len_torch_function_stack() > 0 and not _only_devices())
    ):
        return True
    for called in _CALLED:  # any() takes twice the time
        if called.__call__ is not _CALL:
            return True
    return not _are_originals()


# Compares in C++, in a sixth of the time. It also returns False when a dict was merely reordered.
_is_unchanged: Callable[[], bool] | None = None


def _are_originals() -> bool:
    """Whether torch's functions are the same objects as when inkgrad was imported."""
    global _is_unchanged
    if _is_unchanged is not None and _is_unchanged():
        return True
    if any(owner[name] is not original for owner, name, original in _ORIGINALS):
        return False
    if LOADED.module is not None:
        _is_unchanged = LOADED.module.watch([], WATCHED_CALLS, [], [])
    return True


def _only_devices() -> bool:
    """Whether the function modes only choose the device of new tensors (``with torch.device``)."""
    return all(isinstance(mode, DeviceContext) for mode in _get_current_function_mode_stack())
