"""Training for the Train page and the API: start, watch and steer runs. No Gradio in here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import ENDED
from inkgrad.course.training.run_status import CURSOR_LENGTH, RunStatus
from inkgrad_demo.services.request_fields import RunId, Whole
from inkgrad_demo.services.request_validation import EmptyRequest, Request, field_error
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_requests import MAX_LR, StartRequest, TrainRequest
from inkgrad_demo.texts import message

_SECONDS_BETWEEN_UPDATES = 0.5
# Runs of the store that the Train page lists; the Compare page has them all.
_MAX_EARLIER = 12

Cursor = Annotated[
    list[Annotated[int, Whole(0, 10**9)]],
    Field(min_length=CURSOR_LENGTH, max_length=CURSOR_LENGTH),
]


class StatusRequest(Request):
    run: RunId = Field(description="the id of the run")
    cursor: Cursor | None = Field(
        None, description="the cursor of an earlier answer, to get only what has changed since"
    )


class SteerRequest(Request):
    run: RunId = Field(description="the id of the run")
    action: Literal["pause", "resume", "stop", "lr"] = Field(
        description="pause, resume, stop, or lr to change the learning rate"
    )
    lr: float | None = Field(None, ge=0, le=MAX_LR, description="the new learning rate")

    @model_validator(mode="after")
    def _lr_is_given(self) -> SteerRequest:
        if self.action == "lr" and self.lr is None:
            expected = message("problem.number", least="0", most=f"{MAX_LR:g}")
            raise field_error("lr", expected, None)
        return self


class TrainingService:
    """Trains models on the course's data, uploads and drawings."""

    def __init__(self, runs: Runs, datasets: Datasets) -> None:
        self._runs = runs
        self._datasets = datasets

    def start(self, request: StartRequest) -> dict[str, Any]:
        """Start a run, or two with the backend "both", and return at once.

        Returns:
            runs: the ids of the runs.
        """
        return {"runs": [run.id for run in self._start(request)]}

    def train(self, request: TrainRequest) -> Iterator[dict[str, Any]]:
        """Train a model and report its progress until it ends. It stops if the caller leaves.

        Parameters that are null are the course's own settings of the model.

        Returns:
            id, state, done of steps, epochs (training loss, validation loss, accuracy and seconds
            of each); at the end test and confusion.
        """
        (run,) = self._start(request)
        try:
            while not run.wait(_SECONDS_BETWEEN_UPDATES):
                yield _without_curve(run.status())
            yield _without_curve(run.status())
        finally:
            run.stop()

    def status(self, request: StatusRequest) -> dict[str, Any]:
        """Return the status of a run: settings, curve, results and progress.

        Returns:
            as in the answers of /train, and curve, checkpoints, settings, cursor.
        """
        return self._runs.get(request.run).status().to_json(request.cursor or [])

    def steer(self, request: SteerRequest) -> dict[str, Any]:
        """Pause, resume or stop a run, or change its learning rate.

        Returns:
            id and state of the run.
        """
        run = self._runs.live(request.run)
        if run is None:
            raise field_error("run", message("problem.training_run"), request.run)
        if request.lr is not None and request.action == "lr":
            run.set_lr(request.lr)
        else:
            {"pause": run.pause, "resume": run.resume, "stop": run.stop}[request.action]()
        return {"id": run.id, "state": run.status().state}

    def earlier(self, request: EmptyRequest) -> dict[str, Any]:
        """Return summaries of the latest ``runs`` in the store that have ended."""
        records = [record for record in self._runs.store.records() if record.state in ENDED]
        return {
            "runs": [RunStatus.of_record(record).summary() for record in records[:_MAX_EARLIER]]
        }

    def _start(self, request: StartRequest) -> list[Run]:
        settings = request.settings()
        data = request.data, request.upload, request.drawings
        return self._runs.start(settings, self._datasets.source(request.model, *data))


def _without_curve(status: RunStatus) -> dict[str, Any]:
    answer = status.to_json()
    names = ("id", "state", "message", "done", "steps", "seconds", "speed", "epochs")
    return {name: answer[name] for name in (*names, "data", "test", "confusion")}
