"""Runs are saved, loaded and deleted; a damaged one is reported and does not affect others."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_lock import RunLock
from inkgrad.course.training.run_record import LrChange, Point, RunError, RunRecord, now
from inkgrad.course.training.run_store import RunStore
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
    assert store.summaries() == ([changed.summary()], [])


def test_the_newest_comes_first(store: RunStore) -> None:
    for day in ("2026-11-02", "2026-11-03", "2026-11-01"):
        store.save(record(store, f"{day}T12:00:00.000+00:00"))
    assert [kept.created[9] for kept in store.summaries()[0]] == ["3", "2", "1"]


def test_a_store_without_runs_is_empty_and_makes_no_folder(store: RunStore) -> None:
    assert store.summaries() == ([], [])
    assert not store.folder.exists()


DEEP = b"[" * 100_000
CONTENTS = {
    "empty": b"",
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "no fields": b"{}",
    "an unknown model": b'{"settings": {"model": "vgg"}}',
    "a number": b"7",
    "nested too deeply": DEEP,
}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_damaged_record_is_told_from_others_and_kept(store: RunStore, content: str) -> None:
    good, bad = record(store), record(store)
    store.save(good)
    store.save(bad)
    path = store.folder / bad.id / "run.json"
    path.write_bytes(CONTENTS[content])
    for _ in range(2):  # also with the index
        found, (damaged,) = store.summaries()
        assert found == [good.summary()]
        assert damaged.id == bad.id
        assert "damaged" in damaged.problem
    assert path.read_bytes() == CONTENTS[content]
    with pytest.raises(RunError, match="damaged"):
        store.load(bad.id)
    store.delete(bad.id)
    assert store.summaries() == ([good.summary()], [])


SETTINGS = {"model": "cnn", "epochs": 1, "batch_size": 1, "lr": 1}
FORGED = {
    "a score": ("test", {"loss": 1.0, "accuracy": 10**30, "examples": 10}),
    "a share above 1": ("test", {"loss": 1.0, "accuracy": 1.5, "examples": 10}),
    "a count": ("examples", 10**30),
    "a negative count": ("done", -1),
    "a long name": ("data", "x" * 2**21),
    "a number for a name": ("data", 7),
    "not a number": ("seconds", float("nan")),
    "infinite": ("seconds", float("inf")),
    "text for a number": ("seconds", "1"),
    "a bool for a number": ("examples", True),
    "no time": ("created", "yesterday"),
    "no list": ("curve", {"step": 1}),
    "a bad point": ("curve", [{"step": "1", "epoch": 1, "seconds": 1, "loss": 1}]),
    "a matrix that is not square": ("confusion", [[1, 2], [3]]),
    "a matrix of texts": ("confusion", [["a", "b"], ["c", "d"]]),
    "a list for settings": ("settings", []),
    "half an epoch": ("settings", {"model": "cnn", "epochs": 1.5, "batch_size": 1, "lr": 1}),
    "a list for a model": ("settings", {"model": ["cnn"], "epochs": 1, "batch_size": 1, "lr": 1}),
    "messages": ("messages", {"en": 7}),
    "warnings": ("warnings", ["text"]),
    "a state": ("state", ["training"]),
    "half a surrogate pair": ("data", "\ud800"),
    "half a surrogate pair in a message": ("messages", {"en": "\ud800"}),
    "a long device": ("settings", {**SETTINGS, "device": "x" * 10_000}),
    "a time that browsers do not read": ("created", "2026-W48-3"),
    "a point at no time": ("curve", [{"step": 1, "epoch": 5e-324, "seconds": 1, "loss": 1}]),
    "a point at the end of time": ("curve", [{"step": 1, "epoch": 1e308, "seconds": 1, "loss": 1}]),
    "a point before the first step": ("curve", [{"step": 0, "epoch": 1, "seconds": 1, "loss": 1}]),
    "seconds that make a speed infinite": ("seconds", 5e-324),
    "a change before the first step": ("lr_changes", [{"step": -1, "lr": 0.1}]),
    "a learning rate below 0": ("lr_changes", [{"step": 1, "lr": -0.1}]),
    "a negative number of threads": ("threads", -1),
}


@pytest.mark.parametrize("change", FORGED)
def test_every_field_of_a_record_is_validated(store: RunStore, change: str) -> None:
    kept = record(store)
    store.save(kept)
    name, value = FORGED[change]
    path = store.folder / kept.id / "run.json"
    path.write_text(json.dumps(kept.to_json() | {name: value}))
    with pytest.raises(RunError, match="damaged"):
        store.load(kept.id)


NO_FILES = {
    "a folder": Path.mkdir,
    "a named pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a device without end": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a huge file": lambda path: _sparse(path, 2**41),
}


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.skipif(os.name != "posix", reason="has other kinds of files")
@pytest.mark.parametrize("file", ["run.json", "lock.json", "state.safetensors"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_affects_no_other_run(store: RunStore, kind: str, file: str) -> None:
    good, bad = record(store), record(store)
    store.save(good)
    store.save(bad)
    path = store.folder / bad.id / file
    path.unlink(missing_ok=True)
    make = NO_FILES[kind]
    assert make
    make(path)
    store.clean()
    found, damaged = store.summaries()
    assert good.summary() in found
    assert [each.id for each in damaged] == ([bad.id] if file == "run.json" else [])
    with pytest.raises((RunError, ValueError)):
        Run.resumed(store, bad.id)
    store.delete(bad.id)
    assert store.summaries() == ([good.summary()], [])


@pytest.mark.parametrize("name", ["created", "settings", "id", "curve"])
def test_a_record_without_a_field_is_damaged(store: RunStore, name: str) -> None:
    kept = record(store)
    store.save(kept)
    fields = kept.to_json()
    if name == "curve":
        fields["curve"] = [{"step": 1, "epoch": 1.0, "seconds": 1.0}]  # without its loss
    else:
        del fields[name]
    (store.folder / kept.id / "run.json").write_text(json.dumps(fields))
    with pytest.raises(RunError, match="damaged"):
        store.load(kept.id)


def test_a_field_of_a_newer_version_is_left_out(store: RunStore) -> None:
    kept = record(store)
    store.save(kept)
    (store.folder / kept.id / "run.json").write_text(json.dumps(kept.to_json() | {"new": 1}))
    assert store.load(kept.id) == kept


def test_a_list_reads_each_record_once(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [record(store) for _ in range(3)]
    for each in runs:
        store.save(each)
    listed = store.summaries()
    again = RunStore(store.folder)  # another process
    read: list[str] = []
    load = RunStore.load
    monkeypatch.setattr(RunStore, "load", lambda self, run: (read.append(run), load(self, run))[1])
    assert again.summaries() == listed
    assert read == []
    changed = replace(runs[0], data="another")
    store.save(changed)
    assert changed.summary() in again.summaries()[0]
    assert read == [changed.id]
    store.delete(changed.id)
    assert len(again.summaries()[0]) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"version": 1, "runs": [[1, 2, {}]]}'])
def test_a_damaged_index_is_made_again(store: RunStore, content: bytes) -> None:
    kept = record(store)
    store.save(kept)
    (store.folder / ".index.json").write_bytes(content)
    assert store.summaries() == ([kept.summary()], [])


def test_a_run_that_trains_is_not_deleted(store: RunStore) -> None:
    kept = record(store)
    store.save(kept)
    lock = RunLock(store.folder / kept.id, lambda: None, lambda: None)
    lock.take()
    with pytest.raises(RunError, match="still training"):
        store.delete(kept.id)
    lock.release()
    store.delete(kept.id)


def test_leftovers_of_interrupted_saves_are_removed(store: RunStore) -> None:
    kept, trained = record(store), record(store)
    for each in (kept, trained):
        store.save(each)
        part = store.folder / each.id / ".run.json.abcd1234"
        part.mkdir()
        (part / "run.json").write_text("half")
    (store.folder / ".deleted-abcd" / "run").mkdir(parents=True)
    lock = RunLock(store.folder / trained.id, lambda: None, lambda: None)
    lock.take()
    store.clean()
    lock.release()
    assert [path.name for path in (store.folder / kept.id).iterdir()] == ["run.json"]
    assert len(list((store.folder / trained.id).iterdir())) == 2  # its program may be saving it
    assert not list(store.folder.glob(".deleted-*"))


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
    found, damaged = store.summaries()
    assert (len(found), damaged) == (1, [])


def test_a_deleted_run_is_gone_with_its_weights_and_no_other(store: RunStore) -> None:
    first, second = record(store), record(store)
    for kept in (first, second):
        store.save(kept)
        store.weights(kept.id).write_bytes(b"weights")
    store.delete(first.id)
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
    store = RunStore.default()
    assert (store.folder, store.archive, store.notice) == (data_folder / "runs", None, None)


def test_the_runs_of_a_root_that_is_read_only_are_listed_and_new_ones_go_to_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_folder: Path
) -> None:
    earlier = RunStore.default()
    kept = record(earlier)
    earlier.save(kept)

    def fail(dir: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = RunStore.default()
    assert store.folder == tmp_path / "cache" / "inkgrad" / "runs"
    assert "read-only" in str(store.notice)
    new = record(store)
    store.save(new)
    assert {each.id for each in store.summaries()[0]} == {kept.id, new.id}
    assert store.load(kept.id) == kept
    with pytest.raises(RunError, match="read-only"):
        store.delete(kept.id)
    store.prepare(kept.id)  # to go on with it: a copy
    assert store.path(kept.id).parent == store.folder
    assert [each.id for each in earlier.summaries()[0]] == [kept.id]
