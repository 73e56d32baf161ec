"""Lesson 4: the graph of a loss for chosen values, forward and backward one node at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import Field, model_validator

from inkgrad.course.lessons.backpropagation import (
    LINEAR,
    OPERATIONS,
    QUADRATIC,
    Node,
    backward,
    forward,
    grads_by_torch,
    in_order,
    leaves,
    linear,
    quadratic,
)
from inkgrad.course.lessons.views.backpropagation import layout
from inkgrad_demo.services.request_fields import OneOf
from inkgrad_demo.services.request_validation import FormRequest, check_count


class _Model(NamedTuple):
    build: Callable[..., Any]  # of leaves or of tensors
    values: dict[str, float]  # the lesson's


_MODELS = {"linear": _Model(linear, LINEAR), "quadratic": _Model(quadratic, QUADRATIC)}


class Values(FormRequest):
    model: Annotated[str, OneOf(_MODELS)]
    values: list[Annotated[float, Field(ge=-10, le=10)]] = Field(max_length=5)

    @model_validator(mode="after")
    def _one_value_per_leaf(self) -> Values:
        check_count("values", self.values, len(_MODELS[self.model].values))
        return self


def answer(request: Values, _results: Any) -> dict[str, Any]:
    model = _MODELS[request.model]
    values = dict(zip(model.values, request.values, strict=True))
    loss = model.build(**leaves(**values))
    order = in_order(loss)
    places = layout(loss)
    index = {id(node): i for i, node in enumerate(order)}
    return {
        "nodes": [
            {
                "name": node.name,
                "place": places[id(node)],
                "operands": [index[id(operand)] for operand in node.operands],
            }
            for node in order
        ],
        "steps": list(_steps(loss, order, index)),
        "by_torch": grads_by_torch(model.build, **values),
    }


def _steps(loss: Node, order: list[Node], index: dict[int, int]) -> Iterator[dict[str, Any]]:
    """The graph at the start and after every step, with None for what is not known yet."""
    known = {id(node) for node in order if not node.operands}
    reached: set[int] = set()
    passed: set[int] = set()

    def graph(direction: str, active: Node | None = None) -> dict[str, Any]:
        return {
            "direction": direction,
            "active": None if active is None else index[id(active)],
            "slopes": _slopes(active) if direction == "backward" and active else [],
            "data": [node.data if id(node) in known else None for node in order],
            "passed": sorted(index[id_] for id_ in passed),  # that gave their grads to operands
            "grads": [node.grad if id(node) in reached else None for node in order],
        }

    yield graph("start")
    for node in forward(loss):
        known.add(id(node))
        yield graph("forward", node)
    passing = backward(loss)
    reached.add(id(next(passing)))
    yield graph("loss", loss)
    for node in passing:
        passed.add(id(node))
        reached |= {id(operand) for operand in node.operands}
        yield graph("backward", node)


def _slopes(node: Node) -> list[float]:
    _, slopes_of = OPERATIONS[node.name]
    return list(slopes_of(*(operand.data for operand in node.operands)))


ANSWERS = {"values": answer}
