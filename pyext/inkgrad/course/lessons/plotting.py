"""The style of the lessons' plots, and the kinds of plot that several lessons share.

Figures are created without pyplot, which keeps them alive and is not thread-safe. matplotlib is
imported when something is drawn: lessons compute and print without it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

INK, PALE, RULE, PAPER = "#1d2430", "#6b7484", "#e4e7ec", "#ffffff"
BLUE, GREEN, RED, VIOLET, AMBER, PINK = COLORS = (
    "#2f6fde", "#1f9d57", "#d0453e", "#7a5cd1", "#c98a12", "#c2418f",
)  # fmt: skip
SURFACE, SIGNED = "Blues", "RdBu_r"


_is_narrow = ContextVar("is_narrow", default=False)
_NARROW = 4.6  # inches


@contextmanager
def narrow() -> Iterator[None]:
    """Within this context, figures are drawn for a phone: panels one below the other."""
    token = _is_narrow.set(True)
    try:
        yield
    finally:
        _is_narrow.reset(token)


def columns_of(width: float, columns: int) -> int:
    """How many of ``columns`` panels, ``width`` inches each, are side by side."""
    return min(columns, max(1, int(_NARROW / width))) if _is_narrow.get() else columns


def figure(width: float, height: float) -> Figure:
    """An empty figure; width and height in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    empty = Figure(figsize=(width, height), dpi=120, facecolor=PAPER, layout=layout)
    FigureCanvasAgg(empty)
    return empty


def panels(
    columns: int, rows: int = 1, *, width: float = 4.6, height: float = 3.6, **kwargs: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels, row by row; width and height of a panel in inches.

    A narrow figure has the same panels in fewer columns.
    """
    count = columns * rows
    columns = columns_of(width, columns)
    rows = -(-count // columns)
    made = figure(width * columns, height * rows)
    axes = list(made.subplots(rows, columns, squeeze=False, **kwargs).flat)
    for unused in axes[count:]:
        unused.axis("off")
    return made, axes[:count]


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Axes without a frame, with a grid, a title and labels."""
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(True, color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    name(axes, title, x, y)


def name(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """A title and labels, for axes with a frame."""
    for side in axes.spines.values():
        side.set_color(RULE)
    axes.tick_params(which="both", length=0, colors=PALE, labelsize=8.5)
    axes.set_title(title, loc="left", fontsize=10.5, color=INK)
    axes.set_xlabel(x, fontsize=9.5, color=INK)
    axes.set_ylabel(y, fontsize=9.5, color=INK)


def legend(axes: Axes, **kwargs: Any) -> None:
    """A legend without a frame, placed where it hides least."""
    axes.legend(fontsize=8.5, labelcolor=INK, frameon=False, **kwargs)


def contours(
    axes: Axes, xs: np.ndarray, ys: np.ndarray, values: np.ndarray, count: int = 16
) -> None:
    """Contours of a loss over two parameters, denser near the minimum.

    ``values[i, j]`` is the loss at ``xs[j]``, ``ys[i]``; it must not be negative.
    """
    roots = np.sqrt(values)  # evenly spaced roots of a parabola are evenly spaced in distance
    levels = np.linspace(0, roots.max(), count) ** 2
    axes.contourf(xs, ys, values, levels=levels, cmap=SURFACE, alpha=0.75)
    axes.contour(xs, ys, values, levels=levels, colors="white", linewidths=0.7)


def surface(axes: Any, xs: np.ndarray, ys: np.ndarray, values: np.ndarray) -> None:
    """The same loss as a 3D surface; ``axes`` is three-dimensional."""
    drawn = axes.plot_surface(
        *np.meshgrid(xs, ys), values, cmap=SURFACE, linewidth=0, antialiased=True
    )
    drawn.set_rasterized(True)  # as vector shapes its facets would have seams
    axes.set_facecolor(PAPER)
    axes.tick_params(labelsize=8, colors=PALE)


def image(axes: Axes, pixels: np.ndarray, title: str = "", *, cmap: str = "gray_r") -> None:
    """A gray image without axes, each pixel a square."""
    axes.imshow(pixels, cmap=cmap, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(RULE)
    axes.set_title(title, fontsize=9, color=INK)


def numbers(axes: Axes, values: np.ndarray, title: str = "", *, decimals: int = 0) -> None:
    """A matrix with its values in the cells; NaN is empty.

    Larger ones are darker; with negative ones, positive is red and negative is blue.
    """
    low, high = np.nanmin(values), np.nanmax(values)
    image(axes, values, title, cmap=SIGNED if low < 0 else SURFACE)
    if low < 0:
        axes.images[0].set_clim(-1.6 * max(high, -low), 1.6 * max(high, -low))
    else:
        axes.images[0].set_clim(low, low + 1.6 * ((high - low) or 1))  # keeps dark text legible
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        shown = f"{value + 0.0:.{decimals}f}"  # without the sign of -0.0
        axes.text(column, row, shown, ha="center", va="center", fontsize=9, color=INK)


def box(axes: Axes, x: float, y: float, text: str, edge: str = INK, **kwargs: Any) -> Text:
    """Text in a rounded box, centered at a point."""
    frame = {"boxstyle": "round,pad=0.45", "facecolor": "none", "edgecolor": edge}
    style: dict[str, Any] = {"fontsize": 9.5, "color": INK, "linespacing": 1.4}
    return axes.text(x, y, text, ha="center", va="center", bbox=frame, **(style | kwargs))


def arrow(axes: Axes, start: Text, end: Text, color: str = PALE, bend: float = 0.0) -> None:
    """An arrow from one box to another; below 0, ``bend`` leads it above what is between them."""
    style = {
        "connectionstyle": f"arc3,rad={bend}",
        "arrowstyle": "-|>", "color": color, "shrinkA": 1, "shrinkB": 1,
        "patchA": start.get_bbox_patch(), "patchB": end.get_bbox_patch(),
    }  # fmt: skip
    # Drawn above the boxes, whose positions must be known by then.
    axes.annotate("", end.get_position(), start.get_position(), arrowprops=style, zorder=4)


def png(drawn: Figure) -> bytes:
    """The figure as a PNG file."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png")
    return buffer.getvalue()
