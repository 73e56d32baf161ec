"""Measure the app's latencies in headless Chromium: ``python -m inkgrad_bench.app_latency``.

Four things users wait for: opening the app, recognizing a drawing (alone and while a model trains),
seeing a training step on the curve, and stopping a run. Server and browser run on one machine and
read the same clock. Needs Playwright (pip install 'inkgrad[browser]') and Chromium; takes one to
two minutes on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inkgrad.course.files import write_atomically
from inkgrad_bench import browser, environment

_HERE = Path(__file__).parent
# Visible once the Draw page has its first answer.
_READY = ".film .layer"
_MILLISECONDS_OF_REST = 2000  # until a page that was opened has loaded the rest in the background
# The largest acceptable median, in milliseconds; in kilobytes for the size of a load.
TARGETS = {
    "cold load": 1500,
    "cold load, kB": 500,
    "a drawing": 60,
    "a drawing while a model trains": 60,
    "from a step's end to its point on the curve": 60,
    "from pressing stop to the last step": 50,
}


class Server:
    """The app in its own process, which reports when the steps of a run ended."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "inkgrad_bench.app_latency_server", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._line()

    def ends_of_steps(self) -> list[float]:
        """The end times of the steps of the next run to finish."""
        ends: list[float] = json.loads(self._line())
        return ends

    def close(self) -> None:
        self._process.communicate("", timeout=60)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the app ended unexpectedly; its output is above")
        return line.strip()


class Client:
    """Opens pages of the app, each in a new browser profile."""

    def __init__(self, chromium: Any, address: str) -> None:
        self._chromium = chromium
        self._address = address
        self._script = (_HERE / "app_latency_page.js").read_text(encoding="utf-8")

    def open(self, query: str = "", ready: str = _READY) -> Any:
        context = self._chromium.new_context(
            viewport={"width": 1280, "height": 860}, locale="en-GB"
        )
        context.add_init_script(self._script)
        page = context.new_page()
        page.goto(f"{self._address}?{query}")
        page.wait_for_selector(ready)
        return page

    def open_training(self, model: str) -> Any:
        ready = "#train-start:not([disabled])"
        page = self.open(f"tab=train&model={model}&epochs=200", ready)
        page.wait_for_timeout(_MILLISECONDS_OF_REST)
        return page


def measure(client: Client, server: Server, model: str, repeats: int) -> dict[str, list[float]]:
    """Return every sample of every figure."""
    found = _loads(client, repeats)
    pad = client.open()
    pad.wait_for_timeout(_MILLISECONDS_OF_REST)
    found["a drawing"] = _drawings(pad, repeats)
    page = client.open_training(model)
    _start(page)
    found["a drawing while a model trains"] = _drawings(pad, repeats)
    pad.context.close()
    page.locator("#train-stop").click()
    server.ends_of_steps()
    page.wait_for_timeout(1000)
    found["from a step's end to its point on the curve"] = _lags(page, server, repeats)
    return found | _stops(page, server, repeats)


def _loads(client: Client, repeats: int) -> dict[str, list[float]]:
    seconds, sizes = [], []
    for _ in range(max(1, repeats // 4)):
        start = time.perf_counter()
        page = client.open()
        seconds.append(1000 * (time.perf_counter() - start))
        sizes.append(
            page.evaluate(
                "[...performance.getEntriesByType('resource'),"
                " ...performance.getEntriesByType('navigation')]"
                ".reduce((sum, entry) => sum + entry.transferSize, 0)"
            )
            / 1000
        )
        page.context.close()
    return {"cold load": seconds, "cold load, kB": sizes}


def _drawings(page: Any, repeats: int) -> list[float]:
    """How long the answers take while a 1 is drawn ``repeats`` times."""
    page.bring_to_front()
    page.evaluate("performance.clearResourceTimings()")
    page.evaluate("performance.setResourceTimingBufferSize(1e5)")
    box = page.locator("#draw-pad").bounding_box()
    for _ in range(repeats):
        page.locator("#draw-clear").click()
        across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 5
        page.mouse.move(across, down)
        page.mouse.down()
        for part in range(20):
            page.mouse.move(across, down + box["height"] * 0.03 * part)
            page.wait_for_timeout(16)
        page.mouse.up()
        page.wait_for_timeout(100)
    durations: list[float] = page.evaluate(
        "performance.getEntriesByType('resource')"
        ".filter(({ name }) => name.includes('component_server')).map(({ duration }) => duration)"
    )
    return durations


def _start(page: Any) -> None:
    page.bring_to_front()
    page.evaluate("for (const list of Object.values(measured)) list.length = 0")
    page.locator("#train-start").click()
    page.wait_for_selector('#train-phase[data-phase="training"]', timeout=60_000)


def _lags(page: Any, server: Server, repeats: int) -> list[float]:
    """The age of every point, not only the newest, when it was drawn."""
    _start(page)
    page.wait_for_timeout(1000 * repeats)
    drawings = page.evaluate("measured.drawings")
    page.locator("#train-stop").click()
    ends = server.ends_of_steps()
    page.wait_for_timeout(1000)
    # An answer from 0 repeats all points, after the curve was thinned out.
    later = (drawing for drawing in drawings if drawing["from"] > 0)
    return [d["drawn"] - ends[step - 1] for d in later for step in d["steps"]]


def _stops(page: Any, server: Server, repeats: int) -> dict[str, list[float]]:
    last, shown = [], []
    for number in range(repeats):
        _start(page)
        page.wait_for_timeout(1000 + 37 * number)  # at different moments between two requests
        page.locator("#train-stop").click()
        ends = server.ends_of_steps()
        page.wait_for_timeout(500)
        pressed = page.evaluate("measured.presses[0]")
        last.append(ends[-1] - pressed)
        shown.append(page.evaluate("measured.stopped[0]") - pressed)
    return {
        "from pressing stop to the last step": last,
        "from pressing stop to its display": shown,
    }


def summarize(samples: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile, maximum and number of samples."""
    ordered = sorted(samples)
    return {
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "max": ordered[-1],
        "samples": len(ordered),
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """One line per figure."""
    lines = [f"{'milliseconds':<44}{'median':>8}{'p95':>8}{'max':>8}{'samples':>9}{'target':>9}"]
    for name, figure in figures.items():
        numbers = "".join(f"{figure[key]:>8.1f}" for key in ("median", "p95", "max"))
        lines.append(f"{name:<44}{numbers}{figure['samples']:>9}{TARGETS.get(name, ''):>9}")
    return "\n".join(lines)


@contextmanager
def headless_chromium() -> Iterator[Any]:
    """A headless browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = browser.executable(playwright)
        if path is None:
            sys.exit("no Chromium found: install it, or run: playwright install chromium")
        chromium = playwright.chromium.launch(executable_path=path, args=browser.FLAGS)
        try:
            yield chromium
        finally:
            chromium.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m inkgrad_bench.app_latency", description=__doc__
    )
    parser.add_argument("--model", default="cnn", help="the model that trains (default: cnn)")
    parser.add_argument(
        "--repeats", type=int, default=20, help="drawings and stops to measure (default: 20)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    args = parser.parse_args(arguments)

    # The browser first, so that a missing one is reported at once.
    with headless_chromium() as chromium, closing(Server()) as server:
        found = measure(Client(chromium, server.address), server, args.model, args.repeats)
    figures = {name: summarize(samples) for name, samples in found.items()}
    print(table(figures))
    if args.json:
        document = {"environment": environment.describe("cpu"), "milliseconds": figures}
        write_atomically(args.json, json.dumps(document, indent=1).encode())


if __name__ == "__main__":
    main()
