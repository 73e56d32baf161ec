"""The record of a run in a run store, besides its weights; to JSON and back."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal

from inkgrad.course.messages import ENGLISH, Message, message, message_of
from inkgrad.course.settings import Settings
from inkgrad.course.training.run_label import RunLabel
from inkgrad.course.training.steps import Evaluation
from inkgrad.course.training.trainer import Epoch
from inkgrad.course.training.typed_json import BadField, from_json, is_unicode

# A stored run in a state other than ENDED trains in some process, or its process was killed.
State = Literal["loading", "training", "paused", "finished", "stopped", "diverged", "failed"]
ENDED = ("finished", "stopped", "diverged", "failed")


class RunError(ValueError):
    """There is no such run, or its record is damaged; the message says which and why."""


@dataclass(frozen=True)
class Point:
    """The training loss, averaged over a few steps of which ``step`` (from 1) is the last.

    ``epoch`` is the number of epochs done by then, with a fraction; ``seconds`` is the training
    time, without pauses.
    """

    step: int
    epoch: float
    seconds: float
    loss: float


@dataclass(frozen=True)
class LrChange:
    """The learning rate that was set while the run trained, used from ``step`` on (from 1)."""

    step: int
    lr: float


@dataclass(frozen=True)
class RunRecord:
    """Everything that is known about a run except its weights.

    Attributes:
        id: Unique in the store: the time, the model's name and a few random digits.
        created: When the run was started, ISO 8601 in UTC.
        data: The name of the data.
        examples: The number of training examples, without the validation part.
        name: What the run is called by whoever trained it; empty: nothing yet.
        note: What else they wrote about it.
        validation_examples: The number of examples that each epoch is evaluated on; 0: there are
            too few for a validation part, and the training part is evaluated. None: unknown.
        classes: The names of a table's classes, in the order of their numbers; empty: they have no
            names.
        settings: With these and the same data the run can be repeated, unless the learning rate
            was changed while it trained.
        source: A Python expression that loads the data (see :mod:`.script_export`); empty if
            unknown.
        state: The state of the run when the record was made.
        message: Why the run diverged or failed; otherwise empty, or a warning.
        curve: The training loss from the first step on, a few hundred points at most.
        epochs: One entry for each completed epoch.
        lr_changes: The learning rates that were set while the run trained, in order.
        seconds: Training time, without pauses.
        test: Loss and accuracy on the test set; None if there is no test set, or not yet.
        steps: The steps of the whole run; 0 until the data is loaded.
        done: The steps done.
        data_sha256: The checksum of the data (:func:`.run_data.digest`); empty until it is loaded.
        data_folder: The folder of data that the run has no copy of; empty if it has one.
        is_fallback: Whether the data replaces data that could not be loaded.
        threads: The number of CPU threads, which the last bits of a result depend on.
        baseline: The accuracy of always predicting the most frequent class of the training part,
            on the examples that each epoch is evaluated on; None if unknown.
        warnings: Why it does not learn, and what to try (:mod:`.diagnosis`).
        confusion: The confusion matrix on the test set, or without one on the validation part:
            10 x 10 for digits. Rows are labels, columns predictions. None: not yet.
    """

    id: str
    created: str
    data: str
    examples: int
    settings: Settings
    name: str = ""
    note: str = ""
    source: str = ""
    state: State = "loading"
    message: str = ""
    curve: tuple[Point, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    lr_changes: tuple[LrChange, ...] = ()
    seconds: float = 0.0
    test: Evaluation | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    steps: int = 0
    done: int = 0
    data_sha256: str = ""
    data_folder: str = ""
    is_fallback: bool = False
    threads: int = 0
    baseline: float | None = None
    validation_examples: int | None = None
    classes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The record as JSON types; :meth:`from_json` reads it back.

        ``messages`` has a translated message in every language.
        """
        fields = asdict(self)
        if isinstance(self.message, Message):
            fields["messages"] = self.message.texts
        fields["warnings"] = [
            each.texts if isinstance(each, Message) else {ENGLISH: each} for each in self.warnings
        ]
        return fields

    @classmethod
    def from_json(cls, fields: Any) -> RunRecord:
        """Read a record, also one that an earlier version wrote. RunError if it is none."""
        try:
            fields = _current(fields)
            messages, warnings = fields.pop("messages", None), fields.pop("warnings", [])
            record = from_json(cls, fields)
            if messages is not None:
                record = replace(record, message=_message(messages))
            record = replace(record, warnings=tuple(map(_message, warnings)))
            _check(record)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            problem = message_of(error) if isinstance(error, ValueError) else repr(error)
            raise RunError(message("problem.no_record", error=problem)) from None
        return record

    @property
    def epochs_done(self) -> int:
        """The number of epochs done; a long history is thinned, so it may have fewer entries."""
        return self.epochs[-1].epoch if self.epochs else 0

    def summary(self) -> RunSummary:
        """The run as one row of a list."""
        return RunSummary(
            id=self.id,
            name=self.name,
            note=self.note,
            created=self.created,
            state=self.state,
            model=self.settings.model,
            backend=self.settings.backend,
            data=self.data,
            epochs=self.settings.epochs,
            epochs_done=self.epochs_done,
            steps=self.steps,
            done=self.done,
            seconds=self.seconds,
            accuracy=self.test.accuracy if self.test else None,
            test_examples=self.test.examples if self.test else None,
            validation_accuracy=self.epochs[-1].accuracy if self.epochs else None,
            validation_examples=self.validation_examples,
            learned=not self.warnings,
        )


