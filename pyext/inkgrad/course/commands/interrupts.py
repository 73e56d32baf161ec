"""Ctrl-C reaches every process of a terminal; some should leave it to the one that started them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def not_for_children() -> Iterator[None]:
    """Processes started in this block, by this thread, will not notice Ctrl-C.

    Its signal is blocked for this thread meanwhile, which they inherit.
    """
    resource_tracker.ensure_running()  # which the first start would do, unblocking the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
