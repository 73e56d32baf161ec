"""Widgets on the short results of their lessons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Asks the widget of the lesson that the test file is named for."""
    from inkgrad_demo import widgets

    lesson = request.path.stem.removeprefix("test_")

    def play(values: dict[str, Any], results: Any = None) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name != "about"}
        return widgets.answer(lesson, values.get("about"), rest, results)

    return play
