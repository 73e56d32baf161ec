"""A backend for ``torch.compile`` that fuses in the graph what ``patch`` cannot see.

Most models call ``F.relu(self.pool(self.conv1(x)))`` in a ``forward`` of their own. Dynamo records
these calls, whatever style they are written in, as one graph; the patterns below are replaced in it
by the ops of :mod:`inkgrad.functional`, and the graph is handed on to another backend.

Where a graph breaks (Hugging Face's models, say), Dynamo makes several, and each goes through here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from inkgrad import functional

__all__ = ["PATTERNS", "Pattern", "backend", "compile", "fuse"]

Compiled = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """Calls that mean one thing: their targets, and how to read their arguments.

    ``read(*args, **kwargs)`` returns the tensor that the step works on and the arguments which the
    fused op needs of it, or None where the call does something that the op does not.
    """

    targets: tuple[Any, ...]
    read: Callable[..., tuple[fx.Node, dict[str, Any]] | None]


def _linear(input: Any, weight: Any, bias: Any = None) -> Any:
    return input, {"weight": weight, "bias": bias}


def _conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> Any:
    return input, {
        "weight": weight, "bias": bias, "stride": stride, "padding": padding,
        "dilation": dilation, "groups": groups,
    }  # fmt: skip


def _max_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: Any = False,
    return_indices: Any = False,
) -> Any:
    tiles = (
        (stride in (None, (), []) or _pair(stride) == _pair(kernel_size))
        and _pair(padding) == (0, 0)
        and _pair(dilation) == (1, 1)
        and ceil_mode is False
        and return_indices is False
    )
    return (input, {"kernel_size": kernel_size}) if tiles else None


def _pair(size: Any) -> tuple[Any, Any]:
    return (size[0], size[-1]) if isinstance(size, (tuple, list)) else (size, size)


def _activation(input: Any, inplace: Any = False) -> Any:
    return input, {}


def _binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: Any = "mean",
) -> Any:
    return input, {
        "target": target, "weight": weight, "size_average": size_average, "reduce": reduce,
        "reduction": reduction,
    }  # fmt: skip


LINEAR = Step((F.linear, torch._C._nn.linear), _linear)
CONV2D = Step((F.conv2d, torch.conv2d), _conv2d)
MAX_POOL2D = Step((F.max_pool2d, torch.max_pool2d), _max_pool2d)
RELU = Step((F.relu, torch.relu, torch.relu_, "relu", "relu_"), _activation)
SIGMOID = Step((F.sigmoid, torch.sigmoid, "sigmoid"), _activation)
BCE = Step((F.binary_cross_entropy,), _binary_cross_entropy)


@dataclass(frozen=True)
class Pattern:
    """Steps, each of the one before it, and the function that computes them all.

    The function is called with the first step's tensor and the arguments of every step by name.
    """

    steps: tuple[Step, ...]
    function: Callable[..., Any]


# What is fused: read it as a table, add a row to it. The first that fits is taken.
PATTERNS = (
    Pattern((LINEAR, SIGMOID), functional.linear_sigmoid),
    Pattern((LINEAR, RELU), functional.linear_relu),
    Pattern((CONV2D, MAX_POOL2D, RELU), functional.conv2d_relu_max_pool2d),
    Pattern((CONV2D, RELU, MAX_POOL2D), functional.conv2d_relu_max_pool2d),
    Pattern((BCE,), functional.binary_cross_entropy),
)

# Calls that change what follows: steps on two sides of one are not fused.
_STATE_CHANGES = (
    torch.amp.autocast_mode._enter_autocast,
    torch.amp.autocast_mode._exit_autocast,
    torch._C._set_grad_enabled,
)


def fuse(graph: fx.Graph) -> int:
    """Replace the patterns in ``graph``, in place; returns how many were found.

    Steps are fused where nothing but the next step sees their result, within one region of
    autocast and grad mode.
    """
    region = _regions(graph)
    found = 0
    for node in reversed(list(graph.nodes)):
        for pattern in PATTERNS:
            arguments = _arguments(node, pattern, region)
            if arguments is None:
                continue
            input, named = arguments
            with graph.inserting_before(node):
                fused = graph.call_function(pattern.function, (input,), named)
            fused.meta = dict(node.meta)
            node.replace_all_uses_with(fused)
            _erase(graph, node, len(pattern.steps))
            found += 1
            break
    graph.lint()
    return found


def _regions(graph: fx.Graph) -> dict[fx.Node, int]:
    region, regions = 0, {}
    for node in graph.nodes:
        region += node.target in _STATE_CHANGES
        regions[node] = region
    return regions


def _arguments(
    last: fx.Node, pattern: Pattern, region: Mapping[fx.Node, int]
) -> tuple[fx.Node, dict[str, Any]] | None:
    """The first step's tensor and all named arguments, if ``last`` ends the pattern."""
    node: Any = last
    named: dict[str, Any] = {}
    for step in reversed(pattern.steps):
        if node is not last and (len(node.users) > 1 or region.get(node) != region.get(last)):
            return None
        read = _read(node, step)
        if read is None:
            return None
        node, arguments = read
        named |= arguments
        if not isinstance(node, fx.Node):
            return None
    return node, named


