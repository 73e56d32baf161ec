"""Trainings wait while a drawing is answered, though not for ever."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.jobs import giving_way


def _in_thread(act) -> None:
    thread = threading.Thread(target=act)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_a_training_waits_until_all_drawings_are_answered(monkeypatch) -> None:
    monkeypatch.setattr(giving_way, "MAX_SECONDS", 60)
    went_on = threading.Event()

    def train() -> None:
        giving_way.give_way()
        went_on.set()

    thread = threading.Thread(target=train)
    with giving_way.first():
        with giving_way.first():
            thread.start()
        assert not went_on.wait(0.05)
    thread.join(60)
    assert went_on.is_set()


def test_it_goes_on_while_drawings_arrive_all_the_time(monkeypatch) -> None:
    monkeypatch.setattr(giving_way, "MAX_SECONDS", 0.01)
    with giving_way.first():
        _in_thread(giving_way.give_way)


def test_an_answer_that_fails_holds_up_nothing(monkeypatch) -> None:
    monkeypatch.setattr(giving_way, "MAX_SECONDS", 60)
    with pytest.raises(KeyError), giving_way.first():
        raise KeyError
    start = time.monotonic()
    _in_thread(giving_way.give_way)
    assert time.monotonic() - start < 59


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_only_the_thread_of_a_training_has_a_low_priority() -> None:
    found: list[int] = []

    def train() -> None:
        giving_way.give_way()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    _in_thread(train)
    assert found == [19]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
