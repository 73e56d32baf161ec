"""The error that all readers of data raise."""

from __future__ import annotations


class DataError(ValueError):
    """The data is not as expected; the message names the file, and where in it."""
