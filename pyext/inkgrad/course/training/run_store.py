"""The runs of this machine, kept so that they can be compared later, also after a restart.

A :class:`RunStore` is a folder with one folder for each run, which is named by the run's id::

    runs/20261126-041530-cnn-9f3a/run.json              the Record, readable by people
    runs/20261126-041530-cnn-9f3a/weights.safetensors   a checkpoint, if the run learnt anything
    runs/20261126-041530-cnn-9f3a/cells.safetensors     images of its confusion matrix
    runs/20261126-041530-cnn-9f3a/snapshots.safetensors its weights at moments before

Each file is written in one step: whoever reads sees the old one or the new one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args

import platformdirs

from inkgrad.course.data.datasets import data_root, say_on_stderr
from inkgrad.course.files import write_atomically
from inkgrad.course.messages import Message, message, message_of
from inkgrad.course.settings import Settings
from inkgrad.course.training.loop import Epoch
from inkgrad.course.training.steps import Score

# "unfinished": it trains at this moment, or its process ended before it did.
State = Literal["unfinished", "finished", "stopped", "diverged", "failed"]

_RECORD, _WEIGHTS = "run.json", "weights.safetensors"
_CELLS, _SNAPSHOTS = "cells.safetensors", "snapshots.safetensors"
_ID = re.compile(r"\d{8}-\d{6}-[a-z]+-[0-9a-f]{4,}")


class RunError(ValueError):
    """No such run, or its record is damaged; the message says which and why."""


@dataclass(frozen=True)
class Point:
    """The training loss, averaged over a few steps of which ``step`` (from 1) is the last.

    ``epoch`` is how many epochs were done then, with a fraction; ``seconds`` since the start,
    pauses left out.
    """

    step: int
    epoch: float
    seconds: float
    loss: float


@dataclass(frozen=True)
class Rate:
    """The learning rate that somebody set while the run trained: from ``step`` on (from 1)."""

    step: int
    lr: float


@dataclass(frozen=True)
class Record:
    """All that is known of a run but its weights.

    Attributes:
        id: Unique in the store; made of the time, the model's name and a few random digits.
        created: When it was started, ISO 8601 in UTC.
        data: The name of what it learnt from.
        source: How to load that, as a Python expression (see :mod:`.script`); empty: not known.
        examples: How many of them were learnt from: the training part.
        settings: With these and the same data, the run can be repeated, if no rate was set since.
        state: How it stands or how it ended.
        message: Why, where it diverged or failed; else empty.
        curve: The training loss, from the first step on; at most some hundred points.
        epochs: One for each epoch that was finished: training and validation loss, accuracy.
        rates: The learning rates set while it trained, in order.
        seconds: Time it trained, pauses left out.
        test: How the model does on the test set; None where there is none, or not yet.
        confusion: On the test set (without one, on the validation part): rows are the labels,
            columns what the model said. 10 x 10 for digits, 2 x 2 for tables; None: not yet.
    """

    id: str
    created: str
    data: str
    examples: int
    settings: Settings
    source: str = ""
    state: State = "unfinished"
    message: str = ""
    curve: tuple[Point, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    rates: tuple[Rate, ...] = ()
    seconds: float = 0.0
    test: Score | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Made of what JSON knows; :meth:`from_json` turns it back.

        ``messages``, where it is there, has the message in every language.
        """
        known = asdict(self)
        if isinstance(self.message, Message):
            known["messages"] = self.message.texts
        return known

    @classmethod
    def from_json(cls, fields: Any) -> Record:
        """RunError where that is no record."""
        try:
            parts = {
                "settings": Settings(**fields["settings"]),
                "curve": tuple(Point(**point) for point in fields["curve"]),
                "epochs": tuple(Epoch(**epoch) for epoch in fields["epochs"]),
                "rates": tuple(Rate(**rate) for rate in fields["rates"]),
                "test": fields["test"] and Score(**fields["test"]),
                "confusion": fields["confusion"] and tuple(map(tuple, fields["confusion"])),
            }
            messages = fields.get("messages")
            if messages is not None:
                parts["message"] = Message(messages)
            known = {name: value for name, value in fields.items() if name != "messages"}
            record = cls(**{**known, **parts})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunError(message("problem.no_record", error=repr(error))) from None
        if record.state not in get_args(State):
            raise RunError(message("problem.no_record", error=f"state {record.state!r}"))
        return record


def default_folder() -> Path:
    """``runs`` under the data root; if that cannot be written, in the user's cache folder."""
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
    """The runs kept in ``folder``, which is made when the first is saved.

    Any number of threads and processes may use one at once. An id that is none, also one that
    leads out of the folder, is a RunError.
    """

    folder: Path = field(default_factory=default_folder)

    def new_id(self, model: str) -> str:
        """An id that no run has."""
        now = datetime.now(timezone.utc)
        return f"{now:%Y%m%d-%H%M%S}-{model}-{secrets.token_hex(3)}"

    def save(self, record: Record) -> None:
        """Keep the record, in place of an older one of the same run. OSError if that fails."""
        folder = self._folder(record.id)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record.to_json(), allow_nan=False)
        write_atomically(folder / _RECORD, text.encode())

    def load(self, run: str) -> Record:
        """The record of a run; RunError where there is none, or a damaged one."""
        path = self._folder(run) / _RECORD
        try:
            record = Record.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RunError(message("problem.no_run", run=run)) from None
        except (OSError, RunError, ValueError) as error:
            raise RunError(message("problem.damaged", file=path, error=message_of(error))) from None
        if record.id != run:
            raise RunError(message("problem.other_run", file=path, run=record.id))
        return record

    def records(self, say: Callable[[str], None] = say_on_stderr) -> list[Record]:
        """All of them, the newest first.

        A damaged one is left out, said aloud, and stays where it is.
        """
        found = []
        for name in os.listdir(self.folder) if self.folder.is_dir() else ():
            if is_id(name):
                try:
                    found.append(self.load(name))
                except RunError as error:
                    say(f"A run is left out: {error}")
        return sorted(found, key=lambda record: record.created, reverse=True)

    def delete(self, run: str) -> None:
        """Forget a run and all its files, damaged ones too. RunError where there is none."""
        folder = self._folder(run)
        if not folder.is_dir():
            raise RunError(message("problem.no_run", run=run))
        # Gone at once under its name, even where removing the files takes a while or fails.
        grave = Path(tempfile.mkdtemp(prefix=".deleted-", dir=self.folder))
        folder.rename(grave / run)
        shutil.rmtree(grave)

    def weights(self, run: str) -> Path:
        """Where the run's checkpoint lies, or is to be written to once its record is saved."""
        return self._folder(run) / _WEIGHTS

    def cells(self, run: str) -> Path:
        """Likewise for the images of its confusion matrix, where it reads digits."""
        return self._folder(run) / _CELLS

    def snapshots(self, run: str) -> Path:
        """Likewise for its weights at moments of the training."""
        return self._folder(run) / _SNAPSHOTS

    def _folder(self, run: Any) -> Path:
        if not is_id(run):
            raise RunError(message("problem.no_id", got=repr(str(run)[:60])))
        return self.folder / run


def is_id(run: Any) -> bool:
    """Whether that has the form of a run's id; no other becomes part of a path."""
    return isinstance(run, str) and _ID.fullmatch(run) is not None


def now() -> str:
    """The time of a record's ``created``."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
