"""A chart in Chromium: zoom by pointer, keyboard and buttons, and its logarithmic axis."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("gradio")

pytestmark = pytest.mark.browser

SETTINGS = "model=softmax&data=digits&epochs=2&augment=0"
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def page(open_page: Any) -> Any:
    """A run of two epochs has ended: its loss is on the chart."""
    page = open_page(query=f"?tab=train&{SETTINGS}", ready="#train-start", **DESKTOP)
    page.locator("#train-start").click()
    page.wait_for_function("!document.querySelector('.train .result').hidden", timeout=60_000)
    return page


def _tool(page: Any, name: str) -> Any:
    return page.locator(f"#train-loss .tools .{name}")


def _last_epoch(page: Any) -> float:
    """The read-out one step from the right end: a fiftieth of the range before it."""
    page.mouse.move(0, 0)
    canvas = page.locator("#train-loss canvas")
    canvas.blur()
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    head = page.locator("#train-loss .readout div").first.inner_text()
    found = re.fullmatch(r"epoch (\d\.\d\d)", head)
    assert found is not None, head
    return float(found[1])


def _drag(page: Any, start: float, end: float) -> None:
    """Over a part of the chart, in shares of the canvas."""
    box = page.locator("#train-loss canvas").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], middle, steps=4)
    page.mouse.up()


def test_buttons_zoom_and_show_everything_again(page) -> None:
    assert _last_epoch(page) == 1.96
    assert _tool(page, "zoom_reset").is_disabled()
    _tool(page, "zoom_in").click()
    assert _last_epoch(page) == 1.48  # from 0.5 to 1.5
    _tool(page, "zoom_out").click()
    assert _tool(page, "zoom_reset").is_disabled()
    _tool(page, "zoom_in").click()
    _tool(page, "zoom_in").click()
    _tool(page, "zoom_reset").click()
    assert _last_epoch(page) == 1.96


def test_keys_zoom_about_the_read_out_and_move(page) -> None:
    assert _last_epoch(page) == 1.96
    page.keyboard.press("+")  # from 0.98 to 1.98
    assert _last_epoch(page) == 1.96
    page.keyboard.press("Shift+ArrowLeft")
    assert _last_epoch(page) == 1.76
    page.keyboard.press("0")
    assert _tool(page, "zoom_reset").is_disabled()


def test_dragging_zooms_and_a_double_click_shows_everything(page) -> None:
    _drag(page, 0.4, 0.6)
    assert _tool(page, "zoom_reset").is_enabled()
    assert 0.9 < _last_epoch(page) < 1.3
    page.locator("#train-loss canvas").dblclick()
    assert _last_epoch(page) == 1.96


def test_a_click_does_not_zoom(page) -> None:
    page.locator("#train-loss canvas").click()
    assert _tool(page, "zoom_reset").is_disabled()


def test_pinching_on_a_trackpad_zooms_and_the_wheel_alone_does_not(page) -> None:
    page.locator("#train-loss canvas").hover()
    page.mouse.wheel(0, -100)
    assert _tool(page, "zoom_reset").is_disabled()
    page.locator("#train-loss canvas").hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function("!document.querySelector('#train-loss .zoom_reset').disabled")


def test_the_axis_becomes_logarithmic(page) -> None:
    def picture() -> str:
        page.mouse.move(0, 0)
        return page.locator("#train-loss canvas").evaluate("canvas => canvas.toDataURL()")

    before = picture()
    _tool(page, "log").click()
    assert _tool(page, "log").get_attribute("aria-pressed") == "true"
    assert picture() != before
    _tool(page, "log").click()
    assert picture() == before
