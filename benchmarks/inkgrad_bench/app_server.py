"""The app as ``inkgrad demo`` serves it, which tells when each training step ended.

    python -m inkgrad_bench.app_server PORT

Stdout: the app's address, then for every run that has ended a line of JSON, the ends of its steps
in milliseconds since 1970, which is how a browser on the same machine counts as well.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from inkgrad.course.training import run
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.trainer import Batch, Trainer
from inkgrad_demo import app


class TimedTrainer(Trainer):
    """A trainer that records when each of its steps ended."""

    def __init__(self, *args: Any, on_batch: Any, **kwargs: Any) -> None:
        self._ends: list[float] = []

        def note(batch: Batch) -> None:
            self._ends.append(1000 * time.time())
            on_batch(batch)

        super().__init__(*args, on_batch=note, **kwargs)

    def release(self) -> None:
        print(json.dumps(self._ends), flush=True)
        super().release()


def main() -> None:
    """Serve until stdin is closed: the benchmark has ended."""
    run.Trainer = TimedTrainer  # type: ignore[assignment, misc]
    torch.set_num_threads(1)  # as inkgrad demo has it
    with tempfile.TemporaryDirectory() as folder:
        blocks = app.build(RunStore(Path(folder)))
        print(app.serve(blocks, "127.0.0.1", int(sys.argv[1])), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
