"""The pictures: how much faster, how near to the machine's ceilings, and how it grows."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from inkgrad_bench import report
from inkgrad_bench.cases import BOTH, FORWARD
from inkgrad_bench.workloads import COMPILED, NATIVE, OURS

Row = dict[str, Any]

INK, PALE, RULE, PAPER = "#1d2430", "#8b93a1", "#e4e7ec", "#ffffff"
COLORS = {FORWARD: "#2f6fde", BOTH: "#0f9d84"}
OTHER = "#7a5cd1"  # an epoch of training
MISSED = "#d0453e"
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture everywhere
    "font.size": 9,
}
DPI = 150


def draw(document: Row) -> dict[str, bytes]:
    """{file name: PNG} of whatever the document holds figures for."""
    from matplotlib import rc_context

    pictures = {}
    with rc_context(STYLE):
        if document["results"]:
            pictures["speedup.png"] = _png(_speedup(document))
        if any(row["flops"] for row in document["results"]):
            pictures["roofline.png"] = _png(_roofline(document))
        if any(point["seconds"] for point in document["scaling"]):
            pictures["scaling.png"] = _png(_scaling(document))
    return pictures


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, facecolor=PAPER)
    return buffer.getvalue()


def _figure(width: float, height: float, title: str, document: Row) -> Figure:
    """An empty figure with a title over it and the machine under it, an inch for both."""
    figure = Figure(figsize=(width, height))
    where = document["environment"]
    figure.text(
        0.2 / width, 1 - 0.2 / height, title,
        va="top", fontsize=13, fontweight="bold", color=INK,
    )  # fmt: skip
    figure.text(
        0.2 / width, 0.15 / height,
        f"{where['gpu'] or where['processor']}, {where['processors']} processors, "
        f"{where['build']['cpu_library_loaded']} kernels, torch {where['build']['torch']}, "
        f"{where['date'][:10]}",
        va="bottom", fontsize=7.5, color=PALE,
    )  # fmt: skip
    return figure


def _tidy(axes: Axes, grid: Literal["x", "both"]) -> None:
    axes.set_facecolor(PAPER)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=PALE, labelsize=8)
    axes.grid(True, axis=grid, color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _color(direction: str) -> str:
    return COLORS.get(direction, OTHER)


# ---------------------------------------------------------------- how much faster


def _speedup(document: Row) -> Figure:
    """A bar for each main case; a column for each number of threads."""
    rows = [row for row in document["results"] if row["main"]] or document["results"]
    threads = list(dict.fromkeys(row["threads"] for row in rows))
    keys = list(dict.fromkeys((row["op"], row["case"], row["direction"]) for row in rows))
    places, headings = _places(keys)
    depth = max(places.values()) + 1
    margin, column = 2.75, 4.2
    width, height = margin + column * len(threads) + 0.2, 1.75 + 0.2 * depth
    figure = _figure(width, height, "Native time over ours", document)
    _speedup_legend(figure, width, height, rows)
    values = [ratio["median"] for row in rows for ratio in row["ratio"].values()]
    values += [row["target"]["ambition"] for row in rows if row["target"]]
    left, right = min(0.8, 0.9 * min(values)), 1.9 * max(2.0, *values)
    for number, count in enumerate(threads):
        axes = figure.add_axes(
            (
                (margin + column * number) / width,
                0.6 / height,
                (column - 0.25) / width,
                0.2 * depth / height,
            )
        )
        _tidy(axes, "x")
        axes.set_xscale("log")
        axes.set_xlim(left, right)
        axes.set_ylim(depth - 0.2, -1)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.axvline(1, color=INK, linewidth=1)
        axes.set_title(_threads(count), loc="left", fontsize=9.5, color=INK)
        for row in rows:
            if row["threads"] == count:
                _bar(axes, places[row["op"], row["case"], row["direction"]], row)
        if number == 0:
            _case_labels(axes, keys, places, headings, left_edge=0.2 - margin)
    return figure


def _places(
    keys: Sequence[tuple[str, str, str]],
) -> tuple[dict[tuple[str, str, str], float], dict[str, float]]:
    """Height of each bar and of each op's heading, from the top down."""
    places, headings, at = {}, {}, 0.0
    op = case = None
    for key in keys:
        if key[0] != op:
            at += 0.6 if op is not None else 0.0
            headings[key[0]] = at
            at += 1.1
        elif key[1] != case:
            at += 0.25
        op, case = key[0], key[1]
        places[key] = at
        at += 1
    return places, headings


