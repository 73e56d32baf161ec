"""Locks on the folders of runs, so that programs on one store respect each other's runs.

A lock is a file that names the process, and whose time of change is its heartbeat. A process that
was killed leaves one that is stale: its process is gone, or its heartbeat is old.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from inkgrad.course.files import read_limited

_LOCK, _STOP = "lock.json", "stop"
_SECONDS_BETWEEN_BEATS = 1.0
_SECONDS_UNTIL_STALE = 30.0
_MAX_BYTES = 2**12

_held: set[str] = set()  # the tokens of this process


class Locked(Exception):
    """Another program trains this run."""


class RunLock:
    """The lock on the folder of a run, once it is :meth:`taken <take>`.

    Args:
        folder: The folder of the run.
        on_stop: Called in a thread of its own when another program asks this one to stop the run.
        on_loss: Called likewise when another program has taken the lock, because the heartbeat
            had paused.
    """

    def __init__(
        self, folder: Path, on_stop: Callable[[], None], on_loss: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._on_stop, self._on_loss = on_stop, on_loss
        self._token = secrets.token_hex(8)
        self._taken = False
        self._released = threading.Event()

    def take(self) -> None:
        """Take the lock, once. Raises Locked, or OSError if the file cannot be written."""
        if self._taken:
            return
        if is_held(self._folder):
            raise Locked
        path = self._folder / _LOCK
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # stale
        owner = {"host": socket.gethostname(), "pid": os.getpid(), "token": self._token}
        _held.add(self._token)
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(owner, file)
        except FileExistsError:
            _held.discard(self._token)
            raise Locked from None
        except OSError:
            _held.discard(self._token)
            path.unlink(missing_ok=True)  # without its content, on a full disk
            raise
        self._taken = True
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def release(self) -> None:
        self._released.set()
        if self._taken and _owner(self._folder).get("token") == self._token:
            with contextlib.suppress(OSError):
                (self._folder / _LOCK).unlink()
        _held.discard(self._token)

    def _beat(self) -> None:
        while not self._released.wait(_SECONDS_BETWEEN_BEATS):
            owner = _owner(self._folder)
            if owner and owner.get("token") != self._token:
                self._on_loss()
                return
            with contextlib.suppress(OSError):
                os.utime(self._folder / _LOCK)
            stop = self._folder / _STOP
            if stop.exists():
                with contextlib.suppress(OSError):
                    stop.unlink()
                self._on_stop()


def is_held(folder: Path) -> bool:
    """Whether a program, this one or another, trains the run in the folder."""
    try:
        age = time.time() - (folder / _LOCK).stat().st_mtime
    except OSError:
        return False
    owner = _owner(folder)
    if abs(age) > _SECONDS_UNTIL_STALE:
        return owner.get("token") in _held
    if not isinstance(owner.get("host"), str):  # damaged
        return False
    if owner["host"] != socket.gethostname():
        return True
    pid = owner.get("pid")
    if pid == os.getpid():
        return owner.get("token") in _held
    return _is_alive(pid)


def request_stop(folder: Path) -> None:
    """Ask the program that trains the run to stop it. OSError if the folder is not writable."""
    (folder / _STOP).touch()


def _owner(folder: Path) -> dict[str, object]:
    try:
        owner = json.loads(read_limited(folder / _LOCK, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int) or not 0 < pid < 2**31:
        return False
    if os.name != "posix":  # there os.kill() would end it; the heartbeat has to do
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        return True
    return True
