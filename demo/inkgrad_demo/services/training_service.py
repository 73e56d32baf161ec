"""Training for the Train page and the API: start, watch and steer runs. No Gradio in here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from inkgrad.course.training.run import Run
from inkgrad.course.training.run_label import MAX_NAME, MAX_NOTE, RunLabel
from inkgrad.course.training.run_status import CURSOR_LENGTH, RunStatus
from inkgrad_demo.services import run_requests
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


class RunRequest(Request):
    run: RunId = Field(description="the id of the run")


class LabelRequest(Request):
    run: RunId = Field(description="the id of the run")
    name: str = Field("", max_length=MAX_NAME, description="what to call the run; empty: nothing")
    note: str = Field("", max_length=MAX_NOTE, description="what else to write about it")


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
        """Start a run, or two with the backend "both", and return at once. If all places are taken,
        they are queued and start by themselves.

        Returns:
            runs: the ids of the runs.
        """
        return {"runs": [run.id for run in self._start(request)]}

    def train(self, request: TrainRequest) -> Iterator[dict[str, Any]]:
        """Train a model and report its progress until it ends. It stops if the caller leaves.

        Parameters that are null are the course's own settings of the model.

        Returns:
            id, state, place (in the queue; null once it has started), done of steps, epochs
            (training loss, validation loss, accuracy and seconds of each); at the end test and
            confusion.
        """
        (run,) = self._start(request)
        try:
            while not run.wait(_SECONDS_BETWEEN_UPDATES):
                self._runs.live(run.id)  # it is watched
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
        """Pause, resume or stop a run that you have started, or change its learning rate.

        Returns:
            id and state of the run.
        """
        if not self._runs.is_own(request.run):
            raise ValueError(message("problem.not_yours", run=request.run))
        run = self._runs.live(request.run)
        if run is None:
            return self._steer_elsewhere(request)
        if request.lr is not None and request.action == "lr":
            run.set_lr(request.lr)
        else:
            {"pause": run.pause, "resume": run.resume, "stop": run.stop}[request.action]()
        return {"id": run.id, "state": run.status().state}

    def _steer_elsewhere(self, request: SteerRequest) -> dict[str, Any]:
        """Stop a run that another program trains, which is all that it can be asked for."""
        store = self._runs.store
        if request.action != "stop" or not store.is_training(request.run):
            raise field_error("run", message("problem.training_run"), request.run)
        store.request_stop(request.run)
        return {"id": request.run, "state": "stopped"}

    def resume(self, request: RunRequest) -> dict[str, Any]:
        """Go on with a run that was stopped, or whose program ended, where it was.

        Returns:
            id and state of the run.
        """
        run = self._runs.resume(request.run)
        return {"id": run.id, "state": run.status().state}

    def label(self, request: LabelRequest) -> dict[str, Any]:
        """Give a run a name and a note, or take them away.

        Returns:
            name and note of the run.
        """
        label = RunLabel(request.name, request.note)
        self._runs.set_label(request.run, label)
        return asdict(label)

    def opened(self, request: RunRequest) -> dict[str, Any]:
        """Return what a run was started with: its ``settings``, and the ``request`` with the
        ``file`` that was uploaded for it, if that is known.
        """
        record = self._runs.get(request.run).status().record
        asked = run_requests.load(self._runs.store, self._datasets.files, record)
        file = None
        if asked.get("upload"):
            with contextlib.suppress(ValueError):
                file = self._datasets.description(asked["upload"])
        return {"settings": asdict(record.settings), "request": asked, "file": file}

    def listed(self, request: EmptyRequest) -> dict[str, Any]:
        """Return rows of the ``running`` runs and of the latest ``earlier`` ones, how many runs are
        ``older``, and a ``notice`` about where runs are saved.
        """
        rows, _ = self._runs.summaries()
        earlier = [row for row in rows if not row["active"]]
        return {
            "running": [row for row in rows if row["active"]],
            "earlier": earlier[:_MAX_EARLIER],
            "older": max(0, len(earlier) - _MAX_EARLIER),
            "notice": self._runs.notice,
        }

    def _start(self, request: StartRequest) -> list[Run]:
        settings = request.settings()
        data = request.data, request.upload, request.drawings
        source = self._datasets.source(request.model, *data)
        store, files = self._runs.store, self._datasets.files
        return self._runs.start(
            settings, source, lambda run: run_requests.save(store, files, run, request)
        )


def _without_curve(status: RunStatus) -> dict[str, Any]:
    answer = status.to_json()
    names = ("id", "state", "place", "message", "done", "steps", "seconds", "speed", "epochs")
    return {name: answer[name] for name in (*names, "data", "test", "confusion")}
