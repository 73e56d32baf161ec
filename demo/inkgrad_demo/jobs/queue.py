"""Checks and benchmarks that people start: one at a time, each in a process of its own.

Two at once would spoil each other's times, so that later ones wait in line. Thread-safe.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import IO, Any

from inkgrad_demo.texts import message

MAX_WAITING = 8
"""So many may wait for the one that runs."""
MAX_KEPT = 64
"""Of so many the results can still be asked for."""
MAX_SECONDS = 600
"""A process that takes longer is ended."""


class Busy(ValueError):
    """Too many wait already."""

    def __init__(self) -> None:
        super().__init__(message("problem.busy", waiting=MAX_WAITING))


class Failed(Exception):
    """The job ended without a result; says why."""


@dataclass(eq=False)
class Job:
    """Work for one process.

    ``state`` is "waiting", "running", "done", "stopped" or "failed"; ``error`` says why it failed.
    """

    request: dict[str, Any]
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))  # whoever has it may stop it
    state: str = "waiting"
    events: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    process: subprocess.Popen[str] | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """The jobs of an app, and the thread that carries them out in turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._at_work = False

    def start(self, request: dict[str, Any]) -> Job:
        """Put a request (see worker.py) in line."""
        job = Job(request)
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                raise Busy
            self._jobs[job.id] = job
            self._forget_old()
            self._waiting.append(job)
            if not self._at_work:
                self._at_work = True
                threading.Thread(target=self._work, daemon=True).start()
        return job

    def poll(self, id: Any, after: int) -> dict[str, Any]:
        """State, how many are ahead, and the events from number ``after`` on.

        The state of a job that is not known (any more) is "gone".
        """
        job = self._find(id)
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

    def stop(self, id: Any) -> None:
        """End the job now; nothing if it has ended or is not known."""
        job = self._find(id)
        with self._lock:
            if job is None or job.ended.is_set():
                return
            job.state = "stopped"
            if job in self._waiting:
                self._waiting.remove(job)
                job.ended.set()
            elif job.process is not None:
                job.process.kill()

    def result(self, job: Job) -> dict[str, Any]:
        """Wait for the job's document; Failed if there is none."""
        job.ended.wait()
        if job.state != "done":
            raise Failed(job.error or message("problem.stopped"))
        document: dict[str, Any] = job.events[-1]["done"]
        return document

    def _find(self, id: Any) -> Job | None:
        return self._jobs.get(id) if isinstance(id, str) else None

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended.is_set()]
        for job in ended[: max(0, len(self._jobs) - MAX_KEPT)]:
            del self._jobs[job.id]

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._at_work = False
                    return
                job = self._waiting.popleft()
                job.state = "running"
            try:
                self._carry_out(job)
            except Exception as error:  # of the system: the next job gets its turn all the same
                self._end(job, f"{type(error).__name__}: {error}")

    def _carry_out(self, job: Job) -> None:
        # Messages go to a file: nobody reads a pipe while the events are read.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as messages:
            process = subprocess.Popen(
                [sys.executable, "-m", "inkgrad_demo.jobs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C in the terminal is the app's
            )
            timer = threading.Timer(MAX_SECONDS, process.kill)
            timer.start()
            try:
                with process:
                    with self._lock:
                        job.process = process
                        if job.state == "stopped":  # before there was a process to end
                            process.kill()
                    self._listen(job, process)
            finally:
                overdue = not timer.is_alive()
                timer.cancel()
            if overdue:
                self._end(job, message("problem.overdue", seconds=MAX_SECONDS))
            else:
                ended = message("problem.exit_code", code=process.returncode)
                self._end(job, _last_line(messages) or ended)

    def _listen(self, job: Job, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(job.request) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                with self._lock:
                    job.events.append(json.loads(line))
        except (BrokenPipeError, json.JSONDecodeError):
            pass  # it was killed: while it read its request, or wrote a line

    def _end(self, job: Job, otherwise: str) -> None:
        """Settle the job's state; ``otherwise``: why it failed, if it has."""
        with self._lock:
            if job.events and "done" in job.events[-1]:
                job.state = "done"
            elif job.state != "stopped":
                job.state, job.error = "failed", otherwise
            job.process = None
            job.ended.set()


def _last_line(messages: IO[str]) -> str:
    messages.seek(0)
    lines = [line.strip() for line in messages if line.strip()]
    return lines[-1][:500] if lines else ""
