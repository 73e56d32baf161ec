"""Lesson 4: the graph with data and grad of every node, complete or after some steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from typing import TYPE_CHECKING

from inkgrad.course.lessons import plotting
from inkgrad.course.lessons.backpropagation import (
    LINEAR,
    LR,
    QUADRATIC,
    START,
    Example,
    Node,
    Numbers,
    backward,
    forward,
    in_order,
    leaves,
    linear,
    quadratic,
)
from inkgrad.course.lessons.blocks import Block, Plot, Table
from inkgrad.course.lessons.plotting import BLUE, GREEN, INK, PALE, RED
from inkgrad.course.texts import Translate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def blocks(numbers: Numbers, text: Translate) -> Iterator[Block]:
    yield _table(text("backpropagation.linear", values=_values(LINEAR)), numbers.linear, text)
    line = linear(**leaves(**LINEAR))
    yield Plot("forward", text("backpropagation.forward"), partial(graph, line, backwards=1))
    steps = 2
    yield Plot(
        "halfway",
        text("backpropagation.halfway", steps=steps),
        partial(graph, line, backwards=1 + steps),
    )
    yield Plot("linear", text("backpropagation.linear_picture"), partial(graph, line))
    yield _table(
        text("backpropagation.quadratic", values=_values(QUADRATIC)), numbers.quadratic, text
    )
    curve = quadratic(**leaves(**QUADRATIC))
    yield Plot("quadratic", text("backpropagation.quadratic_picture"), partial(graph, curve))
    yield Table(
        text("backpropagation.training", start=f"{START:g}", lr=f"{LR:g}"),
        [text("word.epoch"), "w", text("word.loss"), "ŷ(4)"],
        [
            (epoch, numbers.training[epoch - 1].w, f"{numbers.training[epoch - 1].loss:.2e}",
             4 * numbers.training[epoch - 1].w)
            for epoch in (1, 5, 10, 20, 50, 100)
        ],
    )  # fmt: skip


def _values(values: dict[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in values.items())


def _table(caption: str, example: Example, text: Translate) -> Table:
    columns = [text("backpropagation.node"), "data", "grad", text("backpropagation.by_torch")]
    rows = [(*state, example.by_torch.get(state.name, "")) for state in example.states]
    return Table(caption, columns, rows)


def graph(loss: Node, forwards: int | None = None, backwards: int | None = None) -> Figure:
    """The graph after some steps of ``forward`` and then of ``backward``; None is all of them.

    Leaves are green and operations blue. An edge points the way of the data; once the gradient has
    passed, it is red and points the other way.
    """
    known = {id(node) for node in in_order(loss) if not node.operands}
    known |= {id(node) for node in islice(forward(loss), forwards)}
    reached, passed = set(), set()
    if id(loss) in known:
        first, *done = islice(backward(loss), backwards)
        passed = {id(node) for node in done}
        reached = {id(first)} | {id(operand) for node in done for operand in node.operands}
    places = layout(loss)
    width = 1 + max(x for x, _ in places.values())
    height = 1 + max(y for _, y in places.values())
    figure = plotting.figure(1.6 * width, 0.95 * height)
    axes = figure.subplots()
    boxes = {}
    for node in in_order(loss):
        text = node.name
        text += f"\ndata {node.data:g}" if id(node) in known else "\ndata ?"
        text += f"\ngrad {node.grad:g}" if id(node) in reached else "\ngrad ?"
        color = BLUE if node.operands else GREEN
        ink = INK if id(node) in known else PALE
        boxes[id(node)] = plotting.box(axes, *places[id(node)], text, color, color=ink)
    for node in in_order(loss):
        for operand in node.operands:
            start, end = boxes[id(operand)], boxes[id(node)]
            if id(node) in passed:
                plotting.arrow(axes, end, start, RED)
            else:
                plotting.arrow(axes, start, end)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    axes.axis("off")
    return figure


def layout(loss: Node) -> dict[int, tuple[float, float]]:
    """Positions of the nodes: right of their operands; a leaf is just left of its first use.

    Every leaf has its own row. An operation is in the middle of its operands' rows, or in the next
    free row below.
    """
    order = in_order(loss)
    column = {id(node): 0 for node in order}
    for node in order:
        if node.operands:
            column[id(node)] = 1 + max(column[id(operand)] for operand in node.operands)
    for node in order:
        if not node.operands:
            users = [other for other in order if node in other.operands]
            column[id(node)] = min(column[id(user)] for user in users) - 1
    rows = count()
    row: dict[int, float] = {}
    for node in order:
        if not node.operands:
            row[id(node)] = next(rows)
            continue
        above = [row[other] for other in row if column[other] == column[id(node)]]
        middle = sum(row[id(operand)] for operand in node.operands) / len(node.operands)
        row[id(node)] = max(middle, *(place + 1 for place in above), 0)
    return {id(node): (column[id(node)], row[id(node)]) for node in order}
