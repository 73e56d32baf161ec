"""Does a module compute just what its class says?

Fusing replaces the calls of several modules by one op, so whatever somebody attached to such a call
would be lost: a hook, a forward of the object's own, a parametrization, a tensor subclass in the
place of the weight. :func:`obstacle` finds it. :class:`inkgrad.nn.Sequential`, ``patch`` and
:class:`inkgrad.chain.Chain` ask it, and what is not plain runs as torch runs it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

__all__ = ["is_watched", "obstacle", "takes"]

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# A parameter is a Parameter; functional_call and FSDP put plain tensors in its place.
_TENSORS = (nn.Parameter, Tensor)


def obstacle(module: nn.Module) -> str | None:
    """Why ``module`` may compute something else than its class does; None if it does not.

    The class itself is for the caller to compare: ``type(module) is nn.Linear`` leaves out
    subclasses, parametrized and lazy modules.
    """
    if "forward" in module.__dict__:
        return "its forward was replaced"
    if module._compiled_call_impl is not None:
        return "it is compiled on its own"
    if (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    ):
        return "it has hooks"
    for name, parameter in module._parameters.items():
        if parameter is None:
            continue
        if type(parameter) not in _TENSORS:
            return f"its {name} is a {type(parameter).__name__}"
        if parameter.dtype not in DTYPES:
            return f"its {name} is of {parameter.dtype}"
    # Pruning and the older weight_norm replace a parameter by an attribute that a hook computes.
    if isinstance(module, (nn.Linear, nn.Conv2d)) and "weight" not in module._parameters:
        return "its weight is not a parameter"
    return None


def takes(input: object) -> bool:
    """Whether ``input`` is an ordinary tensor, which no tracer and no subclass stands in for."""
    return (
        type(input) in _TENSORS
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not is_watched()
    )


def is_watched() -> bool:
    """Whether a hook is registered for the calls of all modules (a profiler's, say)."""
    return _has_any_global_hook()
