"""One worker process, seen from the app."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

from inkgrad_demo.texts import message


class WorkerProcess:
    """Starts a module for one request; a context manager that waits for its end.

    The module (see worker.py) finds in the request a ``folder`` of its own, which is deleted in the
    end. The process is killed after ``max_seconds``, with those that it started.
    """

    def __init__(self, module: str, request: dict[str, Any], max_seconds: float) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="inkgrad-job-", ignore_cleanup_errors=True
        )
        self._request = request | {"folder": self._folder.name}
        self._max_seconds = max_seconds
        # A file, not a pipe: nobody reads stderr while the events are read.
        self._stderr = tempfile.TemporaryFile(  # noqa: SIM115  # closed in last_words()
            "w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal is for the app
        )
        self._timer = threading.Timer(max_seconds, self.kill)
        self._overdue = False

    def __enter__(self) -> WorkerProcess:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Closes the pipes and waits; a request that was not read is lost.
        with contextlib.suppress(BrokenPipeError), self._process:
            pass
        self._overdue = not self._timer.is_alive()
        self._timer.cancel()
        self._kill_group()
        self._folder.cleanup()

    def events(self) -> Iterator[dict[str, Any]]:
        """Send the request and yield each event, until the process ends or is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(self._request) + "\n")
            self._process.stdin.flush()
            for line in self._process.stdout:
                event = json.loads(line)
                yield event
                if "done" in event:  # a process that it started may keep the pipe open
                    return
        except (BrokenPipeError, json.JSONDecodeError):
            pass  # killed while it read the request or wrote a line

    def kill(self) -> None:
        if self._process.poll() is None:
            self._kill_group()
            self._process.kill()

    def _kill_group(self) -> None:
        """Kill what the process started."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """Return why the process ended, for one that gave no result."""
        with self._stderr as stderr:
            stderr.seek(0)
            lines = [line.strip() for line in stderr if line.strip()]
        if self._overdue:
            return message("problem.overdue", seconds=self._max_seconds)
        return (
            lines[-1][:500]
            if lines
            else message("problem.exit_code", code=self._process.returncode)
        )
