"""A picture as SVG whose words stay words: the browser that shows it writes them in a font it has.

The fonts that come with matplotlib have no Chinese, and the machine may have no others. So nothing
is written here, only measured: in matplotlib's own font, a wide sign as a square.
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
_SQUARE = "\N{EM DASH}"  # as wide as it would be high
_PIXELS = 200  # to the inch, of what is a picture in the picture
_POINTS = 72  # of SVG, to the inch

# How text is aligned: the share of its width at which it is held, and what SVG calls that. A font
# of another width than ours then moves nothing but its loose ends.
_HELD = {"left": (0.0, "start"), "center": (0.5, "middle"), "right": (1.0, "end")}


class _Renderer(RendererSVG):
    """Writes words as words; formulas, such as the powers along an axis, are drawn."""

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> Any:
        measured = "".join(
            _SQUARE if unicodedata.east_asian_width(sign) in "WF" else sign for sign in s
        )
        return super().get_text_width_height_descent(measured, prop, ismath)

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float,
        ismath: Any = False, mtext: Any = None,
    ) -> None:  # fmt: skip
        if ismath:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        # a line of several comes without its Text: those are in boxes, and centred
        share, anchor = _HELD[mtext.get_horizontalalignment() if mtext else "center"]
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
    """By it the layout measures as the picture is written."""

    def get_renderer(self) -> _Renderer:
        return _renderer(self.figure, io.StringIO())


def svg(figure: Figure, language: str) -> str:
    """The figure, whose words are of that language, as an SVG document."""
    _Canvas(figure)
    figure.dpi = _POINTS
    written = io.StringIO()
    width, height = figure.get_size_inches()
    renderer: Any = MixedModeRenderer(figure, width, height, _PIXELS, _renderer(figure, written))
    figure.draw(renderer)
    renderer.finalize()
    # the language chooses among the shapes that a sign has in Chinese, Japanese, ...
    document = written.getvalue().partition("<svg ")[2]
    return f'<svg lang="{language}" font-family="{FONTS}" {document}'


def _renderer(figure: Figure, written: io.StringIO) -> _Renderer:
    width, height = _POINTS * figure.get_size_inches()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    return _Renderer(width, height, written, image_dpi=_PIXELS, metadata=nothing)
