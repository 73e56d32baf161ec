"""Retake the pictures of README and docs from the running app: ``make screenshots``.

Needs Playwright (pip install 'inkgrad[browser]') and Chromium, and takes a few minutes on an idle
machine: the runs are trained and the kernels are timed for the pictures. Window size, language,
colors, drawings, settings and seeds are fixed; times depend on the machine, and the font is Inter
only where it is installed (Debian: fonts-inter).
"""

from __future__ import annotations

import argparse
import io
import math
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from PIL import Image

from inkgrad.course.training.run_store import RunStore
from inkgrad_bench import browser
from inkgrad_demo import app

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1280, 830
MINUTE = 60_000  # milliseconds, for Playwright

# A digit as points in the unit square: two arcs that meet in the middle.
THREE = [
    (0.46 + 0.2 * math.cos(angle), center + 0.19 * math.sin(angle))
    for center, start, end in ((0.32, -0.8, 0.5), (0.69, -0.5, 0.8))
    for angle in (math.pi * (start + (end - start) * i / 24) for i in range(25))
]

# The runs of the Train and Compare pages, in the order in which they are trained.
RUN = {"data": "mnist", "epochs": 3, "seed": 0, "backend": "fused"}
RUNS = (
    {**RUN, "model": "softmax", "lr": 0.01},
    {**RUN, "model": "softmax", "lr": 0.05},
    {**RUN, "model": "cnn"},
)


class Pages:
    """The running app in a browser; its runs are kept only as long as this object."""

    def __init__(self, chromium: Any, address: str) -> None:
        self._chromium = chromium
        self._address = address
        self._trained = False

    def open(self, tab: str, **query: Any) -> Any:
        """Open a page of the app in a new browser profile."""
        context = self._chromium.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            locale="en-US",
            timezone_id="UTC",
            color_scheme="light",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(MINUTE)
        page.goto(f"{self._address}?{urlencode({'tab': tab, **query})}")
        return page

    def train(self) -> None:
        """Train the runs that the pictures show, all but the last one, unless that is done."""
        if not self._trained:
            for settings in RUNS[:-1]:
                start_training(self.open("train", **settings))
        self._trained = True


def start_training(page: Any) -> None:
    """Start the run of the form and wait for its result."""
    page.wait_for_selector("#train-start:not([disabled])")
    page.locator("#train-start").click()
    page.wait_for_selector(".train .result:not([hidden])", timeout=10 * MINUTE)


def draw(page: Any, pad: str) -> None:
    """Draw a three with the mouse."""
    canvas = page.locator(pad)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in THREE]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()
    page.mouse.move(0, 0)
    page.evaluate("scrollTo(0, 0)")


def wait_for_text(page: Any, selector: str, text: str) -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
        arg=[selector, text],
    )


def take_draw(pages: Pages) -> bytes:
    page = pages.open("draw")
    page.wait_for_selector(".film .layer", state="attached")
    draw(page, "#draw-pad")
    wait_for_text(page, "#draw-label", "3")
    page.locator("#draw-race-start").click()
    page.wait_for_function("document.querySelector('#draw-race').textContent")
    return page.screenshot()


def take_lessons(pages: Pages) -> bytes:
    page = pages.open("lessons", lesson=5)
    page.wait_for_function("document.querySelector('.player input')?.max > 0")
    page.locator(".player input").first.evaluate(
        "input => { input.value = input.max;"
        " input.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    box = page.locator(".try").bounding_box()
    page.set_viewport_size({"width": WIDTH, "height": math.ceil(box["y"] + box["height"] + 12)})
    page.wait_for_timeout(500)
    return page.screenshot()


def take_train(pages: Pages) -> bytes:
    pages.train()
    page = pages.open("train", **RUNS[-1])
    page.wait_for_selector("#train-start:not([disabled])")
    draw(page, "#train-pad")
    start_training(page)
    wait_for_text(page, "#train-label", "3")
    page.wait_for_selector("#train-history canvas")
    page.wait_for_timeout(1000)  # for the last answers to be painted
    return page.screenshot(full_page=True)


def take_compare(pages: Pages) -> bytes:
    pages.train()
    page = pages.open("compare")
    page.wait_for_selector("#compare-list tbody tr")
    ticks = page.locator("#compare-list tbody input").all()
    for tick in ticks:
        tick.set_checked(True)
    page.locator("#compare-differences").check()
    page.wait_for_function(
        "count => document.querySelectorAll('#compare-facts th[scope=col]').length === count",
        arg=len(ticks),
    )
    page.wait_for_timeout(1000)  # for the curves to be painted
    box = page.locator(".compare .facts").bounding_box()
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": math.ceil(box["y"] + box["height"] + 12)}
    return page.screenshot(full_page=True, clip=clip)


def take_kernels(pages: Pages) -> bytes:
    page = pages.open("kernels")
    page.wait_for_function("document.querySelector('#kernels-committed')?.textContent")
    page.locator("#kernels-op").select_option("conv2d")
    page.locator("#kernels-bench .start").click()
    page.wait_for_function(
        "document.querySelectorAll('#kernels-rows tbody tr').length === 2", timeout=10 * MINUTE
    )
    wait_for_text(page, "#kernels-bench .status", "Done")
    page.wait_for_timeout(500)
    return page.locator(".kernels .fast").screenshot()


# The picture of a page, by its file's name. Compare shows the run that Train has trained.
PICTURES: dict[str, Callable[[Pages], bytes]] = {
    "draw.webp": take_draw,
    "lessons.webp": take_lessons,
    "train.webp": take_train,
    "compare.webp": take_compare,
    "kernels.webp": take_kernels,
}


def save(name: str, picture: bytes) -> None:
    """Write a screenshot in half the space of its PNG, without loss."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.save(IMAGES / name, lossless=True, method=6)
    print(f"Wrote {IMAGES / name} ({image.width} x {image.height})", flush=True)


@contextmanager
def running_app() -> Iterator[Pages]:
    """The app with an empty run store, and Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        path = browser.executable(playwright)
        if path is None:
            sys.exit("no Chromium found: install it, or run: playwright install chromium")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        blocks = app.build(RunStore(Path(folder)), allow_code=True)
        chromium = playwright.chromium.launch(executable_path=path, args=browser.FLAGS)
        try:
            yield Pages(chromium, app.serve(blocks, "127.0.0.1", port))
        finally:
            chromium.close()
            blocks.close(verbose=False)


def main() -> None:
    """Take the pictures that were asked for, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="PICTURE", help=", ".join(PICTURES))
    args = parser.parse_args()
    unknown = set(args.names) - set(PICTURES)
    if unknown:
        parser.error(f"PICTURE: expected some of {', '.join(PICTURES)}, got {min(unknown)}")
    with running_app() as pages:
        for name in args.names or PICTURES:
            save(name, PICTURES[name](pages))


if __name__ == "__main__":
    main()
