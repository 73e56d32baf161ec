"""Find and start Chromium, for the app's latency benchmark and its tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable(playwright: Any) -> str | None:
    """The installed Chromium or Chrome, else the one Playwright downloaded; None without either."""
    named = (shutil.which(name) for name in _NAMES)
    downloaded = playwright.chromium.executable_path
    return next(filter(None, named), downloaded if Path(downloaded).exists() else None)
