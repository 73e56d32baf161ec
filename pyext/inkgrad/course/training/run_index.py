"""The summaries of a store's records, so that a list of thousands of runs reads one file.

A summary counts as long as its record has the same size and time of change. The index is only a
cache: without it, or with a damaged one, records are read again.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inkgrad.course.files import read_limited, write_atomically
from inkgrad.course.training.run_record import RunSummary
from inkgrad.course.training.typed_json import from_json

_NAME = ".index.json"
_VERSION = 1
_MAX_BYTES = 2**26  # of some 100,000 runs
# A run that trains changes its summary every few seconds.
_SECONDS_BETWEEN_SAVES = 30.0

Stamp = tuple[int, int]


class RunIndex:
    """The summaries of the runs in one folder. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._known: dict[str, tuple[Stamp, RunSummary]] = {}
        self._changed = False
        self._next_save = 0.0

    def open(self, folder: Path) -> None:
        """Read the index of the folder, if it is not open yet."""
        with self._lock:
            if self._path is None:
                self._path = folder / _NAME
                self._known = _read(self._path)

    def find(self, run: str, stamp: Stamp) -> RunSummary | None:
        """The summary of the run, unless its record is another one now."""
        known, summary = self._known.get(run, (None, None))
        return summary if known == stamp else None

    def add(self, summary: RunSummary, stamp: Stamp) -> None:
        with self._lock:
            self._known[summary.id] = stamp, summary
            self._changed = True

    def close(self, runs: set[str]) -> None:
        """Forget all runs but these, and save the index if anything is new, and if that works."""
        with self._lock:
            for run in self._known.keys() - runs:
                del self._known[run]
                self._changed = True
            is_due = time.monotonic() >= self._next_save
            if not self._changed or self._path is None or not is_due:
                return
            self._changed = False
            self._next_save = time.monotonic() + _SECONDS_BETWEEN_SAVES
            rows = [[*stamp, asdict(summary)] for stamp, summary in self._known.values()]
            with contextlib.suppress(OSError):
                write_atomically(
                    self._path, json.dumps({"version": _VERSION, "runs": rows}).encode()
                )


def stamp_of(record: Path) -> Stamp | None:
    """The size and the time of change of a record, zeros if unknown; None if there is none."""
    try:
        found = record.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _read(path: Path) -> dict[str, tuple[Stamp, RunSummary]]:
    try:
        content: Any = json.loads(read_limited(path, _MAX_BYTES))
        if content["version"] != _VERSION:
            return {}
        rows = [
            ((int(changed), int(size)), from_json(RunSummary, summary))
            for changed, size, summary in content["runs"]
        ]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return {}
    return {summary.id: (stamp, summary) for stamp, summary in rows}
