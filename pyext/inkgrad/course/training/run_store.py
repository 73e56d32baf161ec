"""The runs of this machine on disk, so that they can be compared later, also after a restart.

A :class:`RunStore` is a folder with one folder per run, named by the run's id::

    runs/20261126-041530-cnn-9f3a/run.json                      the RunRecord
    runs/20261126-041530-cnn-9f3a/weights.safetensors           its latest weights
    runs/20261126-041530-cnn-9f3a/state.safetensors             what it goes on from
    runs/20261126-041530-cnn-9f3a/data.safetensors              its data, unless that is MNIST
    runs/20261126-041530-cnn-9f3a/checkpoints.safetensors       its weights at earlier steps
    runs/20261126-041530-cnn-9f3a/confusion_images.safetensors  images of its confusion matrix
    runs/20261126-041530-cnn-9f3a/request.json                  what the app was asked for
    runs/20261126-041530-cnn-9f3a/lock.json                     while a program trains it

Each file is written in one step: a reader sees the old file or the new one. The record is written
last.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import platformdirs

from inkgrad.course.data.datasets import data_root
from inkgrad.course.files import (
    read_limited,
    remove_leftovers,
    sync_folder,
    write_atomically,
)
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.training import run_index, run_lock
from inkgrad.course.training.run_index import RunIndex
from inkgrad.course.training.run_record import RunError, RunRecord, RunSummary

_RECORD, _WEIGHTS, _STATE, _DATA = (
    "run.json",
    "weights.safetensors",
    "state.safetensors",
    "data.safetensors",
)
# The current names, and those of earlier versions.
_CHECKPOINTS = "checkpoints.safetensors", "snapshots.safetensors"
_CONFUSION_IMAGES = "confusion_images.safetensors", "cells.safetensors"
_ID = re.compile(r"\d{8}-\d{6}-[a-z]{1,30}-[0-9a-f]{4,16}")
_DELETED = ".deleted-"
# A source of 500 drawings has 520,000 characters.
_MAX_RECORD_BYTES = 2**23


@dataclass(frozen=True)
class Damaged:
    """A run whose record cannot be read, and why."""

    id: str
    problem: str


@dataclass(frozen=True)
class RunStore:
    """The runs in ``folder``, which is created when the first run is saved.

    ``archive`` is another folder of runs that are only read. Safe for any number of threads and
    processes at once. Anything that is not a run's id, such as a path out of the folder, raises
    RunError.
    """

    folder: Path
    archive: Path | None = None
    _index: RunIndex = field(default_factory=RunIndex, compare=False, repr=False)

    @classmethod
    def default(cls) -> RunStore:
        """``runs`` under the data root. If that is not writable, new runs are saved in the user's
        cache folder.
        """
        root = data_root()
        runs = root / "runs"
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=runs if runs.is_dir() else root):
                pass
        except OSError:
            return cls(Path(platformdirs.user_cache_dir("inkgrad"), "runs"), archive=runs)
        return cls(runs)

    @property
    def notice(self) -> Message | None:
        """Where new runs are saved, if that is not where earlier ones are."""
        if self.archive is None:
            return None
        return message("report.read_only", root=self.archive.parent, folder=self.folder)

    @staticmethod
    def new_id(model: str) -> str:
        """Make an id that no run has."""
        now = datetime.now(timezone.utc)
        return f"{now:%Y%m%d-%H%M%S}-{model}-{secrets.token_hex(3)}"

    def prepare(self, run: str) -> None:
        """Make the folder of a run that will be saved. A run of the archive is copied. OSError."""
        folder = self.folder / run
        if folder.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        archived = self.path(run)
        if archived.is_dir():
            shutil.copytree(archived, folder)
        else:
            folder.mkdir(exist_ok=True)  # another thread may be at it
        sync_folder(self.folder)

    def save(self, record: RunRecord) -> None:
        """Save the record, replacing an older one of the same run. OSError if that fails."""
        self.path(record.id)  # checks the id
        self.prepare(record.id)
        text = json.dumps(record.to_json(), allow_nan=False)
        write_atomically(self.folder / record.id / _RECORD, text.encode())

    def load(self, run: str) -> RunRecord:
        """Load the record of a run; RunError if there is none, or it is damaged."""
        path = self.path(run) / _RECORD
        try:
            record = RunRecord.from_json(json.loads(read_limited(path, _MAX_RECORD_BYTES)))
        except FileNotFoundError:
            raise RunError(message("problem.no_run", run=run)) from None
        except (OSError, RunError, ValueError, RecursionError) as error:
            raise RunError(message("problem.damaged", file=path, error=message_of(error))) from None
        if record.id != run:
            raise RunError(message("problem.other_run", file=path, run=record.id))
        return record

    def summaries(self) -> tuple[list[RunSummary], list[Damaged]]:
        """List all runs, the newest first, and those whose records are damaged.

        Records are read once: the index remembers their summaries.
        """
        found: list[RunSummary] = []
        damaged: list[Damaged] = []
        self._index.open(self.folder)
        for entry in self._entries():
            stamp = run_index.stamp_of(Path(entry.path, _RECORD))
            if stamp is None:  # being made, or deleted
                continue
            kept = self._index.find(entry.name, stamp)
            if kept is None:
                try:
                    kept = self.load(entry.name).summary()
                except RunError as error:
                    damaged.append(Damaged(entry.name, message_of(error)))
                    continue
                self._index.add(kept, stamp)
            found.append(kept)
        self._index.close({each.id for each in found})
        return sorted(found, key=lambda each: each.created, reverse=True), damaged

    def delete(self, run: str) -> None:
        """Delete a run and all its files, damaged ones too. RunError if there is none."""
        folder = self.path(run)
        if not folder.is_dir():
            raise RunError(message("problem.no_run", run=run))
        if folder.parent != self.folder:
            raise RunError(message("problem.archived", run=run, folder=folder.parent))
        if self.is_training(run):
            raise RunError(message("problem.is_training", run=run))
        # Renamed first: the run is gone at once, even if removing its files is slow or fails.
        grave = Path(tempfile.mkdtemp(prefix=_DELETED, dir=self.folder))
        folder.rename(grave / run)
        shutil.rmtree(grave)

    def clean(self) -> None:
        """Remove what interrupted saves and deletions left; never raises."""
        with contextlib.suppress(OSError):
            for grave in self.folder.glob(f"{_DELETED}*"):
                shutil.rmtree(grave, ignore_errors=True)
            for entry in self._entries():
                if Path(entry.path).parent == self.folder and not self.is_training(entry.name):
                    remove_leftovers(entry.path)

    def is_training(self, run: str) -> bool:
        """Whether a program, this one or another, trains the run."""
        return run_lock.is_held(self.path(run))

    def can_resume(self, run: str) -> bool:
        """Whether the run can go on where it ended: nothing trains it, and it has a state."""
        return (self.path(run) / _STATE).exists() and not self.is_training(run)

    def request_stop(self, run: str) -> None:
        """Ask the program that trains the run to stop it."""
        run_lock.request_stop(self.path(run))

    def weights(self, run: str) -> Path:
        """The path of the run's weights; :meth:`prepare` the run before they are written."""
        return self.path(run) / _WEIGHTS

    def state(self, run: str) -> Path:
        """The path of the state that the run goes on from, likewise."""
        return self.path(run) / _STATE

    def data(self, run: str) -> Path:
        """The path of the run's data, likewise."""
        return self.path(run) / _DATA

    def checkpoints(self, run: str) -> Path:
        """The path of the run's checkpoints, likewise."""
        return self._existing(run, *_CHECKPOINTS)

    def confusion_images(self, run: str) -> Path:
        """The path of the images of the confusion matrix of a run that recognizes digits."""
        return self._existing(run, *_CONFUSION_IMAGES)

    def path(self, run: Any) -> Path:
        """The folder of the run, whether it exists or not."""
        if not is_id(run):
            raise RunError(message("problem.no_id", got=repr(str(run)[:60])))
        folder = self.folder / run
        if self.archive is not None and not folder.exists() and (self.archive / run).exists():
            return self.archive / run
        return folder

    def _existing(self, run: str, name: str, earlier_name: str) -> Path:
        earlier = self.path(run) / earlier_name
        return earlier if earlier.exists() else self.path(run) / name

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        seen = set()
        for folder in filter(None, (self.folder, self.archive)):
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    if is_id(entry.name) and entry.name not in seen:
                        seen.add(entry.name)
                        yield entry


def is_id(run: Any) -> bool:
    """Whether ``run`` has the form of a run's id; nothing else becomes part of a path."""
    return isinstance(run, str) and _ID.fullmatch(run) is not None
