"""A backend for ``torch.compile`` that fuses in the graph what ``patch`` cannot see.

Most models call ``F.relu(self.pool(self.conv1(x)))`` in a ``forward`` of their own. Dynamo records
these calls, whatever style they are written in, as one graph; the patterns of
:mod:`inkgrad.graph_patterns` are replaced in it by one call each, and the graph is handed on to
another backend.

Where a graph breaks (Hugging Face's models, say), Dynamo makes several, and each goes through here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from inkgrad import plain
from inkgrad.graph_patterns import IDENTITY, PATTERNS, Pattern, Step

__all__ = ["PATTERNS", "Match", "backend", "compile", "fuse", "fuse_all", "starts_pattern"]

Compiled = Callable[..., Any]


@dataclass(frozen=True)
class Match:
    """Nodes that ``pattern`` replaced, in the order of the graph, and the node in their place."""

    pattern: Pattern
    nodes: tuple[fx.Node, ...]
    fused: fx.Node


def fuse(graph: fx.Graph, patterns: Sequence[Pattern] = PATTERNS) -> list[Match]:
    """Replace the patterns in ``graph``, in place; returns what was replaced.

    Steps are fused where nothing but the next step sees their result, within one region of
    autocast, grad mode or transform, and where no call that changes a tensor in place comes between
    the old and the new place of a step.
    """
    region = _regions(graph)
    matches: list[Match] = []
    replaced: set[fx.Node] = set()
    for last in reversed(list(graph.nodes)):
        if last in replaced:
            continue
        for pattern in patterns:
            found = _find(last, pattern)
            if found is None:
                continue
            nodes, input, named = found
            place = _place(nodes)
            if (
                place is None
                or len({region[node] for node in nodes}) > 1
                or not all(map(_is_plain, nodes))
                or not pattern.pays(nodes)
            ):
                continue
            with graph.inserting_before(place):
                fused = graph.call_function(pattern.function, (input,), named)
            fused.meta = dict(last.meta)
            last.replace_all_uses_with(fused)
            for node in reversed(nodes):
                graph.erase_node(node)
            replaced.update(nodes)
            matches.append(Match(pattern, tuple(nodes), fused))
            break
    graph.lint()
    return matches


def _regions(graph: fx.Graph) -> dict[fx.Node, int]:
    """Number the parts of the graph between calls that change the state of torch."""
    region, regions = 0, {}
    for node in graph.nodes:
        region += _changes_state(node)
        regions[node] = region
    return regions


def _changes_state(node: fx.Node) -> bool:
    """Whether the call may change how those after it work.

    Dynamo writes context managers and transforms as calls of torch's private functions:
    ``_enter_autocast``, ``_set_grad_enabled``, ``_vmap_increment_nesting``.
    """
    return node.op == "call_function" and getattr(node.target, "__name__", "").startswith("_")


def _place(nodes: Sequence[fx.Node]) -> fx.Node | None:
    """The step where all can run together, or None.

    That is the first one, if the others have no operands of their own. One that has, such as batch
    norm's statistics, must follow at once: nothing can have made or changed them in between, except
    for numbers, which are read there under dynamic shapes.
    """
    place = nodes[0]
    for reader in nodes[1:]:
        if len(reader.all_input_nodes) > 1:
            while place is not reader:
                place = place.next
                if place not in nodes and place.target != "item":
                    return None
    return place


def _is_plain(node: fx.Node) -> bool:
    """Whether the call works on ordinary tensors, as far as Dynamo has recorded them."""
    values = [each.meta.get("example_value") for each in (node, *node.all_input_nodes)]
    return all(
        value.dtype in plain.DTYPES
        and value.layout is torch.strided
        and not is_traceable_wrapper_subclass(value)
        for value in values
        if isinstance(value, torch.Tensor)
    )


def _find(last: fx.Node, pattern: Pattern) -> tuple[list[fx.Node], fx.Node, dict[str, Any]] | None:
    """The nodes of the pattern that ends with ``last``, the first step's tensor and all named
    arguments; identities between the steps are among the nodes."""
    node: Any = last
    nodes: list[fx.Node] = []
    named: dict[str, Any] = {}
    for step in reversed(pattern.steps):
        read = _read(node, step)
        while read is None and nodes and (same := _read(node, IDENTITY)) is not None:
            nodes.insert(0, node)
            node = same[0]
            read = _read(node, step)
        if read is None:
            return None
        nodes.insert(0, node)
        node, arguments = read
        named |= arguments
    if not isinstance(node, fx.Node) or any(len(each.users) > 1 for each in nodes[:-1]):
        return None
    return nodes, node, named


def starts_pattern(node: fx.Node) -> bool:
    """Whether the call is one that some pattern begins with."""
    return any(_read(node, pattern.steps[0]) is not None for pattern in PATTERNS)


def _read(node: Any, step: Step) -> tuple[Any, dict[str, Any]] | None:
    if (
        not isinstance(node, fx.Node)
        or node.op not in ("call_function", "call_method")
        or not _is_among(node.target, step.targets)
    ):
        return None
    try:
        return step.read(*node.args, **node.kwargs)
    except TypeError:  # an argument, such as out=, that the step does not know
        return None


def _is_among(target: Any, targets: Iterable[Any]) -> bool:
    return any(target is one or (isinstance(one, str) and target == one) for one in targets)


def fuse_all(module: fx.GraphModule, patterns: Sequence[Pattern] = PATTERNS) -> list[Match]:
    """:func:`fuse` the graph of ``module`` and those in it: checkpointed parts, branches of
    ``torch.cond``, bodies of autograd functions."""
    found: list[Match] = []
    for part in module.modules():
        if isinstance(part, fx.GraphModule):
            matches = fuse(part.graph, patterns)
            if matches:
                part.recompile()
            found += matches
    return found


def backend(
    graph: fx.GraphModule,
    example_inputs: list[Any],
    *,
    mode: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Compiled:
    """What ``torch.compile(model, backend="inkgrad")`` calls with each graph.

    Args:
        graph: what Dynamo recorded; changed in place.
        example_inputs: its inputs.
        mode: passed on to the next backend.
        options: ``then`` is the backend that gets the graph afterwards: ``"inductor"`` (the default
            where there is a C++ compiler), ``"eager"``, another name that ``torch.compile`` knows,
            or a function ``(graph, example_inputs)``. Other options are passed on to it.

    Raises:
        ValueError: an option besides ``then``, or a mode, for ``"eager"``, which has none.
    """
    rest = dict(options or {})
    then = rest.pop("then", None) or _default_backend()
    if then == "eager":
        if rest or mode not in (None, "default"):
            raise ValueError(
                f"inkgrad backend: then='eager' has no mode and no options, got mode={mode!r} and "
                f"options {sorted(rest)}"
            )
        fuse_all(graph)
        return graph.forward
    fuse_all(graph, [pattern for pattern in PATTERNS if not pattern.only_eager])
    if then == "inductor":
        compiled: Compiled = torch._TorchCompileInductorWrapper(mode, rest, None)(
            graph, example_inputs
        )
        return compiled
    from torch._dynamo import lookup_backend

    passed = {name: value for name, value in (("mode", mode), ("options", rest)) if value}
    compiled = lookup_backend(then)(graph, example_inputs, **passed)
    return compiled


def _default_backend() -> str:
    """Inductor writes C++, also to call kernels that it did not write."""
    has_compiler = any(map(shutil.which, ("c++", "g++", "clang++")))
    return "inductor" if has_compiler else "eager"


def compile(
    model: nn.Module | Callable[..., Any],
    *,
    then: str | Compiled | None = None,
    dynamic: bool | None = None,
    fullgraph: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Any:
    """``torch.compile(model, backend="inkgrad")``: fuse what
    :data:`inkgrad.graph_patterns.PATTERNS` lists, in any model.

    For training and inference, with dynamic batch sizes; gradients are those of the fused ops.

    Args:
        model: a module or function.
        then: the backend that compiles the rest: ``"inductor"`` (default where a C++ compiler is
            found), ``"eager"``, another that ``torch.compile`` knows, or a function
            ``(graph, example_inputs)``.
        dynamic: as in ``torch.compile``.
        fullgraph: raise where the graph breaks instead of compiling in parts.
        options: passed on to the backend ``then``. For a ``mode``, call ``torch.compile(model,
            backend="inkgrad", mode=...)``, or pass ``torch._inductor.list_mode_options(mode)``.
    """
    chosen = dict(options or {}) | ({} if then is None else {"then": then})
    return torch.compile(
        model, backend=backend, options=chosen, dynamic=dynamic, fullgraph=fullgraph
    )
