"""An ``nn.Sequential`` that fuses neighbors when it runs.

The modules stay what and where they are. Each call looks at them afresh, so whatever was done to
the model since (a new head, a removed activation, a hook, an adapter, quantization) has the effect
that it has on a native model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inkgrad import functional, plain

__all__ = ["PATTERNS", "Match", "Pattern", "Sequential", "matches"]


@dataclass(frozen=True)
class Pattern:
    """Neighbors that one op computes.

    ``run(input, modules)`` computes them; ``refusal(modules)`` says what in their settings the op
    does not do, or None.
    """

    op: str
    classes: tuple[type[nn.Module], ...]
    run: Callable[[Tensor, Sequence[nn.Module]], Tensor]
    refusal: Callable[[Sequence[nn.Module]], str | None] = lambda _: None


def _linear_sigmoid(input: Tensor, modules: Sequence[nn.Module]) -> Tensor:
    linear = modules[0]
    return functional.linear_sigmoid(input, linear.weight, linear.bias)  # type: ignore[arg-type]


def _linear_relu(input: Tensor, modules: Sequence[nn.Module]) -> Tensor:
    linear = modules[0]
    return functional.linear_relu(input, linear.weight, linear.bias)  # type: ignore[arg-type]


def _conv2d_relu_max_pool2d(input: Tensor, modules: Sequence[nn.Module]) -> Tensor:
    conv, pool = modules[0], _pool_of(modules)
    assert isinstance(conv, nn.Conv2d)
    input, padding = padded(conv, input)
    return functional.conv2d_relu_max_pool2d(
        input,
        conv.weight,
        conv.bias,
        conv.stride,  # type: ignore[arg-type]
        padding,
        conv.dilation,  # type: ignore[arg-type]
        conv.groups,
        pool.kernel_size,
    )


def padded(conv: nn.Conv2d, input: Tensor) -> tuple[Tensor, functional.Pair | str]:
    """``input``, padded already unless with zeros, and the padding that is left to the op."""
    if conv.padding_mode == "zeros":
        return input, conv.padding  # type: ignore[return-value]
    return F.pad(input, conv._reversed_padding_repeated_twice, mode=conv.padding_mode), 0


def _pool_of(modules: Sequence[nn.Module]) -> nn.MaxPool2d:
    return next(module for module in modules if type(module) is nn.MaxPool2d)


def _pool_refusal(modules: Sequence[nn.Module]) -> str | None:
    pool = _pool_of(modules)
    if tiles(
        pool.kernel_size,
        pool.stride,
        pool.padding,
        pool.dilation,
        pool.ceil_mode,
        pool.return_indices,
    ):
        return None
    return "the pool's windows do not tile the image, or it returns indices"


def tiles(
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: Any = False,
    return_indices: Any = False,
) -> bool:
    """Whether ``F.max_pool2d`` with these arguments has windows that touch without overlap, and
    returns the maxima only."""
    window = _pair(kernel_size)
    return (
        None not in window
        and (stride in (None, (), []) or _pair(stride) == window)
        and _pair(padding) == (0, 0)
        and _pair(dilation) == (1, 1)
        and not ceil_mode
        and not return_indices
    )


def _pair(size: Any) -> tuple[Any, Any]:
    """Both numbers of a size as torch's functions take it; Nones for what is no such size."""
    if isinstance(size, (tuple, list)) and len(size) in (1, 2):
        return size[0], size[-1]
    return (size, size) if isinstance(size, int) else (None, None)


# The table of patterns; add a row to extend it.
PATTERNS = (
    Pattern("linear_sigmoid", (nn.Linear, nn.Sigmoid), _linear_sigmoid),
    Pattern("linear_relu", (nn.Linear, nn.ReLU), _linear_relu),
    Pattern(
        "conv2d_relu_max_pool2d",
        (nn.Conv2d, nn.ReLU, nn.MaxPool2d),
        _conv2d_relu_max_pool2d,
        _pool_refusal,
    ),
    Pattern(
        "conv2d_relu_max_pool2d",
        (nn.Conv2d, nn.MaxPool2d, nn.ReLU),
        _conv2d_relu_max_pool2d,
        _pool_refusal,
    ),
)


@lru_cache(maxsize=1024)
def _plan(classes: tuple[type, ...]) -> tuple[tuple[int, Pattern], ...]:
    """The patterns in a sequence of modules of these classes, with their start indices."""
    plan: list[tuple[int, Pattern]] = []
    stop = 0
    for start in range(len(classes)):
        for pattern in PATTERNS:
            end = start + len(pattern.classes)
            if start >= stop and classes[start:end] == pattern.classes:
                plan.append((start, pattern))
                stop = end
    return tuple(plan)


@dataclass(frozen=True)
class Match:
    """Modules ``start`` .. ``stop`` of a sequence have the classes of ``pattern``.

    ``obstacles`` says of each of them, and ``refusal`` of their settings, what keeps them from
    being fused; all None: they are fused.
    """

    start: int
    stop: int
    pattern: Pattern
    obstacles: tuple[str | None, ...]
    refusal: str | None

    @property
    def is_fused(self) -> bool:
        return self.refusal is None and not any(self.obstacles)


def matches(modules: Sequence[nn.Module]) -> Iterator[Match]:
    """The neighbors that have the classes of a pattern, and whether they are fused."""
    for start, pattern in _plan(tuple(map(type, modules))):
        stop = start + len(pattern.classes)
        found = modules[start:stop]
        obstacles = tuple(map(plain.obstacle, found))
        yield Match(start, stop, pattern, obstacles, pattern.refusal(found))


class Sequential(nn.Sequential):
    """:class:`torch.nn.Sequential` that runs ``Linear, Sigmoid | ReLU`` and ``Conv2d`` with
    ``MaxPool2d`` and ``ReLU`` in either order as one op each.

    Only where every one of them is plain (see :mod:`inkgrad.plain`): of torch's own class, without
    hooks, without a forward of its own. All else, and everything while torch.compile, torch.fx,
    torch.jit or a dispatch mode trace the model, runs as in torch.
    """

    # The types of input and output are left open: torch.jit.script infers them as for the native
    # class, whose forward the loop is.
    def forward(self, input):  # type: ignore[no-untyped-def]
        if not torch.jit.is_scripting():
            return _run(self, input)
        for module in self:
            input = module(input)
        return input


def _run(sequential: nn.Sequential, input: Any) -> Any:
    if torch.compiler.is_compiling():  # Dynamo warns when it traces a cached function
        return nn.Sequential.forward(sequential, input)
    modules = list(sequential._modules.values())
    plan = _plan(tuple(map(type, modules)))
    if not plan or plain.is_watched():
        return nn.Sequential.forward(sequential, input)
    done = 0
    for start, pattern in plan:
        for module in modules[done:start]:
            input = module(input)
        done, stop = start, start + len(pattern.classes)
        found = modules[start:stop]
        if (
            plain.takes(input)
            and pattern.refusal(found) is None
            and not any(map(plain.obstacle, found))
        ):
            input = pattern.run(input, found)
            done = stop
    for module in modules[done:]:
        input = module(input)
    return input