def _bar(axes: Axes, place: float, row: Row) -> None:
    ratio, target = row["ratio"][NATIVE], row["target"]
    axes.barh(
        place, ratio["median"] - 1, left=1, height=0.78, color=_color(row["direction"]), zorder=2
    )
    axes.plot(
        [ratio["lower"], ratio["upper"]], [place, place],
        color=INK, linewidth=1, alpha=0.55, solid_capstyle="butt", zorder=3,
    )  # fmt: skip
    if target:
        for value, color, line in ((target["least"], INK, 1.8), (target["ambition"], PALE, 1.4)):
            axes.plot(
                [value, value], [place - 0.44, place + 0.44],
                color=color, linewidth=line, solid_capstyle="butt", zorder=4,
            )  # fmt: skip
    compiled = row["ratio"].get(COMPILED)
    if compiled:
        axes.plot(
            compiled["median"], place, marker="D", markersize=4, color=PAPER,
            markeredgecolor=INK, markeredgewidth=0.9, linestyle="none", zorder=5,
        )  # fmt: skip
    ends = [1, ratio["median"], ratio["upper"]]
    ends += list(target.values()) if target else []
    ends += [compiled["median"]] if compiled else []
    missed = row["verdict"] == "missed"
    axes.annotate(
        report.factor(ratio["median"]), (max(ends), place), (5, 0),
        textcoords="offset points", va="center", fontsize=8,
        color=MISSED if missed else INK, fontweight="bold" if missed else "normal",
    )  # fmt: skip


def _case_labels(
    axes: Axes,
    keys: Sequence[tuple[str, str, str]],
    places: dict[tuple[str, str, str], float],
    headings: dict[str, float],
    left_edge: float,
) -> None:
    """Left of the axes, out to ``left_edge`` inches from them."""
    across = axes.get_yaxis_transform()
    for op, place in headings.items():
        axes.annotate(
            op, (0, place), (72 * left_edge, 0), xycoords=across, textcoords="offset points",
            va="center", fontsize=9, fontweight="bold", color=INK, annotation_clip=False,
        )  # fmt: skip
    groups: dict[tuple[str, str], list[float]] = {}
    for key in keys:
        groups.setdefault(key[:2], []).append(places[key])
    for (_, case), heights in groups.items():
        axes.text(
            -0.025, sum(heights) / len(heights), case, transform=across,
            ha="right", va="center", fontsize=8.5, color=INK, clip_on=False,
        )  # fmt: skip


def _speedup_legend(figure: Figure, width: float, height: float, rows: Sequence[Row]) -> None:
    """One line under the title, in the colours and signs that it explains."""
    parts = [
        (f"■ {direction}", _color(direction))
        for direction in dict.fromkeys(row["direction"] for row in rows)
    ]
    if any(row["target"] for row in rows):
        parts += [("❙ asked for", INK), ("❙ hoped for", PALE), ("1.23 missed", MISSED)]
    if any(row["ratio"].get(COMPILED) for row in rows):
        parts.append(("◇ torch.compile'd native over ours", INK))
    parts.append(("─ quartiles", PALE))
    renderer = FigureCanvasAgg(figure).get_renderer()
    at = 0.2
    for words, color in parts:
        text = figure.text(at / width, 1 - 0.6 / height, words, va="top", fontsize=8.5, color=color)
        at += text.get_window_extent(renderer).width / figure.dpi + 0.22


