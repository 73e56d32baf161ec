"""The record of a run in a run store, besides its weights; to JSON and back."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any, Literal, get_args

from inkgrad.course.messages import Message, message
from inkgrad.course.settings import Settings
from inkgrad.course.training.steps import Evaluation
from inkgrad.course.training.trainer import Epoch

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
        confusion: The confusion matrix on the test set, or without one on the validation part:
            10 x 10 for digits, 2 x 2 for tables. Rows are labels, columns predictions. None: not
            yet.
    """

    id: str
    created: str
    data: str
    examples: int
    settings: Settings
    source: str = ""
    state: State = "loading"
    message: str = ""
    curve: tuple[Point, ...] = ()
    epochs: tuple[Epoch, ...] = ()
    lr_changes: tuple[LrChange, ...] = ()
    seconds: float = 0.0
    test: Evaluation | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON types; :meth:`from_json` reads it back.

        ``messages`` has a translated message in every language.
        """
        fields = asdict(self)
        if isinstance(self.message, Message):
            fields["messages"] = self.message.texts
        return fields

    @classmethod
    def from_json(cls, fields: Any) -> RunRecord:
        """Read a record, also one that an earlier version wrote. RunError if it is none."""
        try:
            fields = _current(fields)
            parts = {
                "settings": Settings(**fields["settings"]),
                "curve": tuple(Point(**point) for point in fields["curve"]),
                "epochs": tuple(Epoch(**epoch) for epoch in fields["epochs"]),
                "lr_changes": tuple(LrChange(**change) for change in fields["lr_changes"]),
                "test": fields["test"] and Evaluation(**fields["test"]),
                "confusion": fields["confusion"] and tuple(map(tuple, fields["confusion"])),
            }
            messages = fields.pop("messages", None)
            if messages is not None:
                parts["message"] = Message(messages)
            record = cls(**{**fields, **parts})
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunError(message("problem.no_record", error=repr(error))) from None
        if record.state not in get_args(State):
            raise RunError(message("problem.no_record", error=f"state {record.state!r}"))
        return record


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
