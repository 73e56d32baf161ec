"""The status of a run as pages and the API show it, of a live run and of a saved one alike.

A page polls the status several times a second, and a run of 2000 epochs has a long one. An answer
therefore carries a cursor; a poll that sends it back gets what has been added since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from inkgrad.course.messages import Message
from inkgrad.course.training.run_record import ENDED, RunRecord, RunSummary, State

ShownState = State | Literal["interrupted"]


@dataclass(frozen=True)
class QuickEvaluation:
    """The accuracy on a few validation examples, measured between the ends of two epochs."""

    step: int
    epoch: float
    seconds: float
    accuracy: float


@dataclass(frozen=True)
class RunStatus:
    """The status of a run.

    Attributes:
        record: Settings, data, curve and results so far.
        steps: Steps of the whole run; 0 until the data is loaded.
        done: Steps done.
        lr: The learning rate that is set now, before any schedule.
        speed: Examples per second.
        seconds_left: Time to the end at the average speed so far; None if unknown.
        complete: Whether the test set has been evaluated, so that nothing will change any more.
        can_resume: Whether it has ended and can go on where it did.
        problem: Why the run is not saved now; None if it is.
        quick_evaluations: Accuracies between the ends of the epochs.
        checkpoints: The steps after which there is a checkpoint.
        revisions: Of curve, quick evaluations and checkpoints. Rows are appended to each; where
            earlier rows change (a long curve is thinned out), its revision changes with them.
    """

    record: RunRecord
    steps: int
    done: int
    lr: float
    speed: float = 0.0
    seconds_left: float | None = None
    complete: bool = True
    can_resume: bool = False
    problem: Message | None = None
    quick_evaluations: tuple[QuickEvaluation, ...] = ()
    checkpoints: tuple[int, ...] = ()
    revisions: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of_record(
        cls,
        record: RunRecord,
        checkpoints: Sequence[int] = (),
        *,
        is_training: bool = False,
        can_resume: bool = False,
    ) -> RunStatus:
        """The status of a stored run, which another program may be training."""
        last = record.curve[-1] if record.curve else None
        done = record.done or max([last.step if last else 0, *checkpoints[-1:]])
        trained = last.epoch * record.examples if last else 0.0
        return cls(
            record=record,
            steps=record.steps
            or (round(last.step / last.epoch * record.settings.epochs) if last else done),
            done=done,
            lr=[record.settings.lr, *(change.lr for change in record.lr_changes)][-1],
            speed=trained / record.seconds if record.seconds else 0.0,
            complete=not is_training,
            can_resume=can_resume and record.state not in ("finished", "diverged"),
            checkpoints=tuple(checkpoints),
            # The first point's step is the number of steps that each point stands for.
            revisions=(record.curve[0].step if last else 0, 0, len(checkpoints)),
        )

    @property
    def state(self) -> ShownState:
        """The record's state, or "interrupted" if the process that trained the run is gone."""
        state = self.record.state
        return "interrupted" if self.complete and state not in ENDED else state

    def to_json(self, cursor: Sequence[int] = ()) -> dict[str, Any]:
        """The whole status; with the ``cursor`` of an earlier answer, what has changed since.

        ``curve`` has rows of [step, epoch, seconds, loss], ``epochs`` of [loss, validation loss,
        accuracy, seconds, epoch], ``quick_evaluations`` of [step, epoch, seconds, accuracy],
        ``checkpoints`` are steps, ``lr_changes`` rows of [step, lr]. Each begins after the first
        ``from`` rows, which the receiver keeps. Settings, data and results are left out unless
        the data has been loaded, or the run completed, since the cursor.
        """
        stage, *seen = cursor or (-1, *(0, -1) * len(_ROWS))
        record, now = self.record, 2 if self.complete else min(self.steps, 1)
        answer: dict[str, Any] = {
            "id": record.id,
            "state": self.state,
            "message": record.message,
            "steps": self.steps,
            "done": self.done,
            "seconds": record.seconds,
            "speed": self.speed,
            "seconds_left": self.seconds_left,
            "lr": self.lr,
            "complete": self.complete,
            "can_resume": self.can_resume,
            "problem": self.problem,
            "warnings": list(record.warnings),
            "from": {},
            "cursor": [now],
        }
        curve, quick, checkpoints = self.revisions
        revisions = (curve, 0, quick, checkpoints, 0)
        series = (
            record.curve,
            record.epochs,
            self.quick_evaluations,
            self.checkpoints,
            record.lr_changes,
        )
        for i, (name, row) in enumerate(_ROWS.items()):
            count, revision = seen[2 * i : 2 * i + 2]
            start = min(count, len(series[i])) if revision == revisions[i] else 0
            answer[name] = [row(item) for item in series[i][start:]]
            answer["from"][name] = start
            answer["cursor"] += [len(series[i]), revisions[i]]
        return answer if stage == now else answer | self._details()

    def _details(self) -> dict[str, Any]:
        record = self.record
        return {
            "created": record.created,
            "settings": asdict(record.settings),
            "data": record.data,
            "fallback_data": record.is_fallback,
            "baseline": record.baseline,
            "examples": record.examples,
            "test": record.test and asdict(record.test),
            "confusion": record.confusion,
        }


def summary_row(summary: RunSummary, *, is_training: bool) -> dict[str, Any]:
    """One row in a list of runs; ``active``: some program trains the run."""
    fields = asdict(summary)
    if not is_training and summary.state not in ENDED:
        fields["state"] = "interrupted"
    return fields | {"active": is_training}


# The series of a status, and how a row of each is sent.
_ROWS: dict[str, Callable[[Any], Any]] = {
    "curve": lambda point: [point.step, point.epoch, point.seconds, point.loss],
    "epochs": lambda e: [e.loss, e.validation_loss, e.accuracy, e.seconds, e.epoch],
    "quick_evaluations": lambda quick: [quick.step, quick.epoch, quick.seconds, quick.accuracy],
    "checkpoints": lambda step: step,
    "lr_changes": lambda change: [change.step, change.lr],
}

CURSOR_LENGTH = 1 + 2 * len(_ROWS)
"""The whole numbers in a cursor; none is negative."""
