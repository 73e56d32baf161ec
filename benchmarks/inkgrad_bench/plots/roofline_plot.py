"""The roofline plot."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from inkgrad_bench.plots.style import (
    INK,
    PALE,
    PAPER,
    Row,
    direction_color,
    figure,
    threads_text,
    tidy,
)
from inkgrad_bench.suite import BOTH, FORWARD
from inkgrad_bench.workloads import NATIVE, OURS


def draw(document: Row) -> Figure:
    """Attained GFLOP/s over arithmetic intensity, from native to ours, on the fewest threads."""
    threads = min(row["threads"] for row in document["results"])
    rows = [
        row
        for row in document["results"]
        if row["flops"] and row["threads"] == threads and row["dtype"] == "float32"
    ]
    rows = [row for row in rows if row["main"]] or rows
    peaks = next(found for found in document["rooflines"] if found["threads"] == threads)
    directions = [d for d in (FORWARD, BOTH) if any(row["direction"] == d for row in rows)]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(map(_key, rows)), start=1)}
    panel, names, height = 4.1, 2.6, 6.0
    width = 0.65 + panel * len(directions) + names
    title = f"Roofline, {threads_text(threads)}"
    chart = figure(width, height, title, document)
    chart.text(
        0.2 / width, 1 - 0.55 / height,
        "From native (ring) to ours (dot), float32. Work as the formula counts it, each tensor "
        "read or written once; Winograd needs fewer multiplications.",
        va="top", fontsize=8.5, color=PALE,
    )  # fmt: skip
    points = [(row["flops"] / row["bytes"], _attained(row)) for row in rows]
    x_limits = (0.4 * min(x for x, _ in points), 3 * max(x for x, _ in points))
    rates = [rate for _, both in points for rate in both]
    y_limits = (0.5 * min(rates), 2.2 * max(peaks["gflops"]["float32"], *rates))
    for number, direction in enumerate(directions):
        axes = chart.add_axes(
            (
                (0.65 + panel * number) / width,
                0.95 / height,
                (panel - 0.35) / width,
                (height - 2.1) / height,
            )
        )
        tidy(axes, "both")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(*x_limits)
        axes.set_ylim(*y_limits)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
            axis.set_minor_locator(NullLocator())
        axes.set_xlabel("FLOP per byte", color=PALE, fontsize=8.5)
        if number == 0:
            axes.set_ylabel("GFLOP/s", color=PALE, fontsize=8.5)
        axes.set_title(direction, loc="left", fontsize=9.5, color=direction_color(direction))
        _roof(axes, peaks, x_limits, labeled=number == 0)
        shown = [row for row in rows if row["direction"] == direction]
        _points(chart, axes, shown, numbers)
    for (op, case), number in numbers.items():
        y = 1 - (1.2 + 0.235 * number) / height
        start = (width - names + 0.15) / width
        chart.text(start, y, f"{number}", ha="right", fontsize=8.5, color=INK, fontweight="bold")
        chart.text(start + 0.1 / width, y, f"{_SHORT_OPS[op]}: {case}", fontsize=8.5, color=INK)
    return chart


def _key(row: Row) -> tuple[str, str]:
    return row["op"], row["case"]


def _attained(row: Row) -> tuple[float, float]:
    """GFLOP/s of native and ours."""
    native, ours = (row["seconds"][name]["median"] for name in (NATIVE, OURS))
    return 1e-9 * row["flops"] / native, 1e-9 * row["flops"] / ours


def _roof(axes: Axes, peaks: Row, x_limits: tuple[float, float], labeled: bool) -> None:
    peak, slope = peaks["gflops"]["float32"], peaks["gbytes"]
    ridge = peak / slope
    xs = [x_limits[0], ridge, x_limits[1]]
    axes.plot(xs, [slope * xs[0], peak, peak], color=INK, linewidth=1.6, zorder=2)
    if labeled:
        # Left of the ridge, where no point is this high.
        axes.annotate(
            f"{peak:.0f} GFLOP/s\n({peaks['source']})", (x_limits[0], peak), (4, 4),
            textcoords="offset points", va="bottom", fontsize=8, color=INK,
        )  # fmt: skip
        middle = math.sqrt(xs[0] * ridge)
        axes.annotate(
            f"{slope:.0f} GB/s", (middle, slope * middle), (-8, 2),
            textcoords="offset points", ha="right", fontsize=8, color=INK,
        )  # fmt: skip


def _points(
    chart: Figure, axes: Axes, rows: Sequence[Row], numbers: dict[tuple[str, str], int]
) -> None:
    """Lines from native to ours, with the number of the case at the right."""
    rows = sorted(rows, key=lambda row: _attained(row)[1])
    labels = []
    for row in rows:
        intensity = row["flops"] / row["bytes"]
        native, ours = _attained(row)
        color = direction_color(row["direction"])
        axes.plot([intensity, intensity], [native, ours], color=color, linewidth=1.2, zorder=3)
        axes.plot(
            intensity, native, marker="o", markersize=5, color=PAPER,
            markeredgecolor=color, linestyle="none", zorder=4,
        )  # fmt: skip
        axes.plot(
            intensity, ours, marker="o", markersize=6, color=color, linestyle="none", zorder=5
        )
        labels.append((intensity, ours, str(numbers[_key(row)])))
    _place_labels(chart, axes, labels)


_SHORT_OPS = {
    "binary_cross_entropy": "bce",
    "linear_sigmoid": "linear",
    "linear_relu": "linear, relu",
    "conv2d": "conv",
    "conv2d_relu_max_pool2d": "conv, pool",
}


def _place_labels(chart: Figure, axes: Axes, labels: Sequence[tuple[float, float, str]]) -> None:
    """Texts right of their points, from the bottom up, moved above those they would overlap."""
    point = chart.dpi / 72
    box_width, box_height = 12 * point, 9 * point
    taken: list[tuple[float, float]] = []  # left and lower edges
    for x, y, text in labels:
        at_x, at_y = axes.transData.transform((x, y))
        left, bottom = at_x + 5 * point, at_y - box_height / 2
        for other_left, other_bottom in sorted(taken, key=lambda corner: corner[1]):
            if abs(left - other_left) < box_width and abs(bottom - other_bottom) < box_height:
                bottom = other_bottom + box_height
        taken.append((left, bottom))
        axes.annotate(
            text, (x, y), (5, (bottom - at_y) / point), textcoords="offset points",
            fontsize=8.5, fontweight="bold", color=INK, zorder=6,
        )  # fmt: skip
