"""Deleted runs, which can be restored for a while.

They lie in the store's folder ``.trash``: one folder for each deletion, named by its time. Several
programs may use it at once: a run is moved by renaming it, which only one of them can.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from inkgrad.course.files import is_full
from inkgrad.course.messages import message
from inkgrad.course.training.run_record import RunError

SECONDS_KEPT = 3600.0
"""The time from the deletion of a run to that of its files."""
_TRASH = ".trash"
_GONE = ".deleted-"  # is being removed, or its removal was interrupted
_BATCH = re.compile(r"(\d{16})-[0-9a-f]{8}")


@dataclass(frozen=True)
class Deletion:
    """Runs that were deleted together, ``seconds`` ago."""

    runs: tuple[str, ...]
    seconds: float
    folder: Path


def put(store: Path, runs: list[str]) -> None:
    """Move runs of the store into the trash. OSError if that fails; the others are moved.

    On a full disk they are removed, which makes room.
    """
    folder = store / _TRASH / f"{time.time_ns() // 1000:016}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        if not is_full(error):
            raise
        for run in runs:
            (store / run).rename(store / f"{_GONE}{run}")
        return empty(store, seconds=0)
    try:
        for run in runs:
            (store / run).rename(folder / run)
    finally:
        _remove_if_empty(folder)


def deletions(store: Path) -> list[Deletion]:
    """List the deletions that can be undone, the latest first."""
    found = []
    now = time.time()
    for folder in _folders(store):
        with contextlib.suppress(OSError):
            runs = tuple(sorted(path.name for path in folder.iterdir()))
            if runs:
                found.append(Deletion(runs, now - _deleted(folder), folder))
    return sorted(found, key=lambda each: each.seconds)


def restore(store: Path, runs: list[str]) -> None:
    """Move runs back into the store. RunError if one of them is not in the trash any more."""
    # The latest, if a run was deleted again.
    folders = {run: each.folder for each in reversed(deletions(store)) for run in each.runs}
    for run in runs:
        if run not in folders or (store / run).exists():
            raise RunError(message("problem.not_in_trash", run=run))
        try:
            (folders[run] / run).rename(store / run)
        except FileNotFoundError:  # another program has removed it
            raise RunError(message("problem.not_in_trash", run=run)) from None
    for folder in {folders[run] for run in runs}:
        _remove_if_empty(folder)


def empty(store: Path, *, seconds: float = SECONDS_KEPT) -> None:
    """Remove what was deleted that long ago, and what an earlier removal left; never raises."""
    limit = time.time() - seconds
    with contextlib.suppress(OSError):
        for folder in _folders(store):
            if _deleted(folder) <= limit:
                # Renamed first: whatever is restored is whole.
                with contextlib.suppress(OSError):
                    folder.rename(store / f"{_GONE}{folder.name}")
        for grave in store.glob(f"{_GONE}*"):
            shutil.rmtree(grave, ignore_errors=True)


def _folders(store: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [path for path in (store / _TRASH).iterdir() if _BATCH.fullmatch(path.name)]
    return []


def _deleted(folder: Path) -> float:
    """When the deletion took place, in seconds since the epoch."""
    return int(folder.name[:16]) / 1e6


def _remove_if_empty(folder: Path) -> None:
    for each in (folder, folder.parent):
        with contextlib.suppress(OSError):
            each.rmdir()
