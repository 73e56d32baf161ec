"""Deleted runs come back, for a while, with all their files."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from inkgrad.course.training import run_trash
from inkgrad.course.training.run_lock import RunLock
from inkgrad.course.training.run_record import RunError
from inkgrad.course.training.run_store import RunStore
from saved_runs import record

FIRST, SECOND, THIRD = RUNS = [record(number) for number in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    for run in RUNS:
        store.save(run)
    return store


def ids(store: RunStore) -> list[str]:
    return sorted(summary.id for summary in store.summaries()[0])


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now, now_ns = time.time(), time.time_ns()
    monkeypatch.setattr(time, "time", lambda: now + seconds)
    monkeypatch.setattr(time, "time_ns", lambda: now_ns + int(1e9 * seconds))


def test_deletions_are_undone_one_after_the_other_also_after_a_restart(store: RunStore) -> None:
    store.weights(FIRST.id).write_bytes(b"weights")
    store.delete(FIRST.id, SECOND.id)
    store.delete(THIRD.id)
    other = RunStore(store.folder)  # another server, or this one after a restart
    assert ids(other) == []
    other.clean()
    assert [each.runs for each in other.deletions()] == [(THIRD.id,), (FIRST.id, SECOND.id)]
    other.restore(THIRD.id)
    other.restore(FIRST.id, SECOND.id)
    assert ids(store) == sorted(run.id for run in RUNS)
    assert (store.load(FIRST.id), store.weights(FIRST.id).read_bytes()) == (FIRST, b"weights")
    assert store.deletions() == []
    assert not (store.folder / ".trash").exists()


def test_after_an_hour_the_files_are_removed(store: RunStore, monkeypatch) -> None:
    store.delete(FIRST.id)
    later(monkeypatch, 3000)
    store.delete(SECOND.id)
    store.clean()
    assert len(store.deletions()) == 2
    later(monkeypatch, 700)
    assert [each.runs for each in store.deletions()] == [(SECOND.id,)]
    with pytest.raises(RunError, match="too long ago"):
        store.restore(FIRST.id)
    later(monkeypatch, 3700)
    store.clean()
    assert [path.name for path in store.folder.rglob("*-softmax-*")] == [THIRD.id]


def test_none_is_deleted_if_one_of_them_trains(store: RunStore) -> None:
    lock = RunLock(store.folder / SECOND.id, lambda: None, lambda: None)
    lock.take()
    with pytest.raises(RunError, match="still training"):
        store.delete(FIRST.id, SECOND.id)
    lock.release()
    assert len(ids(store)) == 3


def test_a_run_is_restored_once_and_over_no_other(store: RunStore) -> None:
    store.delete(FIRST.id)
    RunStore(store.folder).restore(FIRST.id)
    with pytest.raises(RunError, match="cannot be restored"):
        store.restore(FIRST.id)
    store.delete(FIRST.id)
    store.save(FIRST)
    with pytest.raises(RunError, match="cannot be restored"):
        store.restore(FIRST.id)


@pytest.mark.parametrize("run", ["..", "../x", "", None])
def test_only_runs_are_restored(store: RunStore, run: object) -> None:
    with pytest.raises(RunError, match="expected the id of a run"):
        store.restore(run)


def test_on_a_full_disk_a_deletion_makes_room(store: RunStore, monkeypatch) -> None:
    store.delete(FIRST.id)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "mkdir", fail)
        store.delete(SECOND.id)
    assert ids(store) == [THIRD.id]
    assert store.deletions() == []  # the first one, too, has made room
    assert not list(store.folder.glob(".deleted-*"))


def test_what_is_being_removed_is_not_restored(store: RunStore, monkeypatch) -> None:
    store.delete(FIRST.id)
    monkeypatch.setattr(run_trash.shutil, "rmtree", lambda *_, **__: None)  # killed right then
    store.make_room()
    assert store.deletions() == []
    monkeypatch.undo()
    store.clean()
    assert not list(store.folder.glob(".deleted-*"))
