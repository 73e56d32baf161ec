"""A queue of jobs for worker processes: one runs at a time, the others wait. Thread-safe."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from inkgrad_demo.jobs.worker_process import WorkerProcess
from inkgrad_demo.texts import message

MAX_WAITING = 8
"""Jobs that may wait while one runs."""
MAX_KEPT = 64
"""Jobs whose results are kept."""


class QueueFull(ValueError):
    """Too many jobs are waiting."""

    def __init__(self) -> None:
        super().__init__(message("problem.busy", waiting=MAX_WAITING))


class JobFailed(Exception):
    """The job ended without a result; the message says why."""


@dataclass(eq=False)
class Job:
    """A request to a worker process, and the events that came back.

    ``state`` is "waiting", "running", "done", "stopped" or "failed"; ``error`` says why it failed.
    """

    request: dict[str, Any]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))  # also the right to stop it
    state: str = "waiting"
    events: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    worker: WorkerProcess | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class JobQueue:
    """Runs jobs in their order, in a background thread.

    Each is a process of ``module``, which is killed after ``max_seconds``.
    """

    def __init__(self, module: str, max_seconds: float) -> None:
        self._module = module
        self._max_seconds = max_seconds
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._thread_runs = False

    def submit(self, request: dict[str, Any]) -> Job:
        """Append a job for the request, which the module understands. Raises QueueFull."""
        job = Job(request)
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise QueueFull
            self._jobs[job.id] = job
            self._forget_old_jobs()
            self._waiting.append(job)
            if not self._thread_runs:
                self._thread_runs = True
                threading.Thread(target=self._run_jobs, daemon=True).start()
        return job

    def poll(self, id: str, after: int) -> dict[str, Any]:
        """Return the job's state, how many are ahead of it, and its events from ``after`` on.

        The state of a job that is unknown, or no longer kept, is "gone".
        """
        job = self._jobs.get(id)
        if job is None:
            return {"state": "gone", "ahead": 0, "events": [], "error": None}
        with self._lock:
            ahead = self._waiting.index(job) + 1 if job in self._waiting else 0
            return {
                "state": job.state,
                "ahead": ahead,
                "events": job.events[after:],
                "error": job.error,
            }

    def stop(self, id: str) -> None:
        """End the job now. Does nothing if it has ended or is unknown."""
        job = self._jobs.get(id)
        with self._lock:
            if job is None or job.ended.is_set():
                return
            job.state = "stopped"
            if job in self._waiting:
                self._waiting.remove(job)
                job.ended.set()
            elif job.worker is not None:
                job.worker.kill()

    def wait_for(self, job: Job) -> dict[str, Any]:
        """Wait for the job and return its result document. Raises JobFailed."""
        job.ended.wait()
        if job.state != "done":
            raise JobFailed(job.error or message("problem.stopped"))
        document: dict[str, Any] = job.events[-1]["done"]
        return document

    def _forget_old_jobs(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended.is_set()]
        for job in ended[: max(0, len(self._jobs) - MAX_KEPT)]:
            del self._jobs[job.id]

    def _run_jobs(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread_runs = False
                    return
                job = self._waiting.popleft()
                job.state = "running"
            try:
                self._end(job, self._run(job))
            except Exception as error:  # from the system: the next job runs all the same
                self._end(job, f"{type(error).__name__}: {error}")

    def _run(self, job: Job) -> str:
        """Run the job; return how its process ended."""
        with WorkerProcess(self._module, job.request, self._max_seconds) as worker:
            with self._lock:
                job.worker = worker
                if job.state == "stopped":  # before it had a process to kill
                    worker.kill()
            for event in worker.events():
                with self._lock:
                    job.events.append(event)
        return worker.last_words()

    def _end(self, job: Job, last_words: str) -> None:
        with self._lock:
            if job.events and "done" in job.events[-1]:
                job.state = "done"
            elif job.state != "stopped":
                job.state, job.error = "failed", last_words
            job.worker = None
            job.ended.set()
