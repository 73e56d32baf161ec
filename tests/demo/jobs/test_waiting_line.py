"""People take turns, however many items each of them has."""

from __future__ import annotations

import random
from collections import Counter

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.jobs import waiting_line
from inkgrad_demo.jobs.waiting_line import LineFull, WaitingLine


def line(items: str) -> WaitingLine[str]:
    """For items such as "a1": the first item of the person "a"."""
    line: WaitingLine[str] = WaitingLine()
    for item in items.split():
        line.add(item[0], item)
    return line


def test_people_take_turns() -> None:
    assert line("a1 a2 a3 b1 c1 b2").order() == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_has_something_running_comes_after_who_has_nothing() -> None:
    assert line("a1 a2 b1 c1").order("aab") == ["c1", "b1", "a1", "a2"]


def test_who_had_a_turn_comes_after_who_had_none() -> None:
    waiting = line("a1 a2 a3")
    waiting.take("a1")
    waiting.add("b", "b1")
    assert waiting.order() == ["b1", "a2", "a3"]


def test_items_leave_the_line() -> None:
    waiting = line("a1 b1 a2")
    waiting.remove("a1")
    assert (waiting.order(), len(waiting)) == (["b1", "a2"], 2)
    assert "b1" in waiting
    waiting.take("b1")
    assert "b1" not in waiting


def test_a_full_line_refuses_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_line, "MAX_WAITING", 3)
    monkeypatch.setattr(waiting_line, "MAX_WAITING_OF_PERSON", 2)
    waiting = line("a1 a2")
    with pytest.raises(LineFull, match="you already have 2 requests in the queue"):
        waiting.add("a", "a3")
    waiting.add("b", "b1")
    with pytest.raises(LineFull, match="3 requests are already queued"):
        waiting.add("c", "c1")
    assert waiting.order() == ["a1", "b1", "a2"]


def test_nobody_waits_longer_than_a_turn_of_everybody_else(monkeypatch) -> None:
    monkeypatch.setattr(waiting_line, "MAX_WAITING_OF_PERSON", 1000)
    monkeypatch.setattr(waiting_line, "_MAX_PEOPLE", 100)
    chance = random.Random(0)
    waiting = line("")
    turns: Counter[str] = Counter()
    for number in range(60):
        person = chance.choice("aaaaaabbbcde")
        waiting.add(person, f"{person}{number}")
    for _ in range(3):
        for person in "abcde":
            if any(item[0] == person for item in waiting.order()):
                turns[person] += 1
        for _ in range(len({item[0] for item in waiting.order()})):
            item = waiting.order()[0]
            turns[item[0]] -= 1
            waiting.take(item)
        assert set(turns.values()) == {0}
