"""The app served once for all tests, and Chromium to look at it with.

Without Playwright or Chromium the browser tests skip; with INKGRAD_REQUIRE_BROWSER=1 they fail.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from inkgrad.course.data import download
from inkgrad.course.lessons import Lesson
from inkgrad_bench import browser
from lesson_runs import numbers, short_options


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    def find() -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            return server.getsockname()[1]

    return find


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Where the app keeps its runs."""
    from inkgrad.course.training.run_store import RunStore

    return RunStore(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def address(free_port: Callable[[], int], store: Any) -> Iterator[str]:
    """Where the app is served."""
    from inkgrad_demo import app

    blocks = app.build(store, allow_code=True)
    yield app.serve(blocks, "127.0.0.1", free_port()).rstrip("/")
    blocks.close(verbose=False)


# Not for the session: it keeps an event loop running in this thread while it lasts.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _unavailable("Playwright is not installed (pip install 'inkgrad[browser]')")
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def launch(playwright: Any) -> Iterator[Callable[..., Any]]:
    """Starts Chromium, once for each set of further flags."""
    path = browser.executable(playwright)
    if path is None:
        _unavailable("no Chromium: install it, or run: playwright install chromium")
    browsers: dict[tuple[str, ...], Any] = {}

    def start(*flags: str) -> Any:
        if flags not in browsers:
            browsers[flags] = playwright.chromium.launch(
                executable_path=path, args=[*browser.FLAGS, *flags]
            )
        return browsers[flags]

    yield start
    for started in browsers.values():
        started.close()


@pytest.fixture
def open_page(launch: Callable[..., Any], playwright: Any, address: str) -> Iterator[Any]:
    """Opens the app in a new browser profile: ``open_page(device, flags, script, query, ...)``.

    ``script`` runs in the page before its own; ``query`` is the end of the address, ``ready`` what
    to wait for; what else is given is for Playwright's ``new_context``.

    After the test no page may have asked anything of another host, or have complained.
    """
    contexts: list[Any] = []
    complaints: list[str] = []

    def leave_others_unanswered(route: Any) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            complaints.append(f"external request: {route.request.url}")

    def listen(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console {message.type}: {message.text}")

    def open_one(
        device: str | None = None,
        flags: tuple[str, ...] = (),
        script: str = "",
        query: str = "",
        ready: str = ".film .layer",  # the first answer is there: the film has its layers
        **options: Any,
    ) -> Any:
        if device is not None:
            options = {**playwright.devices[device], **options}
        context = launch(*flags).new_context(**options)
        contexts.append(context)
        context.route("**/*", leave_others_unanswered)
        context.add_init_script(script)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
        page.set_default_timeout(20_000)
        page.goto(f"{address}/{query}")
        # In a page that its script has mounted.
        page.wait_for_selector(f".ink:not([inert]) {ready}", state="attached")
        return page

    open_one.complaints = complaints  # a test that provokes some takes them out
    yield open_one
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which examines a page's accessibility."""
    try:
        from axe_playwright_python.base import AXE_FILE_PATH
    except ModuleNotFoundError:
        _unavailable("axe-playwright-python is not installed (pip install 'inkgrad[browser]')")
    return AXE_FILE_PATH.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def short_lessons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Lessons run shortly, on stand-ins for the data that would be downloaded."""

    def no_network(*_: Any) -> None:
        raise download.Unreachable("no network in tests")

    def run(lesson: Lesson, **more: Any) -> Any:
        if more:
            return lesson.module.run(**short_options(lesson) | more)
        return numbers(lesson.number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INKGRAD_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setattr(download, "fetch", no_network)
        patch.setattr(download, "check_reachable", no_network)
        patch.setattr(Lesson, "run", run)
        yield


def _unavailable(why: str) -> None:
    if os.environ.get("INKGRAD_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{why}, and INKGRAD_REQUIRE_BROWSER is 1")
    pytest.skip(why)
