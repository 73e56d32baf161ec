"""Keeping Ctrl-C, which reaches every process of a terminal, from child processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


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
