"""The speedup plot."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from inkgrad_bench import console
from inkgrad_bench.plots.style import (
    INK,
    MISSED,
    PALE,
    PAPER,
    Row,
    direction_color,
    figure,
    threads_text,
    tidy,
)
from inkgrad_bench.workloads import COMPILED, NATIVE


def draw(document: Row) -> Figure:
    """Native's time over ours: a bar per main case, a column per number of threads."""
    rows = [row for row in document["results"] if row["main"]] or document["results"]
    threads = list(dict.fromkeys(row["threads"] for row in rows))
    keys = list(dict.fromkeys((row["op"], row["case"], row["direction"]) for row in rows))
    positions, headings = _positions(keys)
    depth = max(positions.values()) + 1
    margin, column = 2.75, 4.2
    width, height = margin + column * len(threads) + 0.2, 1.75 + 0.2 * depth
    chart = figure(width, height, "Native time over ours", document)
    _legend(chart, width, height, rows)
    values = [ratio["median"] for row in rows for ratio in row["ratio"].values()]
    values += [row["target"]["stretch"] for row in rows if row["target"]]
    left, right = min(0.8, 0.9 * min(values)), 1.9 * max(2.0, *values)
    for number, count in enumerate(threads):
        axes = chart.add_axes(
            (
                (margin + column * number) / width,
                0.6 / height,
                (column - 0.25) / width,
                0.2 * depth / height,
            )
        )
        tidy(axes, "x")
        axes.set_xscale("log")
        axes.set_xlim(left, right)
        axes.set_ylim(depth - 0.2, -1)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.axvline(1, color=INK, linewidth=1)
        axes.set_title(threads_text(count), loc="left", fontsize=9.5, color=INK)
        for row in rows:
            if row["threads"] == count:
                _bar(axes, positions[row["op"], row["case"], row["direction"]], row)
        if number == 0:
            _case_labels(axes, keys, positions, headings, left_edge=0.2 - margin)
    return chart


def _positions(
    keys: Sequence[tuple[str, str, str]],
) -> tuple[dict[tuple[str, str, str], float], dict[str, float]]:
    """Vertical positions of each bar and of each op's heading, from the top down."""
    positions, headings, at = {}, {}, 0.0
    op = case = None
    for key in keys:
        if key[0] != op:
            at += 0.6 if op is not None else 0.0
            headings[key[0]] = at
            at += 1.1
        elif key[1] != case:
            at += 0.25
        op, case = key[0], key[1]
        positions[key] = at
        at += 1
    return positions, headings


def _bar(axes: Axes, position: float, row: Row) -> None:
    ratio, target = row["ratio"][NATIVE], row["target"]
    axes.barh(
        position,
        ratio["median"] - 1,
        left=1,
        height=0.78,
        color=direction_color(row["direction"]),
        zorder=2,
    )
    axes.plot(
        [ratio["lower"], ratio["upper"]], [position, position],
        color=INK, linewidth=1, alpha=0.55, solid_capstyle="butt", zorder=3,
    )  # fmt: skip
    if target:
        for value, color, line in ((target["ratio"], INK, 1.8), (target["stretch"], PALE, 1.4)):
            axes.plot(
                [value, value], [position - 0.44, position + 0.44],
                color=color, linewidth=line, solid_capstyle="butt", zorder=4,
            )  # fmt: skip
    compiled = row["ratio"].get(COMPILED)
    if compiled:
        axes.plot(
            compiled["median"], position, marker="D", markersize=4, color=PAPER,
            markeredgecolor=INK, markeredgewidth=0.9, linestyle="none", zorder=5,
        )  # fmt: skip
    ends = [1, ratio["median"], ratio["upper"]]
    ends += list(target.values()) if target else []
    ends += [compiled["median"]] if compiled else []
    missed = row["verdict"] == "missed"
    axes.annotate(
        console.factor(ratio["median"]), (max(ends), position), (5, 0),
        textcoords="offset points", va="center", fontsize=8,
        color=MISSED if missed else INK, fontweight="bold" if missed else "normal",
    )  # fmt: skip


def _case_labels(
    axes: Axes,
    keys: Sequence[tuple[str, str, str]],
    positions: dict[tuple[str, str, str], float],
    headings: dict[str, float],
    left_edge: float,
) -> None:
    """Left of the axes; op names begin ``left_edge`` inches from them."""
    across = axes.get_yaxis_transform()
    for op, position in headings.items():
        axes.annotate(
            op, (0, position), (72 * left_edge, 0), xycoords=across, textcoords="offset points",
            va="center", fontsize=9, fontweight="bold", color=INK, annotation_clip=False,
        )  # fmt: skip
    groups: dict[tuple[str, str], list[float]] = {}
    for key in keys:
        groups.setdefault(key[:2], []).append(positions[key])
    for (_, case), heights in groups.items():
        axes.text(
            -0.025, sum(heights) / len(heights), case, transform=across,
            ha="right", va="center", fontsize=8.5, color=INK, clip_on=False,
        )  # fmt: skip


def _legend(chart: Figure, width: float, height: float, rows: Sequence[Row]) -> None:
    """One line under the title, in the colors and signs that it explains."""
    parts = [
        (f"■ {direction}", direction_color(direction))
        for direction in dict.fromkeys(row["direction"] for row in rows)
    ]
    if any(row["target"] for row in rows):
        parts += [("| target", INK), ("| stretch goal", PALE), ("1.23 target missed", MISSED)]
    if any(row["ratio"].get(COMPILED) for row in rows):
        parts.append(("◇ torch.compile over ours", INK))
    parts.append(("─ quartiles", PALE))
    renderer = FigureCanvasAgg(chart).get_renderer()
    at = 0.2
    for words, color in parts:
        text = chart.text(at / width, 1 - 0.6 / height, words, va="top", fontsize=8.5, color=color)
        at += text.get_window_extent(renderer).width / chart.dpi + 0.22
