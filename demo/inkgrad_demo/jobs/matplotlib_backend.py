"""A backend of matplotlib whose ``plt.show()`` sends the open figures, as PNG, to figures.py."""

from __future__ import annotations

import io
from typing import Any

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase as FigureManager
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

from inkgrad_demo.jobs import figures

__all__ = ["FigureCanvas", "FigureManager", "show"]


def show(*_: Any, **__: Any) -> None:
    """Send all open figures, and close them."""
    for manager in Gcf.get_all_fig_managers():
        png = io.BytesIO()
        manager.canvas.figure.savefig(png, format="png", dpi=100)
        figures.receive(png.getvalue())
    Gcf.destroy_all()
