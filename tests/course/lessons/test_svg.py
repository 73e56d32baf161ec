"""Pictures as SVG: the words are words, in the page's language, and have room in any font."""

from __future__ import annotations

import re
import warnings
from xml.etree import ElementTree

import pytest

pytest.importorskip("matplotlib")

from inkgrad.course.lessons import LESSONS, plotting
from inkgrad.course.lessons.blocks import Plot
from inkgrad.course.lessons.svg import svg
from inkgrad.course.texts import CATALOGUES
from lesson_runs import numbers

SVG = "{http://www.w3.org/2000/svg}"
# Code and formulas are the same in every language.
NAMES = {
    *("data", "grad", "MulBackward", "conv", "sin", "MSE", "BCE", "sigmoid", "tanh", "ReLU"),
    *("GELU", "SGD", "Adam", "momentum", "Adagrad", "RMSprop", "LBFGS", "Adamax", "ASGD", "Rprop"),
}


def _texts(document: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(document).iter(f"{SVG}text"))


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_picture_has_the_words_of_its_language(lesson: int, language: str) -> None:
    for picture in LESSONS[lesson].blocks(numbers(lesson), language):
        if not isinstance(picture, Plot):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a sign that is measured in a font that lacks it
            document = svg(picture.draw(), language)
        assert document.startswith(f'<svg lang="{language}"')
        words = " ".join(text.text or "" for text in _texts(document))
        assert words
        if language != "en":
            assert set(re.findall("[A-Za-z]{3,}", words)) <= NAMES, picture.name


def _frame(words: str) -> tuple[str, list[ElementTree.Element]]:
    """The outline of the box around the words, and what is in it."""
    figure = plotting.figure(4, 1)
    axes = figure.subplots()
    axes.axis("off")
    plotting.box(axes, 0.5, 0.5, words)
    document = svg(figure, "en")
    (box,) = re.findall(r'<path d="(M[^"]+)" style="fill: none; stroke: #1d2430', document)
    return box, _texts(document)


def test_a_wide_sign_has_the_room_of_a_square() -> None:
    assert _frame("学习")[0] == _frame("\N{EM DASH}" * 2)[0]
    assert _frame("学习")[0] != _frame("ab")[0]


def test_words_are_held_where_they_are_aligned() -> None:
    """So that a font which is narrower than the one that measured leaves them in their place."""
    _, lines = _frame("a\nmuch longer")
    assert {(line.get("text-anchor"), line.get("x")) for line in lines} == {("middle", "144.00")}
    figure, (axes,) = plotting.panels(1)
    axes.plot([0, 1], [0, 1], label="entry")
    plotting.legend(axes)
    plotting.tidy(axes, "title", "across", "up")
    held = {text.text: text for text in _texts(svg(figure, "en"))}
    anchors = {word: held[word].get("text-anchor") for word in ("title", "entry", "across", "up")}
    assert anchors == {"title": "start", "entry": "start", "across": "middle", "up": "middle"}
    x, y = held["up"].get("x"), held["up"].get("y")
    assert held["up"].get("transform") == f"rotate(-90 {x} {y})"
    assert held["0.2"].get("text-anchor") in ("middle", "end")  # a tick
