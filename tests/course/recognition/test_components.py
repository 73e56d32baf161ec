"""Strokes that belong together stay together, and what surrounds a digit is left out."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from drawings import drawing
from inkgrad.course.recognition import components
from inkgrad.course.recognition.components import Components
from inkgrad.course.recognition.ink import Ink


def _ink(*shapes: tuple[str, list[float]]) -> Ink:
    image = Image.new("L", (200, 200))
    pad = ImageDraw.Draw(image)
    for kind, points in shapes:
        if kind == "line":
            pad.line(points, fill=255, width=8)
        else:
            getattr(pad, kind)(points, outline=255, width=6)
    return Ink(np.asarray(image, np.float32) / 255).cropped()


BODY = ("line", [60, 60, 60, 100, 110, 100, 110, 160, 60, 160])
BAR = ("line", [70, 45, 115, 45])


def test_the_bar_of_a_five_and_its_body_are_one_piece() -> None:
    assert len(Components(_ink(BODY, BAR)).split()) == 1


def test_digits_side_by_side_are_pieces_from_left_to_right() -> None:
    pieces = Components(_ink(("line", [150, 20, 150, 180]), BODY, ("line", [20, 20, 20, 180])))
    lefts = [piece.left for piece in pieces.split()]
    assert len(lefts) == 3
    assert lefts == sorted(lefts)


@pytest.mark.parametrize(
    "frame",
    [
        ("ellipse", [20, 20, 180, 190]),
        ("rectangle", [20, 20, 160, 190]),
        ("line", [30, 185, 150, 187]),
    ],
    ids=["ring", "box", "underline"],
)
def test_a_frame_or_an_underline_is_left_out(frame: tuple[str, list[float]]) -> None:
    inside = Components(_ink(BODY, frame)).without_frames()
    assert inside is not None
    height, width = inside.values.shape
    assert (height, width) == pytest.approx((109, 59), abs=6)


def test_the_dot_of_an_i_is_no_stray_mark_and_one_beside_a_digit_is() -> None:
    stem = ("line", [100, 80, 100, 180])
    assert Components(_ink(stem, ("line", [98, 50, 104, 50]))).without_marks() is None
    assert Components(_ink(stem, ("line", [150, 120, 156, 120]))).without_marks() is not None


def test_a_line_across_a_digit_is_removed_and_the_digit_stays_connected() -> None:
    ring = ("ellipse", [60, 30, 130, 180])
    (rest,) = components.without_line(_ink(ring, ("line", [30, 100, 165, 104])))
    assert rest.values.shape[1] == pytest.approx(71, abs=4)
    assert components.is_connected(rest)
    slanted = _ink(("line", [150, 20, 60, 180]), ("line", [30, 105, 190, 96]))
    (rest,) = components.without_line(slanted)
    assert components.is_connected(rest)


def test_a_stroke_that_a_line_hides_may_go_on_in_it() -> None:
    open_nine = ("line", [120, 180, 120, 30, 70, 30, 70, 100])
    line = ("line", [30, 100, 170, 100])
    closed, rest = components.without_line(_ink(open_nine, line))
    columns = np.s_[62:85, 20:40]
    assert (closed.values[columns] > 0.5).any(0).all()
    assert not (rest.values[columns] > 0.5).any()


@pytest.mark.parametrize(
    ("strokes", "line"),
    [
        ([("line", [100, 20, 100, 180])], [30, 100, 170, 100]),
        ([("line", [60, 30, 140, 30, 70, 170])], [30, 170, 170, 170]),
        ([("line", [60, 30, 140, 30, 100, 170])], [60, 100, 140, 100]),
    ],
    ids=["plus", "base of a 2", "bar of a 7"],
)
def test_a_bar_that_is_part_of_a_sign_is_no_line_across(
    strokes: list[tuple[str, list[float]]], line: list[float]
) -> None:
    assert components.without_line(_ink(*strokes, ("line", line))) == []


def test_touching_digits_are_cut_where_the_ink_is_lowest() -> None:
    parts = components.cut(
        _ink(("ellipse", [20, 40, 90, 160]), ("ellipse", [88, 40, 160, 160])), most=3
    )
    edges = [part.left for part in parts[1:]]
    assert any(abs(edge - 89) < 5 for edge in edges), edges


def test_pieces_are_joined_where_they_were() -> None:
    ink = _ink(BODY, BAR, ("line", [150, 20, 150, 180]))
    joined = components.joined(Components(ink).split())
    assert joined.box == ink.box
    np.testing.assert_allclose(joined.values, ink.values, atol=0.35)


def test_one_stroke_is_connected_and_two_are_not() -> None:
    four = Ink(drawing(200) / np.float32(255)).cropped()
    assert components.is_connected(_ink(BODY))
    assert not components.is_connected(_ink(BODY, BAR))
    assert components.is_connected(four) is (Components(four).count == 1)
