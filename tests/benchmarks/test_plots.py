"""The plots: what is drawn, and the same bytes every time."""

import xml.etree.ElementTree as ET

import pytest

pytest.importorskip("matplotlib")
from inkgrad_bench import plots

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture):
    return {"".join(node.itertext()).strip() for node in ET.fromstring(picture).iter(f"{SVG}text")}


def test_plots_show_the_figures(document):
    pictures = plots.draw(document)
    assert set(pictures) == {"speedup.svg", "roofline.svg", "scaling.svg"}
    assert {"conv2d_relu_max_pool2d", "pooled", "5.00", "1 thread", "2 threads"} <= texts(
        pictures["speedup.svg"]
    )
    assert {"1", "conv, pool: pooled", "20 GB/s"} <= texts(pictures["roofline.svg"])
    assert {"conv2d, forward", "batch"} <= texts(pictures["scaling.svg"])


def test_the_same_document_gives_the_same_bytes(document):
    assert plots.draw(document) == plots.draw(document)
    for picture in plots.draw(document).values():
        assert b"<dc:date>" not in picture
        assert b"Matplotlib" not in picture


def test_what_was_not_measured_is_not_drawn(document):
    document["scaling"] = []
    assert set(plots.draw(document)) == {"speedup.svg", "roofline.svg"}
