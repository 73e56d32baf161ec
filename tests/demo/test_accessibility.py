"""Every page, and every lesson with its widget and program, under the rules of axe-core."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.lessons import LESSONS
from inkgrad_demo.app import PAGES
from saved_runs import record

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("short_lessons")]

# Gradio's own footer is left out: its images repeat the words beside them.
_EXAMINE = """async () => {
    const { violations } = await axe.run(
        { exclude: ["footer:has(.settings)"] },
        { resultTypes: ["violations"] },
    );
    return violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}"""

# Elements to wait for before a page is examined; until then it is incomplete.
_READY = {
    "lessons": ".widget[aria-busy='false'] .runs tbody",
    "train": "#train-earlier li",
    "compare": ".compare .confusion",
    "kernels": ".kernels canvas",
}

# Colors that are still changing are not those to examine.
_STILL = "!document.getAnimations().some((each) => each instanceof CSSTransition)"


@pytest.mark.parametrize(
    ("language", "theme"), [("en", "light"), ("zh-CN", "dark")], ids=lambda value: value
)
def test_no_page_violates_a_rule(
    open_page: Any, axe: str, store: Any, language: str, theme: str
) -> None:
    store.save(record(1))  # pages with a run have more to examine
    page = open_page(
        query="?lesson=7",
        locale=language,
        color_scheme=theme,
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    page.evaluate(axe)
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    tabs = page.get_by_role("tab")
    for number, each in enumerate(PAGES):
        tabs.nth(number).click()
        page.wait_for_selector(f".ink.{each.NAME}:not([inert])")
        if each.NAME in _READY:
            page.wait_for_selector(_READY[each.NAME], state="attached")
        page.wait_for_function(_STILL)
        assert page.evaluate(_EXAMINE) == [], each.NAME


@pytest.mark.parametrize(
    ("first", "language", "theme"),
    [(1, "en", "dark"), (2, "zh-CN", "light")],  # every second lesson: each takes a second
    ids=lambda value: value if isinstance(value, str) else f"from-{value}",
)
def test_no_lesson_violates_a_rule(
    open_page: Any, axe: str, first: int, language: str, theme: str
) -> None:
    page = open_page(
        query=f"?tab=lessons&lesson={first}",
        locale=language,
        color_scheme=theme,
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    page.evaluate(axe)
    for number in range(first, len(LESSONS) + 1, 2):
        page.locator("nav a").nth(number - 1).click()
        title = LESSONS[number].title(language)
        page.locator(".lessons article h2", has_text=title).wait_for()
        page.wait_for_selector(".widget[aria-busy='false']", state="attached")
        for details in page.locator(".lessons article details:not([open])").all():
            details.evaluate("each => each.open = true")
        page.wait_for_function(_STILL)
        assert page.evaluate(_EXAMINE) == [], number