# ---------------------------------------------------------------- how near to the ceilings


def _roofline(document: Row) -> Figure:
    """Attained arithmetic over arithmetic intensity, native to ours, on the fewest threads."""
    threads = min(row["threads"] for row in document["results"])
    rows = [
        row
        for row in document["results"]
        if row["flops"] and row["threads"] == threads and row["dtype"] == "float32"
    ]
    rows = [row for row in rows if row["main"]] or rows
    ceiling = next(found for found in document["ceilings"] if found["threads"] == threads)
    directions = [d for d in (FORWARD, BOTH) if any(row["direction"] == d for row in rows)]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(map(_key, rows)), start=1)}
    panel, names, height = 4.1, 2.6, 6.0
    width = 0.65 + panel * len(directions) + names
    title = f"How near to the machine's ceilings, {_threads(threads)}"
    figure = _figure(width, height, title, document)
    figure.text(
        0.2 / width, 1 - 0.55 / height,
        "From native (ring) to ours (dot), in float32. Work is what the formula says, each tensor "
        "read or written once; Winograd's filtering does with less of it.",
        va="top", fontsize=8.5, color=PALE,
    )  # fmt: skip
    points = [(row["flops"] / row["bytes"], _attained(row)) for row in rows]
    x_limits = (0.4 * min(x for x, _ in points), 3 * max(x for x, _ in points))
    rates = [rate for _, both in points for rate in both]
    y_limits = (0.5 * min(rates), 2.2 * max(ceiling["gflops"]["float32"], *rates))
    for number, direction in enumerate(directions):
        axes = figure.add_axes(
            (
                (0.65 + panel * number) / width,
                0.95 / height,
                (panel - 0.35) / width,
                (height - 2.1) / height,
            )
        )
        _tidy(axes, "both")
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
        axes.set_title(direction, loc="left", fontsize=9.5, color=_color(direction))
        _roof(axes, ceiling, x_limits, named=number == 0)
        shown = [row for row in rows if row["direction"] == direction]
        _roofline_points(figure, axes, shown, numbers)
    for (op, case), number in numbers.items():
        place = 1 - (1.2 + 0.235 * number) / height
        start = (width - names + 0.15) / width
        figure.text(
            start, place, f"{number}", ha="right", fontsize=8.5, color=INK, fontweight="bold"
        )
        figure.text(start + 0.1 / width, place, f"{SHORT_OPS[op]}  {case}", fontsize=8.5, color=INK)
    return figure


def _key(row: Row) -> tuple[str, str]:
    return row["op"], row["case"]


def _attained(row: Row) -> tuple[float, float]:
    """GFLOP/s of native and ours."""
    native, ours = (row["seconds"][name]["median"] for name in (NATIVE, OURS))
    return 1e-9 * row["flops"] / native, 1e-9 * row["flops"] / ours


def _roof(axes: Axes, ceiling: Row, x_limits: tuple[float, float], named: bool) -> None:
    peak, slope = ceiling["gflops"]["float32"], ceiling["gbytes"]
    ridge = peak / slope
    xs = [x_limits[0], ridge, x_limits[1]]
    axes.plot(xs, [slope * xs[0], peak, peak], color=INK, linewidth=1.6, zorder=2)
    if named:
        # Where nothing lies: left of the ridge no point is as high.
        axes.annotate(
            f"{peak:.0f} GFLOP/s\n({ceiling['source']})", (x_limits[0], peak), (4, 4),
            textcoords="offset points", va="bottom", fontsize=8, color=INK,
        )  # fmt: skip
        middle = math.sqrt(xs[0] * ridge)
        axes.annotate(
            f"{slope:.0f} GB/s", (middle, slope * middle), (-8, 2),
            textcoords="offset points", ha="right", fontsize=8, color=INK,
        )  # fmt: skip