def _read(node: fx.Node, step: Step) -> tuple[fx.Node, dict[str, Any]] | None:
    if node.op not in ("call_function", "call_method") or not _is_among(node.target, step.targets):
        return None
    try:
        return step.read(*node.args, **node.kwargs)
    except TypeError:  # an argument, such as out=, that the step does not know
        return None


def _is_among(target: Any, targets: Iterable[Any]) -> bool:
    return any(target is one or (isinstance(one, str) and target == one) for one in targets)


def _erase(graph: fx.Graph, node: fx.Node, count: int) -> None:
    for _ in range(count):
        before = node.args[0] if node.args else node.kwargs["input"]
        graph.erase_node(node)
        assert isinstance(before, fx.Node)
        node = before


def backend(
    graph: fx.GraphModule,
    example_inputs: list[Any],
    *,
    options: Mapping[str, Any] | None = None,
    **_: Any,
) -> Compiled:
    """What ``torch.compile(model, backend="inkgrad")`` calls with each graph.

    Options: ``then``, the backend that gets the graph afterwards: ``"inductor"`` (the default where
    there is a C++ compiler), ``"eager"``, or another name that ``torch.compile`` knows.
    """
    unknown = set(options or {}) - {"then"}
    if unknown:
        raise ValueError(f"inkgrad backend: expected the option then, got {sorted(unknown)}")
    then = (options or {}).get("then") or _default_backend()
    if fuse(graph.graph):
        graph.recompile()
    if then == "eager":
        return graph.forward
    from torch._dynamo import lookup_backend

    compiled: Compiled = lookup_backend(then)(graph, example_inputs)
    return compiled


def _default_backend() -> str:
    """Inductor writes C++, also to call kernels that it did not write."""
    has_compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    return "inductor" if has_compiler else "eager"


def compile(
    model: nn.Module | Callable[..., Any],
    *,
    then: str | None = None,
    dynamic: bool | None = None,
    fullgraph: bool = False,
) -> Any:
    """``torch.compile(model, backend="inkgrad")``: fuse what :data:`PATTERNS` lists, in any model.

    For training and inference, with dynamic batch sizes; gradients are those of the fused ops.

    Args:
        model: a module or function.
        then: the backend that compiles the rest: ``"inductor"`` (default where a C++ compiler is
            found), ``"eager"``, or another that ``torch.compile`` knows.
        dynamic: as in ``torch.compile``.
        fullgraph: raise where the graph breaks instead of compiling in parts.
    """
    options: dict[str, Any] = {} if then is None else {"then": then}
    return torch.compile(
        model, backend=backend, options=options, dynamic=dynamic, fullgraph=fullgraph
    )
