"""The paths of KanjiVG, absolute and relative, as polylines."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest

from inkgrad_bench import svg_paths


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("M10,20L30,40", (30, 40)),
        ("M10,20c1,2,3,4,5,6", (15, 26)),
        ("M10,20C1,2,3,4,5,6s1-1,2-2", (7, 4)),
        ("M1.5.5l-1-.5", (0.5, 0)),
    ],
)
def test_a_path_ends_where_it_says(path: str, end: tuple[float, float]) -> None:
    np.testing.assert_allclose(svg_paths.polyline(path)[-1], end)


def test_the_strokes_of_a_file() -> None:
    paths = '<g><path d="M0,0L1,1"/><path d="M2,2L3,3"/></g>'
    text = f'<svg xmlns="http://www.w3.org/2000/svg">{paths}</svg>'
    assert len(svg_paths.strokes(ElementTree.parse(io.StringIO(text)))) == 2
