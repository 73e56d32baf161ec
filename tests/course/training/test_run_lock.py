"""Locks: one program trains a run, others see it; a program that was killed blocks nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from inkgrad.course.training import run_lock
from inkgrad.course.training.run_lock import Locked, RunLock, is_held, request_stop
from warm_python import WarmPython


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> dict[str, threading.Event]:
    monkeypatch.setattr(run_lock, "_SECONDS_BETWEEN_BEATS", 0.01)
    return {name: threading.Event() for name in ("stop", "loss")}


@pytest.fixture
def lock(tmp_path: Path, events: dict[str, threading.Event]) -> RunLock:
    return RunLock(tmp_path, events["stop"].set, events["loss"].set)


def test_one_at_a_time(lock: RunLock, tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    lock.take()
    assert is_held(tmp_path)
    with pytest.raises(Locked):
        RunLock(tmp_path, lambda: None, lambda: None).take()
    lock.release()
    assert not is_held(tmp_path)
    assert not any((tmp_path / name).exists() for name in ("lock.json", "stop"))


def test_another_program_can_ask_to_stop(lock: RunLock, events, tmp_path: Path) -> None:
    lock.take()
    request_stop(tmp_path)
    assert events["stop"].wait(30)
    lock.release()
    assert not any((tmp_path / name).exists() for name in ("lock.json", "stop"))


def test_who_loses_the_lock_is_told(lock: RunLock, events, tmp_path: Path) -> None:
    lock.take()
    other = {"host": "elsewhere", "pid": 1, "token": "other"}
    (tmp_path / "lock.json").write_text(json.dumps(other))
    assert events["loss"].wait(30)
    lock.release()
    assert (tmp_path / "lock.json").exists()  # the other program's


HOLDING = """
import sys, time
from pathlib import Path
from inkgrad.course.training.run_lock import RunLock
lock = RunLock(Path(sys.argv[1]), lambda: None, lambda: None)
lock.take()
print("taken", flush=True)
time.sleep(100)
"""


def test_the_lock_of_a_program_that_was_killed_is_stale_at_once(
    python: WarmPython, tmp_path: Path
) -> None:
    program = python.start(HOLDING, str(tmp_path))
    assert program.stdout.readline() == "taken\n"
    assert is_held(tmp_path)
    program.send_signal(signal.SIGKILL)
    program.finish()
    assert not is_held(tmp_path)
    RunLock(tmp_path, lambda: None, lambda: None).take()
    assert is_held(tmp_path)


@pytest.mark.parametrize(("age", "held"), [(0, True), (3600, False)])
def test_on_another_machine_the_heartbeat_counts(tmp_path: Path, age: int, held: bool) -> None:
    path = tmp_path / "lock.json"
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "token": "other"}))
    os.utime(path, (time.time() - age,) * 2)
    assert is_held(tmp_path) is held


@pytest.mark.parametrize("content", ["", "[]", "7", "{}", '{"pid": "x"}', '{"pid": -1}'])
def test_a_damaged_lock_holds_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock.json").write_text(content)
    assert not is_held(tmp_path)
    pid = {"host": socket.gethostname(), "pid": 10**30}
    (tmp_path / "lock.json").write_text(json.dumps(pid))
    assert not is_held(tmp_path)