@dataclass(frozen=True)
class RunSummary:
    """One row in a list of runs.

    ``accuracy`` is that on the test set, ``validation_accuracy`` that after the last epoch; None:
    there is none yet. ``validation_examples`` is as in :class:`RunRecord`. ``learned``: no warning
    says otherwise.
    """

    id: str
    name: str
    note: str
    created: str
    state: State
    model: str
    backend: str
    data: str
    epochs: int
    epochs_done: int
    steps: int
    done: int
    seconds: float
    accuracy: float | None
    test_examples: int | None
    validation_accuracy: float | None
    validation_examples: int | None
    learned: bool


def now() -> str:
    """The current time, as in a record's ``created``."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def _current(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record as this version writes them: earlier ones had other names."""
    fields = dict(fields)
    if "rates" in fields:
        fields["lr_changes"] = fields.pop("rates")
    if fields["state"] == "unfinished":
        fields["state"] = "training"
    # The module of the course's data was imported as ``data``.
    fields["source"] = re.sub(r"\bdata\.(\w+\()", r"datasets.\1", fields["source"])
    return fields


MAX_CLASS_NAME = 100
# Characters of a name that is shown (but for the run's own), of a path, and of a message.
_MAX_NAME, _MAX_PATH, _MAX_MESSAGE = 500, 4096, 20_000
_MAX_WARNINGS = 20
# Browsers read this form, too; Python reads many more.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?([+-]\d\d:\d\d|Z)", re.ASCII)
# For seconds and epochs: their quotients are finite.
_MIN_AMOUNT, _MAX_AMOUNT = 1e-12, 1e12


def _message(texts: Any) -> Message:
    is_good = isinstance(texts, dict) and all(
        isinstance(each, str) and len(each) <= _MAX_MESSAGE and is_unicode(each)
        for each in (*texts, *texts.values())
    )
    if not is_good or ENGLISH not in texts:
        raise BadField("messages: expected texts by language")
    return Message(texts)


def _check(record: RunRecord) -> None:
    """Raise ValueError for what types alone do not rule out."""
    datetime.fromisoformat(record.created)
    if not _TIME.fullmatch(record.created):
        raise BadField("created: expected a time in ISO 8601")
    RunLabel(record.name, record.note)
    names = record.id, record.data, record.data_sha256, record.settings.device
    is_long = max(map(len, names)) > _MAX_NAME or len(record.data_folder) > _MAX_PATH
    if is_long or len(record.message) > _MAX_MESSAGE:
        raise BadField("a name or message is too long")
    if len(record.warnings) > _MAX_WARNINGS:
        raise BadField(f"warnings: expected at most {_MAX_WARNINGS}")
    shares = [epoch.accuracy for epoch in record.epochs]
    shares += [each for each in (record.baseline, record.test and record.test.accuracy) if each]
    if not all(0 <= share <= 1 for share in shares):
        raise BadField("accuracy: expected a number from 0 to 1")
    counts = [record.examples, record.steps, record.done, record.threads]
    counts += [each.epoch for each in record.epochs]
    counts += [each for row in record.confusion or () for each in row]
    counts += [record.test.examples] if record.test else []
    counts += [record.validation_examples or 0]
    if any(count < 0 for count in counts):
        raise BadField("expected numbers that are not negative")
    steps = [point.step for point in record.curve] + [change.step for change in record.lr_changes]
    if any(step < 1 for step in steps):
        raise BadField("step: expected at least 1")
    if not all(change.lr > 0 for change in record.lr_changes):
        raise BadField("lr: expected a positive number")
    amounts = [record.seconds, *(epoch.seconds for epoch in record.epochs)]
    amounts += [point.seconds for point in record.curve]
    if not all(each == 0 or _is_amount(each) for each in amounts):
        raise BadField("seconds: out of range")
    if not all(_is_amount(point.epoch) for point in record.curve):
        raise BadField("epoch: out of range")
    rows = record.confusion
    if rows is not None and not (2 <= len(rows) <= 1000 and {*map(len, rows)} == {len(rows)}):
        raise BadField("confusion: expected as many rows as columns")
    if any(len(name) > MAX_CLASS_NAME for name in record.classes) or len(record.classes) > 1000:
        raise BadField("classes: out of range")
    if record.classes and rows is not None and len(record.classes) != len(rows):
        raise BadField("confusion: expected a row for each of the classes")


def _is_amount(value: float) -> bool:
    return _MIN_AMOUNT <= value <= _MAX_AMOUNT
