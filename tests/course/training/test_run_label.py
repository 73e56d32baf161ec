"""Names and notes of runs: what is refused, and that they outlast the program that trains."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inkgrad.course.training import run_label
from inkgrad.course.training.run_label import MAX_NAME, MAX_NOTE, RunLabel
from inkgrad.course.training.run_record import RunError, RunRecord
from inkgrad.course.training.run_store import RunStore
from saved_runs import record

RUN = record(1)
NAMED = RunLabel("Group 3 · 第三组 👩‍🔬", "line one\nline two")


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    store.save(RUN)
    return store


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ({"name": "a" * (MAX_NAME + 1)}, "name: expected at most 80 characters, got 81"),
        ({"note": "a" * (MAX_NOTE + 1)}, "note: expected at most 1000 characters, got 1001"),
        ({"name": "two\nlines"}, "name: expected text without control characters"),
        ({"name": "bell\x07"}, "name: .* control characters"),
        ({"note": "nul\x00"}, "note: .* control characters"),
        ({"name": "half \ud83d"}, "name: .* control characters"),
        ({"name": "turned \u202e"}, "name: .* control characters"),
        ({"note": "one\u2029two"}, "note: .* control characters"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:12],
)
def test_what_cannot_be_shown_is_refused(label: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        RunLabel(**label)
    with pytest.raises(RunError, match=r"(name|note): "):
        RunRecord.from_json(RUN.to_json() | label)


def test_spaces_around_it_are_left_out() -> None:
    assert RunLabel("  a b ", "\r\none\r\ntwo\n") == RunLabel("a b", "one\ntwo")


def test_a_name_stays_while_another_program_saves_the_run(store: RunStore) -> None:
    store.set_label(RUN.id, NAMED)
    store.save(replace(RUN, seconds=7.0))  # by a program that does not know the name
    loaded = RunStore(store.folder).load(RUN.id)
    assert (loaded.name, loaded.note, loaded.seconds) == (NAMED.name, NAMED.note, 7.0)
    assert loaded.to_json()["name"] == NAMED.name
    store.set_label(RUN.id, RunLabel())
    assert store.load(RUN.id).name == ""


def test_the_list_has_the_new_name(store: RunStore) -> None:
    other = RunStore(store.folder)
    assert [each.name for each in other.summaries()[0]] == [""]
    store.set_label(RUN.id, NAMED)
    assert [(each.name, each.note) for each in other.summaries()[0]] == [(NAMED.name, NAMED.note)]


def test_only_a_run_gets_a_name(store: RunStore) -> None:
    with pytest.raises(RunError, match="no run"):
        store.set_label(record(2).id, NAMED)
    assert not store.path(record(2).id).exists()


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"name": "\x00"}), "{}" + " " * 20_000])
def test_a_damaged_label_is_none(store: RunStore, content: str) -> None:
    (store.path(RUN.id) / "label.json").write_text(content)
    assert run_label.load(store.path(RUN.id)) is None
    assert store.load(RUN.id) == RUN
