"""Downloading a file, with a short timeout where there is no network."""

from __future__ import annotations

import hashlib
import queue
import threading
import urllib.request
from typing import Any

from inkgrad.course.messages import message

# For the name lookup, the connection and the first bytes together.
SECONDS_TO_ANSWER = 4.5


class Unreachable(OSError):
    """The server did not respond in time, or did not send the file."""


def fetch(url: str) -> bytes:
    """Download ``url`` (http, https or file). Unreachable if that fails."""
    with _answer(url) as response:
        try:
            return response.read()
        except OSError as error:
            raise Unreachable(message("problem.unreachable", url=url, error=error)) from error


def check_reachable(url: str) -> None:
    """Raise Unreachable unless the server begins to send ``url`` within five seconds."""
    _answer(url).close()


def sha256(content: bytes) -> str:
    """The SHA-256 digest of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _answer(url: str) -> Any:
    # In a thread, because a name lookup has no timeout; a daemon, so that one that hangs does not
    # keep the program alive.
    outcome: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def open_url() -> None:
        request = urllib.request.Request(url, headers={"User-Agent": "inkgrad"})
        try:
            outcome.put(urllib.request.urlopen(request, timeout=SECONDS_TO_ANSWER))
        except Exception as error:
            outcome.put(error)

    threading.Thread(target=open_url, daemon=True).start()
    try:
        answer = outcome.get(timeout=SECONDS_TO_ANSWER)
    except queue.Empty:
        seconds = f"{SECONDS_TO_ANSWER:g}"
        raise Unreachable(message("problem.no_answer", url=url, seconds=seconds)) from None
    if isinstance(answer, Exception):
        reason = getattr(answer, "reason", answer)
        raise Unreachable(message("problem.unreachable", url=url, error=reason)) from answer
    return answer
