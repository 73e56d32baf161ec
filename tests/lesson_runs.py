"""A short run of each lesson, computed once for all tests."""

from __future__ import annotations

from functools import cache
from typing import Any

from inkgrad.course.lessons import LESSONS

_SHORT = {"epochs": 2, "workers": (0,)}


@cache
def numbers(lesson: int) -> Any:
    """What the lesson's ``run`` gives; on stand-ins, where the tests' data folder is empty."""
    taken = LESSONS[lesson].options()
    return LESSONS[lesson].run(**{name: value for name, value in _SHORT.items() if name in taken})
