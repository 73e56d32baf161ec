"""The error that all readers of data raise."""

from __future__ import annotations


class DataError(ValueError):
    """The data is not as expected; the message names the file, and where in it."""


class UndecidedError(DataError):
    """A table does not show how it is to be read. ``option``, of the options of tables, decides it;
    ``value`` is one with which it can be read.
    """

    def __init__(self, text: str, option: str, value: str) -> None:
        super().__init__(text)
        self.option = option
        self.value = value
