"""Where the figures of a program go: from matplotlib_backend.py to the worker.

Apart from both, because the one imports matplotlib and the other does not.
"""

from __future__ import annotations

from collections.abc import Callable


def _drop(png: bytes) -> None:
    pass


receive: Callable[[bytes], None] = _drop
