"""Back and Forward in Chromium: tabs, runs and lessons that were opened, each one step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.training.run_record import now
from saved_runs import record

pytestmark = pytest.mark.browser

RUN = record(1, lr=0.25)


def _open_tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_function("name => location.search.includes(`tab=${name}`)", arg=name.lower())


def _expect(page: Any, condition: str, **values: Any) -> None:
    page.wait_for_function(condition, **values)


TRAIN_IS_IDLE = "document.querySelector('.train.idle')?.offsetParent"
RUN_IS_OPEN = """document.querySelector('#train-phase')?.textContent === 'Finished'
    && document.querySelector('#train-phase').offsetParent
    && document.querySelector('#train-lr').value === '0.25'"""
LESSON = "number => document.querySelectorAll('.lessons nav a')[number - 1]?.ariaCurrent === 'page'"
COMPARE_IS_OPEN = "document.querySelector('#compare-list')?.offsetParent"


def test_each_step_is_undone_and_redone_once(open_page: Any, store: Any) -> None:
    store.save(RUN)
    page = open_page(query="?tab=lessons&lesson=2", ready="nav a")
    _expect(page, LESSON, arg=2)
    length = page.evaluate("history.length")
    page.locator(".lessons nav a").nth(2).click()
    _expect(page, LESSON, arg=3)
    _open_tab(page, "Train")
    _expect(page, TRAIN_IS_IDLE)
    _open_tab(page, "Train")  # which is open: no step
    _open_tab(page, "Compare")
    page.locator(f"tr:has([value='{RUN.id}'])").get_by_role("button", name="Open").click()
    _expect(page, RUN_IS_OPEN)
    assert page.evaluate("history.length") == length + 4

    page.go_back()
    _expect(page, COMPARE_IS_OPEN)
    page.go_back()
    _expect(page, TRAIN_IS_IDLE)
    page.go_back()
    _expect(page, LESSON, arg=3)
    page.go_back()
    _expect(page, LESSON, arg=2)
    for _ in range(4):
        page.go_forward()
    _expect(page, RUN_IS_OPEN)
    page.reload()
    _expect(page, RUN_IS_OPEN)


def test_a_run_opened_on_the_train_page_is_left_by_back(open_page: Any, store: Any) -> None:
    store.save(replace(RUN, created=now()))  # the page lists the latest runs
    page = open_page(query="?tab=train&lr=0.5&model=softmax", ready="#train-earlier .open")
    page.locator("#train-earlier .open", has_text="made up").first.click()
    _expect(page, "document.querySelector('#train-phase').textContent === 'Finished'")
    _expect(page, "document.querySelector('#train-lr').value !== '0.5'")
    page.go_back()
    _expect(page, TRAIN_IS_IDLE)
    assert page.locator("#train-lr").input_value() == "0.5"
    page.go_forward()
    _expect(page, "document.querySelector('#train-phase').textContent === 'Finished'")
