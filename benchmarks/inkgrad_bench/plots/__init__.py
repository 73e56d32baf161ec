"""Plots of a benchmark run: speedup, roofline, and how time grows with the batch size."""

from __future__ import annotations

from typing import Any

from matplotlib import rc_context

from inkgrad_bench.plots import roofline_plot, scaling_plot, speedup_plot, style


def draw(document: dict[str, Any]) -> dict[str, bytes]:
    """Return {file name: SVG}, one for each kind of figure in the document."""
    pictures = {}
    with rc_context(style.SETTINGS):
        if document["results"]:
            pictures["speedup.svg"] = style.svg(speedup_plot.draw(document))
        if any(row["flops"] for row in document["results"]):
            pictures["roofline.svg"] = style.svg(roofline_plot.draw(document))
        if any(point["seconds"] for point in document["scaling"]):
            pictures["scaling.svg"] = style.svg(scaling_plot.draw(document))
    return pictures
