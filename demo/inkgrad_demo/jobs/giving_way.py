"""Trainings give way to drawings, which people wait for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MAX_SECONDS = 0.05
"""A step of a training waits no longer: it goes on also while drawings arrive all the time."""
_NICENESS = 19

_lock = threading.Lock()
_answering = 0
_idle = threading.Event()
_idle.set()
_thread = threading.local()


@contextmanager
def first() -> Iterator[None]:
    """In this block, trainings wait."""
    global _answering
    with _lock:
        _answering += 1
        _idle.clear()
    try:
        yield
    finally:
        with _lock:
            _answering -= 1
            if _answering == 0:
                _idle.set()


def give_way() -> None:
    """Wait while something else comes first; called by a training's thread after each step."""
    if not getattr(_thread, "is_nice", False):
        _thread.is_nice = True
        _lower_priority()
    _idle.wait(MAX_SECONDS)


def _lower_priority() -> None:
    """Lower the priority of this thread. Only Linux has one for each thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
