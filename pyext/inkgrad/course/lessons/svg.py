"""Plots as SVG with text elements, which the browser renders in one of its own fonts.

matplotlib's fonts have no Chinese, and the machine may have no others. So text is only measured
here, in matplotlib's own font, with a square for each wide character.
"""

from __future__ import annotations

import io
import math
import unicodedata
from typing import TYPE_CHECKING, Any

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.colors import to_hex

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONTS = "Inter, system-ui, -apple-system, 'Segoe UI', sans-serif"
_SQUARE = "\N{EM DASH}"  # as wide as the font is high
_PIXELS = 200  # per inch, of rasterized parts
_POINTS = 72  # per inch, in SVG

# Alignments: the fraction of the width where text is anchored, and SVG's name for it. With a font
# of another width, only the free ends of the text move.
_ANCHORS = {"left": (0.0, "start"), "center": (0.5, "middle"), "right": (1.0, "end")}


class _Renderer(RendererSVG):
    """Renders text as text elements; formulas, such as powers of ten, as shapes."""

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        measured = "".join(
            _SQUARE if unicodedata.east_asian_width(char) in "WF" else char for char in s
        )
        return super().get_text_width_height_descent(measured, prop, ismath)

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        if ismath:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        # A line of a multi-line text has no Text object: those are in boxes, and centered.
        share, anchor = _ANCHORS[mtext.get_horizontalalignment() if mtext else "center"]
        along = share * self.get_text_width_height_descent(s, prop, ismath)[0]
        x += along * math.cos(math.radians(angle))
        y -= along * math.sin(math.radians(angle))
        attributes = {
            "x": f"{x:.2f}", "y": f"{y:.2f}", "font-size": f"{prop.get_size():g}",
            "fill": to_hex(gc.get_rgb()), "text-anchor": anchor,
        }  # fmt: skip
        if angle:
            attributes["transform"] = f"rotate({-angle:g} {x:.2f} {y:.2f})"
        self.writer.element("text", s, attrib=attributes)


class _Canvas(FigureCanvasBase):
    """Makes the layout measure with the renderer that writes the figure."""

    def get_renderer(self) -> _Renderer:
        return _renderer(self.figure, io.StringIO())


def svg(figure: Figure, language: str) -> str:
    """Render the figure, whose text is in ``language``, as an SVG document.

    Its background is transparent: that of the page.
    """
    for background in (figure.patch, *(axes.patch for axes in figure.axes)):
        background.set_visible(False)
    _Canvas(figure)
    figure.dpi = _POINTS
    written = io.StringIO()
    width, height = figure.get_size_inches()
    renderer: Any = MixedModeRenderer(figure, width, height, _PIXELS, _renderer(figure, written))
    figure.draw(renderer)
    renderer.finalize()
    # The language selects the glyph variants of Chinese, Japanese, ...
    document = written.getvalue().partition("<svg ")[2]
    return f'<svg lang="{language}" font-family="{FONTS}" {document}'


def _renderer(figure: Figure, written: io.StringIO) -> _Renderer:
    width, height = _POINTS * figure.get_size_inches()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    return _Renderer(width, height, written, image_dpi=_PIXELS, metadata=nothing)
