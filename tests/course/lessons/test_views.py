"""Views of the lessons: every text in every language, and pictures with something in them."""

from __future__ import annotations

import io
import re
import warnings
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inkgrad.course.lessons import (
    LESSONS,
    convolution,
    data_loader,
    linear_regression,
    many_features,
)
from inkgrad.course.lessons.blocks import Note, Plot, Table
from inkgrad.course.texts import CATALOGUES, percent
from lesson_runs import numbers


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_plot_shows_something(lesson: int) -> None:
    pytest.importorskip("matplotlib")
    from inkgrad.course.lessons.plotting import png

    parts = list(LESSONS[lesson].blocks(numbers(lesson), "en"))
    pictures = [part for part in parts if isinstance(part, Plot)]
    assert pictures
    assert len({picture.name for picture in pictures}) == len(pictures)
    for picture in pictures:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a sign that the font lacks, a layout that does not fit
            figure = picture.draw()
            image = Image.open(io.BytesIO(png(figure))).convert("RGB")
        shown = [axes for axes in figure.axes if axes.axison or axes.texts or axes.has_data()]
        assert all(axes.texts or axes.has_data() for axes in shown), picture.name
        assert len(image.getcolors(image.width * image.height)) > 20, picture.name
        margin = np.concatenate([np.asarray(image)[edge] for edge in (0, -1)])
        assert (margin == 255).all(), f"{picture.name}: something is cut off"
        assert max(image.size) <= 1500, picture.name


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_its_words(lesson: int, language: str) -> None:
    one = LESSONS[lesson]
    assert one.title(language).strip()
    assert len(one.text(language)) > 100
    for part in one.blocks(numbers(lesson), language):
        text = part.text if isinstance(part, Note) else part.caption
        assert text
        assert "{" not in text
        if language != "en":
            assert not re.search("diabetes|breast cancer|scikit-learn's", text)
        if isinstance(part, Table):
            assert part.rows
            assert {len(row) for row in part.cells()} == {len(part.columns)}
            assert all(row[0] for row in part.cells())


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_formulas_are_short_enough_for_a_line_on_a_phone(lesson: int, language: str) -> None:
    captions = [
        part.text if isinstance(part, Note) else part.caption
        for part in LESSONS[lesson].blocks(numbers(lesson), language)
    ]
    for text in (LESSONS[lesson].text(language), *captions):
        assert text.count("`") % 2 == 0
        for formula in text.split("`")[1::2]:
            assert len(formula) <= 40, formula


# ---- statements follow from the numbers: other numbers, other statements


def _texts(lesson: int, changed: Any) -> str:
    """Captions, notes and cells of the lesson in English, with these numbers."""
    lines = []
    for part in LESSONS[lesson].blocks(changed, "en"):
        lines.append(part.text if isinstance(part, Note) else part.caption)
        if isinstance(part, Table):
            lines += ["; ".join(row) for row in part.cells()]
    return "\n".join(lines)


def test_2_the_verdict_on_a_degree_follows_from_its_losses() -> None:
    found = numbers(2)
    fits = found.overfitting.fits
    assert "4; " in _texts(2, found)
    best = fits[9]._replace(validation=0.001)
    changed = found.overfitting._replace(fits=[*fits[:9], best, fits[10]], chosen=best)
    shown = _texts(2, found._replace(overfitting=changed))
    assert "Degree 9 has the lowest validation loss" in shown
    verdicts = [line.split("; ")[-1] for line in shown.splitlines() if line.count("; ") == 3]
    assert verdicts == ["underfits"] * 9 + ["best", "overfits"]


def test_2_the_lowest_point_is_that_of_the_surface() -> None:
    found = numbers(2)
    ws, bs, losses = found.surface
    assert "lowest point at w = 2, b = 0" in _texts(2, found)
    moved = losses.copy()
    moved[0, 0] = -1
    assert "lowest point at w = 0, b = -2" in _texts(2, found._replace(surface=(ws, bs, moved)))


def test_3_the_behavior_of_a_rate_follows_from_its_descent() -> None:
    found = numbers(3)
    for rate, ws, behavior in (
        (0.2, found.descents[0.22], "diverges"),
        (0.22, found.descents[0.01], "converges"),
    ):
        row = f"\n{rate:g}; "
        shown = _texts(3, found._replace(descents={**found.descents, rate: ws}))
        (line,) = [line for line in shown.splitlines() if line.startswith(row.strip() + " ")]
        assert line.endswith(f"; {behavior}")


def test_5_start_minimum_and_rates_are_those_of_the_race() -> None:
    found = numbers(5)
    shown = _texts(5, found)
    assert "9 optimizers from w = -1, b = 3; the minimum is at w = 2, b = 0" in shown
    assert "\nRprop; 0.1; " in shown
    one = {"SGD": linear_regression.race(linear_regression.RACERS["SGD"], start=(0.5, 1.0))}
    assert "1 optimizer from w = 0.5, b = 1;" in _texts(5, found._replace(races=one))