def _roofline_points(
    figure: Figure, axes: Axes, rows: Sequence[Row], numbers: dict[tuple[str, str], int]
) -> None:
    """Lines from native to ours, numbered at the right, the numbers moved apart."""
    rows = sorted(rows, key=lambda row: _attained(row)[1])
    labels = []
    for row in rows:
        intensity = row["flops"] / row["bytes"]
        native, ours = _attained(row)
        color = _color(row["direction"])
        axes.plot([intensity, intensity], [native, ours], color=color, linewidth=1.2, zorder=3)
        axes.plot(
            intensity, native, marker="o", markersize=5, color=PAPER,
            markeredgecolor=color, linestyle="none", zorder=4,
        )  # fmt: skip
        axes.plot(
            intensity, ours, marker="o", markersize=6, color=color, linestyle="none", zorder=5
        )
        labels.append((intensity, ours, str(numbers[_key(row)])))
    _apart(figure, axes, labels)


SHORT_OPS = {
    "binary_cross_entropy": "bce",
    "linear_sigmoid": "linear",
    "linear_relu": "linear, relu",
    "conv2d": "conv",
    "conv2d_relu_max_pool2d": "conv, pool",
}


def _apart(figure: Figure, axes: Axes, labels: Sequence[tuple[float, float, str]]) -> None:
    """Texts right of their points, lowest first, each above those already there that it hides."""
    point = figure.dpi / 72
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


# ---------------------------------------------------------------- how it grows


def _scaling(document: Row) -> Figure:
    """Time of one sample over the batch size: level where the cost grows linearly."""
    points = [point for point in document["scaling"] if point["seconds"]]
    ops = list(dict.fromkeys(point["op"] for point in points))
    directions = [d for d in (FORWARD, BOTH) if any(point["direction"] == d for point in points)]
    panel_width, panel_height = 4.3, 1.75
    width, height = 0.5 + panel_width * len(directions), 1.6 + panel_height * len(ops)
    figure = _figure(width, height, "Time of one sample, by batch size", document)
    threads = list(dict.fromkeys(point["threads"] for point in points))
    lines = ", ".join(
        f"{name}: {_threads(count)}"
        for name, count in zip(("solid", "dashed", "dotted"), threads, strict=False)
    )
    figure.text(
        0.2 / width, 1 - 0.55 / height,
        f"Colour: ours, grey: native; {lines}. Level: time grows in step with the batch.",
        va="top", fontsize=8.5, color=PALE,
    )  # fmt: skip
    for i, op in enumerate(ops):
        for j, direction in enumerate(directions):
            axes = figure.add_axes(
                (
                    (0.65 + panel_width * j) / width,
                    (0.75 + panel_height * (len(ops) - 1 - i)) / height,
                    (panel_width - 0.6) / width,
                    (panel_height - 0.5) / height,
                )
            )
            _tidy(axes, "both")
            some = [p for p in points if (p["op"], p["direction"]) == (op, direction)]
            _scaling_lines(axes, some, threads, direction)
            title = f"{op}, {direction}"
            axes.set_title(title, loc="left", fontsize=8.5, color=_color(direction))
            if i == len(ops) - 1:
                axes.set_xlabel("batch", color=PALE, fontsize=8.5)
    return figure


def _scaling_lines(
    axes: Axes, points: Sequence[Row], threads: Sequence[int], direction: str
) -> None:
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
        for name, color in ((NATIVE, PALE), (OURS, _color(direction))):
            times = [point["seconds"][name]["median"] / point["batch"] for point in line]
            axes.plot(
                batches, times, style, color=color, linewidth=1.6,
                marker="o", markersize=2.6, zorder=3 if name == OURS else 2,
            )  # fmt: skip
    low, high = axes.get_ylim()
    subs = (1, 3) if high < 100 * low else (1,)
    axes.yaxis.set_major_locator(LogLocator(base=10, subs=subs, numticks=7))


def _duration(value: float) -> str:
    """For an axis: no digits that say nothing."""
    number, unit = report.duration(value).split()
    return f"{float(number):g} {unit}"
