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

# Routes, which could leave other requests unanswered, turn the browser's cache off.
_NO_OTHER_HOSTS = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",)
_STORAGE = "cookies,file_systems,indexeddb,local_storage,service_workers,cache_storage"
_PATIENCE = 60_000  # milliseconds that a busy machine may take


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
        from playwright.sync_api import expect, sync_playwright
    except ModuleNotFoundError:
        _unavailable("Playwright is not installed (pip install 'inkgrad[browser]')")
    expect.set_options(timeout=_PATIENCE)  # the pages' own timeout does not reach it
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


@pytest.fixture(scope="module")
def profiles() -> list[tuple[str, Any]]:
    """Browser profiles that no test uses now, each with its options."""
    return []


@pytest.fixture
def open_page(
    launch: Callable[..., Any], playwright: Any, address: str, profiles: list[tuple[str, Any]]
) -> Iterator[Any]:
    """Opens the app in a clean browser profile: ``open_page(device, flags, script, query, ...)``.

    ``script`` runs in the page before its own; ``query`` is the end of the address, ``ready`` what
    to wait for; what else is given is for Playwright's ``new_context``. A profile that an earlier
    test has left is used again, because its cache holds Gradio's files; its storage is cleared.

    After the test no page may have asked anything of another host, or have complained.
    """
    used: list[tuple[str, Any]] = []
    complaints: list[str] = []

    def watch_hosts(request: Any) -> None:
        url = urlsplit(request.url)
        if url.scheme in ("http", "https", "ws", "wss") and url.hostname != "127.0.0.1":
            complaints.append(f"external request: {request.url}")

    def listen(message: Any) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"console {message.type}: {message.text}")

    def profile(flags: tuple[str, ...], options: dict[str, Any]) -> Any:
        key = repr((flags, sorted(options.items())))
        free = next((each for each in profiles if each[0] == key), None)
        if free is None:
            free = key, launch(*_NO_OTHER_HOSTS, *flags).new_context(**options)
        else:
            profiles.remove(free)
        used.append(free)
        return free[1]

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
        context = profile(flags, options)
        page = context.new_page()
        page.add_init_script(script)
        page.on("request", watch_hosts)
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(f"page error: {error}"))
        page.set_default_timeout(_PATIENCE)
        page.goto(f"{address}/{query}")
        # In a page that its script has mounted.
        page.wait_for_selector(f".ink:not([inert]) {ready}", state="attached")
        return page

    open_one.complaints = complaints  # a test that provokes some takes them out
    yield open_one
    for free in used:
        _clear(free[1], address)
    profiles += used
    assert not complaints


def _clear(context: Any, address: str) -> None:
    """Close the pages of a profile, and forget what they stored."""
    for page in context.pages:
        page.close()
    context.clear_cookies()
    blank = context.new_page()
    session = context.new_cdp_session(blank)
    session.send("Storage.clearDataForOrigin", {"origin": address, "storageTypes": _STORAGE})
    blank.close()


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
