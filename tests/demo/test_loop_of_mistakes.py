"""From a mistake of a model to a better model, with the mouse alone: Compare, Draw, Train."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("gradio")
expect = pytest.importorskip("playwright.sync_api").expect

pytestmark = pytest.mark.browser

QUICK = "?tab=train&model=softmax&data=digits&epochs=1&augment=0&one_cycle=0&seed=3"


def _train(page: Any) -> None:
    page.locator("#train-start").click()
    expect(page.locator("#train-phase")).to_have_text("Finished", timeout=60_000)
    expect(page.locator(".train .result")).to_be_visible()


def test_a_mistake_is_opened_labeled_learned_from_and_compared(open_page: Any) -> None:
    page = open_page(
        query=QUICK, ready="#train-start", viewport={"width": 1280, "height": 800}, locale="en-US"
    )
    _train(page)
    run = re.search(r"run=([\w-]+)", page.url).group(1)

    page.get_by_role("tab", name="Compare", exact=True).click()
    cell = page.locator("#compare-confusion .wrong button").first
    label, prediction = re.match(
        r"(\d) recognized as (\d)", cell.get_attribute("aria-label")
    ).groups()
    cell.click()
    image = page.get_by_role("button", name="Image 1", exact=True)
    expect(image).to_be_in_viewport()
    image.click()
    page.get_by_role("button", name="Open in Draw").click()

    expect(page.locator(f"input[name=draw-model][value='{run}']")).to_be_checked()
    origin = page.locator("#draw-origin")
    expect(origin).to_contain_text(f"labeled {label};")
    expect(origin).to_contain_text(f"recognized it as {prediction}.")
    page.wait_for_function(  # the image reaches the model unchanged, so it makes the same mistake
        """prediction => {
            const shares = [...document.querySelectorAll("#draw-bars li")].map((bar) =>
                Number(bar.style.getPropertyValue("--share")));
            return shares.some(Boolean) && shares.indexOf(Math.max(...shares)) === prediction;
        }""",
        arg=int(prediction),
    )
    expect(page.locator("#draw-saliency")).to_be_visible()
    origin.get_by_role("button", name=f"Add to my drawings as {label}").click()
    expect(page.locator("#draw-own-drawings .kept")).to_contain_text(f"{label}×1")
    origin.get_by_role("button", name="Train with my 1 drawing").click()

    mixed = page.get_by_role("checkbox", name=re.compile("my 1 drawing"))
    expect(mixed).to_be_checked()
    expect(page.locator("#train-model")).to_have_value("softmax")
    expect(page.locator("#train-seed")).to_have_value("3")
    _train(page)
    compare = page.get_by_role("button", name="Compare with the run before")
    expect(compare).to_be_visible(timeout=60_000)
    page.reload()
    compare.click()
    expect(page.locator("#compare-confusion table")).to_have_count(2)
    expect(page.locator(f"#compare-list input[value='{run}']")).to_be_checked()
