"""Signals that end a program: handled alike, and kept from child processes.

Ctrl-C reaches every process of a terminal.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def not_for_children() -> Iterator[None]:
    """Make the processes that this thread starts in the block ignore Ctrl-C.

    The block runs with SIGINT blocked in this thread, and child processes inherit that. Windows
    cannot block signals: there the children receive Ctrl-C, too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting the first process would do this, and unblock the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def handled_by(handler: Handler) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP call ``handler`` in the block. Main thread only.

    An ignored SIGHUP, as under nohup, stays ignored.
    """
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if number == signal.SIGINT or before[number] != signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
