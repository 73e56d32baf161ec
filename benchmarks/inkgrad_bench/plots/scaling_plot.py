"""The scaling plot."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from inkgrad_bench import console
from inkgrad_bench.plots.style import PALE, Row, direction_color, figure, threads_text, tidy
from inkgrad_bench.suite import BOTH, FORWARD
from inkgrad_bench.workloads import NATIVE, OURS


def draw(document: Row) -> Figure:
    """Time per sample over the batch size: flat where the time grows linearly."""
    points = [point for point in document["scaling"] if point["seconds"]]
    ops = list(dict.fromkeys(point["op"] for point in points))
    directions = [d for d in (FORWARD, BOTH) if any(point["direction"] == d for point in points)]
    panel_width, panel_height = 4.3, 1.75
    width, height = 0.5 + panel_width * len(directions), 1.6 + panel_height * len(ops)
    chart = figure(width, height, "Time per sample, by batch size", document)
    threads = list(dict.fromkeys(point["threads"] for point in points))
    lines = ", ".join(
        f"{name}: {threads_text(count)}"
        for name, count in zip(("solid", "dashed", "dotted"), threads, strict=False)
    )
    chart.text(
        0.2 / width, 1 - 0.55 / height,
        f"Color: ours, gray: native; {lines}. Flat: time grows in proportion to the batch.",
        va="top", fontsize=8.5, color=PALE,
    )  # fmt: skip
    for i, op in enumerate(ops):
        for j, direction in enumerate(directions):
            axes = chart.add_axes(
                (
                    (0.65 + panel_width * j) / width,
                    (0.75 + panel_height * (len(ops) - 1 - i)) / height,
                    (panel_width - 0.6) / width,
                    (panel_height - 0.5) / height,
                )
            )
            tidy(axes, "both")
            some = [p for p in points if (p["op"], p["direction"]) == (op, direction)]
            _lines(axes, some, threads, direction)
            title = f"{op}, {direction}"
            axes.set_title(title, loc="left", fontsize=8.5, color=direction_color(direction))
            if i == len(ops) - 1:
                axes.set_xlabel("batch", color=PALE, fontsize=8.5)
    return chart


def _lines(axes: Axes, points: Sequence[Row], threads: Sequence[int], direction: str) -> None:
    axes.set_xscale("log", base=4)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.xaxis.set_major_locator(LogLocator(base=16, numticks=9))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _duration(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    for style, count in zip(("-", "--", ":"), threads, strict=False):
        line = [point for point in points if point["threads"] == count]
        batches = [point["batch"] for point in line]
        for name, color in ((NATIVE, PALE), (OURS, direction_color(direction))):
            times = [point["seconds"][name]["median"] / point["batch"] for point in line]
            axes.plot(
                batches, times, style, color=color, linewidth=1.6,
                marker="o", markersize=2.6, zorder=3 if name == OURS else 2,
            )  # fmt: skip
    low, high = axes.get_ylim()
    subs = (1, 3) if high < 100 * low else (1,)
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=7))


def _duration(value: float) -> str:
    """For an axis: without trailing zeros."""
    number, unit = console.duration(value).split()
    return f"{float(number):g} {unit}"
