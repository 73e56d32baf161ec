"""Runs are saved, loaded and deleted; a damaged one is reported and does not affect others."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inkgrad.course.settings import course_settings
from inkgrad.course.training.run_record import LrChange, Point, RunError, RunRecord, now
from inkgrad.course.training.run_store import RunStore, default_folder
from inkgrad.course.training.steps import Evaluation
from inkgrad.course.training.trainer import Epoch


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def record(store: RunStore, created: str | None = None) -> RunRecord:
    return RunRecord(
        id=store.new_id("cnn"),
        created=created or now(),
        data="MNIST",
        examples=55_000,
        settings=course_settings("cnn", lr=0.02, optimizer="adam"),
        state="finished",
        curve=(Point(4, 0.5, 0.25, 2.3), Point(8, 1.0, 0.5, 1.9)),
        epochs=(Epoch(1, 2.1, 1.8, 0.7, 0.5),),
        lr_changes=(LrChange(5, 0.001),),
        seconds=0.5,
        test=Evaluation(1.9, 0.68, 10_000),
        confusion=((5, 1), (0, 4)),
    )


def test_what_is_saved_comes_back_also_after_a_restart(store: RunStore) -> None:
    kept = record(store)
    store.save(kept)
    assert RunStore(store.folder).load(kept.id) == kept
    changed = replace(kept, state="stopped", message="by hand")
    store.save(changed)
    assert store.records() == [changed]


def test_the_newest_comes_first(store: RunStore) -> None:
    for day in ("2026-11-02", "2026-11-03", "2026-11-01"):
        store.save(record(store, f"{day}T12:00:00.000+00:00"))
    assert [kept.created[9] for kept in store.records()] == ["3", "2", "1"]


def test_a_store_without_runs_is_empty_and_makes_no_folder(store: RunStore) -> None:
    assert store.records() == []
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"settings": {"model": "vgg"}}',
        b"7",
    ],
)
def test_a_damaged_record_is_left_out_said_and_kept(store: RunStore, content: bytes) -> None:
    good, bad = record(store), record(store)
    store.save(good)
    store.save(bad)
    path = store.folder / bad.id / "run.json"
    path.write_bytes(content)
    reported: list[str] = []
    assert store.records(reported.append) == [good]
    assert len(reported) == 1
    assert bad.id in reported[0]
    assert path.read_bytes() == content
    with pytest.raises(RunError, match="damaged"):
        store.load(bad.id)


def test_a_record_under_another_id_or_in_no_known_state_is_damaged(store: RunStore) -> None:
    kept = record(store)
    store.save(kept)
    path = store.folder / kept.id / "run.json"
    for change in ({"id": store.new_id("cnn")}, {"state": "asleep"}):
        path.write_text(json.dumps(kept.to_json() | change))
        with pytest.raises(RunError, match="damaged"):
            store.load(kept.id)


def test_a_record_of_an_earlier_version_loads(store: RunStore) -> None:
    kept = replace(record(store), state="training", source="datasets.table('data.csv')")
    store.save(kept)
    old = kept.to_json() | {"state": "unfinished", "source": "data.table('data.csv')"}
    old["rates"] = old.pop("lr_changes")
    (store.folder / kept.id / "run.json").write_text(json.dumps(old))
    assert store.load(kept.id) == kept


def test_the_files_of_an_earlier_version_are_found(store: RunStore) -> None:
    kept = record(store)
    store.save(kept)
    for path in (store.checkpoints, store.confusion_images):
        assert not path(kept.id).exists()
    for name in ("snapshots.safetensors", "cells.safetensors"):
        (store.folder / kept.id / name).write_bytes(b"")
    for path in (store.checkpoints, store.confusion_images):
        assert path(kept.id).exists()


def test_other_files_in_the_folder_are_left_alone(store: RunStore) -> None:
    store.save(record(store))
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "backup").mkdir()
    reported: list[str] = []
    assert len(store.records(reported.append)) == 1
    assert reported == []


def test_a_deleted_run_is_gone_with_its_weights_and_no_other(store: RunStore) -> None:
    first, second = record(store), record(store)
    for kept in (first, second):
        store.save(kept)
        store.weights(kept.id).write_bytes(b"weights")
    store.delete(first.id)
    assert store.records() == [second]
    assert [path.name for path in store.folder.iterdir()] == [second.id]
    assert store.weights(second.id).exists()
    with pytest.raises(RunError, match="no run"):
        store.delete(first.id)


@pytest.mark.parametrize("run", ["", "..", "../../etc", "20261126-041530-cnn-9f3a/..", None, 7])
def test_what_is_no_id_reaches_no_file(store: RunStore, run: object) -> None:
    for use in (store.load, store.delete, store.weights):
        with pytest.raises(RunError, match="expected the id of a run"):
            use(run)


def test_the_folder_is_in_the_data_root(data_folder: Path) -> None:
    assert default_folder() == data_folder / "runs"


def test_a_data_root_that_cannot_be_written_is_left_for_the_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("INKGRAD_DATA", str(tmp_path / "file"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_folder() == tmp_path / "cache" / "inkgrad" / "runs"
