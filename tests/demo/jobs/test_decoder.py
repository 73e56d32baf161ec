"""Files of visitors are decoded elsewhere; one that takes too much ends with a message."""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import DataError
from inkgrad.course.data.tables import TableOptions
from inkgrad.course.messages import Message, message_of
from inkgrad_demo.jobs import decoder

TABLE = b"a,b,y\n1,2,0\n3,4,1\n5,,1\n7,8,0\n9,9,1\n"


def decode(content: bytes = TABLE, **options: Any) -> decoder.Decoded:
    return decoder.decode(content, "mine.csv", TableOptions(**options))


def test_a_table_comes_back_with_what_was_understood() -> None:
    found = decode(missing="fill")
    assert len(found.data.train) + len(found.data.test) == 5
    assert found.data.schema is not None
    assert found.facts is not None
    assert found.facts.lines[-1].texts["zh-CN"].startswith("填补 1 行")


def test_an_error_comes_back_in_every_language() -> None:
    with pytest.raises(DataError, match=r"mine\.csv, row 2, column 1 \(a\)") as raised:
        decode(b"a,b,y\nx,2,0\n3,4,1\n5,6,0\n")
    assert isinstance(message_of(raised.value), Message)


def endless(*_: Any) -> None:
    time.sleep(600)


def greedy(*_: Any) -> None:
    bytes(4 * 2**30)


def gone(*_: Any) -> None:
    os._exit(9)


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (endless, "mine.csv: reading it takes more than 1 second"),
        (greedy, "mine.csv: reading it takes too much memory"),
        (gone, "mine.csv: reading it takes too much memory"),
    ],
    ids=["time", "memory", "killed"],
)
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_limits(monkeypatch: pytest.MonkeyPatch, work: Any, error: str) -> None:
    # Forked from here, so that the replaced functions are in the process.
    monkeypatch.setattr(decoder, "_context", lambda: multiprocessing.get_context("fork"))
    monkeypatch.setattr(decoder, "decoded", work)
    if work is endless:
        monkeypatch.setattr(decoder, "MAX_SECONDS", 1)
    with pytest.raises(DataError, match=error):
        decode()
    assert decoder._free._value == decoder._MAX_DECODERS


def test_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_MAX_SECONDS_WAITING", 0.01)
    for _ in range(decoder._MAX_DECODERS):
        decoder._free.acquire()
    try:
        with pytest.raises(DataError, match="too many files are being read"):
            decode()
    finally:
        decoder._free.release(decoder._MAX_DECODERS)
