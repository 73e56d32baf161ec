"""The runs of this machine on disk, so that they can be compared later, also after a restart.

A :class:`RunStore` is a folder with one folder per run, named by the run's id::

    runs/20261126-041530-cnn-9f3a/run.json                      the RunRecord
    runs/20261126-041530-cnn-9f3a/weights.safetensors           weights, if anything was learned
    runs/20261126-041530-cnn-9f3a/checkpoints.safetensors       its weights at earlier steps
    runs/20261126-041530-cnn-9f3a/confusion_images.safetensors  images of its confusion matrix

Each file is written in one step: a reader sees the old file or the new one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import platformdirs

from inkgrad.course.data.datasets import data_root, report_to_stderr
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import message, message_of
from inkgrad.course.training.run_record import RunError, RunRecord

_RECORD, _WEIGHTS = "run.json", "weights.safetensors"
# The current names, and those of earlier versions.
_CHECKPOINTS = "checkpoints.safetensors", "snapshots.safetensors"
_CONFUSION_IMAGES = "confusion_images.safetensors", "cells.safetensors"
_ID = re.compile(r"\d{8}-\d{6}-[a-z]+-[0-9a-f]{4,}")


def default_folder() -> Path:
    """``runs`` under the data root; if that is not writable, in the user's cache folder."""
    root = data_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError:
        root = Path(platformdirs.user_cache_dir("inkgrad"))
    return root / "runs"


@dataclass(frozen=True)
class RunStore:
    """The runs in ``folder``, which is created when the first run is saved.

    Safe for any number of threads and processes at once. Anything that is not a run's id, such as a
    path out of the folder, raises RunError.
    """

    folder: Path = field(default_factory=default_folder)

    def new_id(self, model: str) -> str:
        """Make an id that no run has."""
        now = datetime.now(timezone.utc)
        return f"{now:%Y%m%d-%H%M%S}-{model}-{secrets.token_hex(3)}"

    def save(self, record: RunRecord) -> None:
        """Save the record, replacing an older one of the same run. OSError if that fails."""
        folder = self._folder(record.id)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record.to_json(), allow_nan=False)
        write_atomically(folder / _RECORD, text.encode())

    def load(self, run: str) -> RunRecord:
        """Load the record of a run; RunError if there is none, or it is damaged."""
        path = self._folder(run) / _RECORD
        try:
            record = RunRecord.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RunError(message("problem.no_run", run=run)) from None
        except (OSError, RunError, ValueError) as error:
            raise RunError(message("problem.damaged", file=path, error=message_of(error))) from None
        if record.id != run:
            raise RunError(message("problem.other_run", file=path, run=record.id))
        return record

    def records(self, report: Callable[[str], None] = report_to_stderr) -> list[RunRecord]:
        """Load all records, the newest first.

        Damaged ones are skipped and reported, and stay on disk.
        """
        found = []
        for name in os.listdir(self.folder) if self.folder.is_dir() else ():
            if is_id(name):
                try:
                    found.append(self.load(name))
                except RunError as error:
                    report(f"Skipping a run: {error}")
        return sorted(found, key=lambda record: record.created, reverse=True)

    def delete(self, run: str) -> None:
        """Delete a run and all its files, damaged ones too. RunError if there is none."""
        folder = self._folder(run)
        if not folder.is_dir():
            raise RunError(message("problem.no_run", run=run))
        # Renamed first: the run is gone at once, even if removing its files is slow or fails.
        grave = Path(tempfile.mkdtemp(prefix=".deleted-", dir=self.folder))
        folder.rename(grave / run)
        shutil.rmtree(grave)

    def weights(self, run: str) -> Path:
        """The path of the run's weights; the record has to be saved before they are written."""
        return self._folder(run) / _WEIGHTS

    def checkpoints(self, run: str) -> Path:
        """The path of the run's checkpoints, likewise."""
        return self._existing(run, *_CHECKPOINTS)

    def confusion_images(self, run: str) -> Path:
        """The path of the images of the confusion matrix of a run that recognizes digits."""
        return self._existing(run, *_CONFUSION_IMAGES)

    def _existing(self, run: str, name: str, earlier_name: str) -> Path:
        earlier = self._folder(run) / earlier_name
        return earlier if earlier.exists() else self._folder(run) / name

    def _folder(self, run: Any) -> Path:
        if not is_id(run):
            raise RunError(message("problem.no_id", got=repr(str(run)[:60])))
        return self.folder / run


def is_id(run: Any) -> bool:
    """Whether ``run`` has the form of a run's id; nothing else becomes part of a path."""
    return isinstance(run, str) and _ID.fullmatch(run) is not None