@pytest.mark.parametrize(
    ("w", "b", "statement"),
    [
        (1.0, -2.5, "more likely than failing above 2.50 hours"),
        (-0.05, 1.747, "more likely than failing below 34.94 hours"),
        (0.0, 1.0, "does not depend on the hours"),
    ],
)
def test_6_the_side_on_which_passing_is_likelier_follows_from_w(
    w: float, b: float, statement: str
) -> None:
    found = numbers(6)
    changed = found._replace(training=found.training._replace(w=w, b=b, losses=[0.5]))
    shown = _texts(6, changed)
    assert statement in shown
    assert "Hours of study, 1 epoch, loss" in shown


def test_7_what_has_learned_nothing_and_what_beats_the_baseline_follows_from_the_answers() -> None:
    found = numbers(7)
    course = many_features.SETTINGS[0]
    training = found.trainings[course]

    def shown(answers: torch.Tensor, accuracy: float) -> tuple[bool, bool]:
        changed = training._replace(test_answers=answers, test_accuracy=accuracy)
        lines = _texts(7, found._replace(trainings={course: changed})).splitlines()
        notes = [line for line in lines if line.endswith("sigmoid, SGD, lr = 0.1.")]
        constant = any(line.startswith("The same answer for all 113 test") for line in notes)
        return constant, any(line.startswith("More accurate on the test set") for line in notes)

    ones = torch.ones_like(training.test_answers)
    mixed = ones.clone()
    mixed[0] = False
    on_test = found.baseline[1]
    assert shown(ones, on_test) == (True, False)
    assert shown(mixed, on_test) == (False, False)
    assert shown(mixed, on_test + 0.01) == (False, True)
    assert f"always the more common class; –; –; {percent(found.baseline[0])}" in _texts(7, found)


def test_8_a_final_loss_is_compared_with_that_of_learning_nothing() -> None:
    found = numbers(8)
    for loss, statement in ((0.6486, "Nothing was learned"), (0.5, "the loss is 0.5000, below")):
        changed = found._replace(trainings={"SGD": [loss]}, constant_loss=0.6477)
        shown = _texts(8, changed)
        assert f"SGD: after 1 epoch the loss is {loss:.4f}" in shown
        assert statement in shown
        assert ("Nothing was learned" in shown) == (loss > 0.6)


def test_8_times_say_when_they_were_measured() -> None:
    found = numbers(8)
    measured = datetime(2025, 3, 1, 9, 5, tzinfo=timezone.utc)
    shown = _texts(8, found._replace(measured=measured))
    assert shown.count("at 2025-03-01 09:05 UTC on the machine") == 2
    timings = [
        data_loader.Timing(False, 1, 0, 9.0, 0.6),
        data_loader.Timing(False, 64, 0, 9.0, 0.2),
        data_loader.Timing(True, 32, 0, 9.0, 1.5),
        data_loader.Timing(True, 32, 1, 9.0, 0.75),
    ]
    shown = _texts(8, found._replace(timings=timings))
    assert "An epoch takes 3 times as long with batches of 1 as with batches of 64." in shown
    assert "0.75 s with 1 worker, and 1.5 s without." in shown


def test_10_negative_numbers_are_blue() -> None:
    pytest.importorskip("matplotlib")
    from inkgrad.course.lessons.views.convolution import filters

    digit = numbers(10).image.numpy()
    images = [axes.images[0] for axes in filters(digit, str).axes if axes.images]
    with_negative = [each for each in images if each.get_array().min() < -0.01]
    assert len(with_negative) >= 4  # two kernels for edges, and what they find
    for image in with_negative:
        (red, _, blue, _), (red_below, _, blue_below, _) = image.cmap([1.0, 0.0])
        assert red > blue
        assert blue_below > red_below
        assert image.norm(0.0) == pytest.approx(0.5)


def test_10_the_sum_over_the_channels_is_written_out() -> None:
    shown = _texts(10, numbers(10))
    window = convolution.RGB[:, 1:4, 1:4]
    total = (window * convolution.RGB_KERNEL).sum()
    line = next(line for line in shown.splitlines() if "with 3 channels" in line)
    assert line.endswith(f" = {total:g}")
    assert "conv1 12 × 12, conv2 4 × 4" in shown


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_narrow_picture_fits_a_phone(lesson: int) -> None:
    """Except for graphs and the order of batches, which scroll."""
    pytest.importorskip("matplotlib")
    from inkgrad.course.lessons import plotting

    for picture in LESSONS[lesson].blocks(numbers(lesson), "en"):
        if not isinstance(picture, Plot):
            continue
        axes = picture.draw().axes
        with plotting.narrow():
            figure = picture.draw()
        assert len(figure.axes) >= len(axes), picture.name
        if lesson != 4 and picture.name not in ("graphs", "batches", "network", "losses", "dice"):
            assert figure.get_size_inches()[0] <= 6, picture.name
