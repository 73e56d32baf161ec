"""Say layer by layer what inkgrad runs, and why not the rest."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from inkgrad import compiling, plain, sequential
from inkgrad import nn as ink
from inkgrad.compiling import fuse_all, starts_pattern
from inkgrad.patching import PatchedBCELoss

__all__ = ["Explanation", "Row", "explain"]


@dataclass(frozen=True)
class Row:
    """A layer of a model: its path, its class, the fused op that runs it or the reason why none."""

    path: str
    module: str
    op: str | None
    reason: str = ""

    @property
    def is_fused(self) -> bool:
        return self.op is not None


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found, layer by layer; prints as a table."""

    rows: tuple[Row, ...]

    @property
    def fused(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.is_fused)

    def __str__(self) -> str:
        if not self.rows:
            return "No layer that inkgrad knows."
        cells = [("layer", "module", "runs as"), *(_cells(row) for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(2)]
        return "\n".join(
            f"{path:{widths[0]}}  {module:{widths[1]}}  {runs}" for path, module, runs in cells
        )


def _cells(row: Row) -> tuple[str, str, str]:
    return row.path or "(model)", row.module, row.op or f"torch: {row.reason}"


_HAS_ISOLATED = "isolate_recompiles" in inspect.signature(torch.compile).parameters
ISOLATED: dict[str, Any] = {"isolate_recompiles": True} if _HAS_ISOLATED else {}
_LONGEST = max(len(pattern.steps) for pattern in compiling.PATTERNS)
_LAYERS = {pattern.classes[0] for pattern in sequential.PATTERNS} | {nn.BCELoss}
_OWN: dict[type[nn.Module], str] = {
    ink.LinearSigmoid: "linear_sigmoid",
    ink.LinearReLU: "linear_relu",
    ink.Conv2d: "conv2d",
    ink.ConvReluMaxPool2d: "conv2d_relu_max_pool2d",
    ink.BCELoss: "binary_cross_entropy",
    PatchedBCELoss: "binary_cross_entropy",
}


def explain(model: nn.Module | Callable[..., Any], *inputs: Any) -> Explanation:
    """Say of every layer whether a fused op of inkgrad runs it, and why not.

    Layers are those that a fused op can begin with: linear layers, convolutions and binary cross
    entropy. The answer is about the model as it is now: adding a hook, say, changes it.

    Args:
        model: as it is, patched or not; of a compiled model, the one that was compiled. With
            inputs, also a function.
        inputs: if there are any, the answer is about ``inkgrad.compile(model)`` in its present
            mode. A copy of the model is compiled and run with them; the rows are the calls in its
            graphs, in the order of the calls.

    Raises:
        TypeError: ``model`` is no module, and there are no inputs.
    """
    model = getattr(model, "_orig_mod", model)
    if inputs:
        return Explanation(tuple(_rows_of_graphs(model, inputs)))
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"inkgrad.explain: model must be an nn.Module, got {type(model).__name__}; to explain "
            "a function, pass its inputs, too"
        )
    return Explanation(tuple(_rows_of_modules(model)))


def _rows_of_modules(model: nn.Module) -> Iterator[Row]:
    fused: dict[int, list[tuple[str | None, str]]] = {}
    for parent in model.modules():
        if isinstance(parent, nn.Sequential):
            for module, op, reason in _explain_sequence(parent):
                fused.setdefault(id(module), []).append((op, reason))
    for path, module in model.named_modules():
        if type(module) in _OWN:
            yield Row(path, type(module).__name__, _OWN[type(module)], "")
        elif isinstance(module, tuple(_LAYERS)):
            for op, reason in fused.get(id(module), [(None, _outside(module))]):
                yield Row(path, type(module).__name__, op, reason)


def _rows_of_graphs(model: Callable[..., Any], inputs: tuple[Any, ...]) -> list[Row]:
    model = copy.deepcopy(model)  # running it may change its statistics
    modules = model.named_modules() if isinstance(model, nn.Module) else ()
    paths = {str(id(module)): path for path, module in modules}
    rows: list[Row] = []

    def fuse_and_record(graph: fx.GraphModule, example_inputs: list[Any]) -> Callable[..., Any]:
        layers = [
            (node, *_place(node, paths), "no pattern for " + ", ".join(_names_from(node)))
            for part in graph.modules()
            if isinstance(part, fx.GraphModule)
            for node in part.graph.nodes
            if starts_pattern(node)
        ]
        functions = {match.nodes[0]: match.pattern.function for match in fuse_all(graph)}
        for node, path, module, reason in layers:
            function = functions.get(node)
            row = (reason,) if function is None else ()
            rows.append(Row(path, module, function.__name__ if function else None, *row))
        return graph.forward

    # Dynamo limits how often it compiles a function. Explaining has no limit, and where torch can
    # count it separately, does not use up that of the model.
    unlimited = torch._dynamo.config.patch(recompile_limit=sys.maxsize)
    with torch.random.fork_rng(devices=[]), unlimited:
        torch.compile(model, backend=fuse_and_record, **ISOLATED)(*inputs)
    return rows


def _place(node: fx.Node, paths: Mapping[str, str]) -> tuple[str, str]:
    """The path and class of the module that makes the call; the function if it is the model."""
    stack = node.meta.get("nn_module_stack")
    if not stack:
        return "", _name(node)
    key, (path, module) = list(stack.items())[-1]
    return paths.get(key.partition("@")[0], path), getattr(module, "__name__", str(module))


def _name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


def _names_from(node: fx.Node) -> Iterator[str]:
    """``node`` and what follows it, as far as a pattern could reach."""
    for _ in range(_LONGEST):
        if len(node.users) > 1:
            yield f"{_name(node)} (used {len(node.users)} times)"
            return
        yield _name(node)
        node = next(iter(node.users), node)
        if node.op not in ("call_function", "call_method"):
            return


def _outside(module: nn.Module) -> str:
    if isinstance(module, nn.BCELoss):
        return "not patched"
    return "called by a forward: see inkgrad.compile(model)"


def _explain_sequence(parent: nn.Sequential) -> Iterator[tuple[nn.Module, str | None, str]]:
    """For each layer of ``parent`` that a pattern can begin with: the op, or the reason."""
    modules = list(parent._modules.values())
    found = {match.start: match for match in sequential.matches(modules)}
    in_sequence = _why_not_in_sequence(parent)
    for i, module in enumerate(modules):
        if not isinstance(module, tuple(_LAYERS)):
            continue
        match = found.get(i)
        if match is None:
            yield module, None, _why_no_match(module)
        elif in_sequence is not None:
            yield module, None, in_sequence
        elif not match.is_fused:
            obstacles = zip(modules[i : match.stop], match.obstacles, strict=True)
            reasons = [f"{type(m).__name__}: {why}" for m, why in obstacles if why is not None]
            yield module, None, "; ".join([*reasons, *filter(None, [match.refusal])])
        else:
            yield module, match.pattern.op, ""


def _why_not_in_sequence(parent: nn.Sequential) -> str | None:
    if not isinstance(parent, ink.Sequential):
        return "not patched" if type(parent) is nn.Sequential else "in a subclass of Sequential"
    if type(parent).forward is not ink.Sequential.forward or "forward" in vars(parent):
        return "in a Sequential with a forward of its own"
    if plain.is_watched():
        return "the calls of all modules are watched: by a global hook, a tracer or a mode"
    return None


def _why_no_match(module: nn.Module) -> str:
    if type(module) not in _LAYERS:
        return f"{type(module).__name__} is a subclass"
    why = plain.obstacle(module)
    return why or "nothing after it to fuse with"
