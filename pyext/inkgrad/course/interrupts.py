"""Keeping Ctrl-C, which reaches every process of a terminal, from child processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def not_for_children() -> Iterator[None]:
    """Processes that this thread starts in the block ignore Ctrl-C.

    Its signal is blocked in this thread meanwhile, which they inherit. On Windows, where signals
    cannot be blocked, they get it.
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
