"""The data sets as the pages name them."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from inkgrad.course.data import datasets as data
from inkgrad.course.data import own_digits
from inkgrad_demo.services.data_choices import DATA_NAMES


def test_the_courses_data_has_a_name_in_the_language_of_the_page() -> None:
    drawings = own_digits.drawn([(bytes(28 * 28), 1)])
    known = (data.digits(), data.hours_of_study(), data.breast_cancer(), drawings)
    assert {one.name for one in known} | {"MNIST", "diabetes"} == set(DATA_NAMES)
