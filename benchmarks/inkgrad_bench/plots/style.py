"""Shared by the plots: colors, figures with a title and an origin, SVG files."""

from __future__ import annotations

import io
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from inkgrad_bench.suite import BOTH, FORWARD

Row = dict[str, Any]

INK, PALE, RULE, PAPER = "#1d2430", "#8b93a1", "#e4e7ec", "#ffffff"
MISSED = "#d0453e"
_COLORS = {FORWARD: "#2f6fde", BOTH: "#0f9d84"}
_OTHER = "#7a5cd1"  # an epoch of training
SETTINGS: Any = {
    "font.family": "sans-serif",
    # The first ships with matplotlib: the layout is the same wherever the plot is made. The viewer
    # may lack it; the second is as wide.
    "font.sans-serif": ["DejaVu Sans", "Verdana"],
    "font.size": 9,
    "svg.fonttype": "none",  # text as text: small files that can be searched
    "svg.hashsalt": "inkgrad",  # the same ids in every file
}


def figure(width: float, height: float, title: str, document: Row) -> Figure:
    """An empty figure, in inches, with its title at the top and the machine at the bottom."""
    found = Figure(figsize=(width, height))
    where = document["environment"]
    found.text(
        0.2 / width, 1 - 0.2 / height, title,
        va="top", fontsize=13, fontweight="bold", color=INK,
    )  # fmt: skip
    found.text(
        0.2 / width, 0.15 / height,
        f"{where['gpu'] or where['processor']}, {where['processors']} processors, "
        f"{where['build']['cpu_library_loaded']} kernels, torch {where['build']['torch']}, "
        f"{where['date'][:10]}",
        va="bottom", fontsize=7.5, color=PALE,
    )  # fmt: skip
    return found


def tidy(axes: Axes, grid: Literal["x", "both"]) -> None:
    """No frame, no ticks, a pale grid."""
    axes.set_facecolor(PAPER)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, colors=PALE, labelsize=8)
    axes.grid(True, axis=grid, color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)


def threads_text(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def direction_color(direction: str) -> str:
    return _COLORS.get(direction, _OTHER)


def svg(figure: Figure) -> bytes:
    """The file: the same bytes for the same figure, without date or version."""
    FigureCanvasSVG(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", facecolor=PAPER, metadata={"Date": None, "Creator": None})
    return b"".join(line.rstrip() + b"\n" for line in buffer.getvalue().splitlines())
