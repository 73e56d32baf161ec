"""Load and faults of the app's server and of saved runs: ``python -m inkgrad_bench.server``.

Three parts print their figures, each with its limit:

- load: people who draw while networks train in the same server. A person draws for two seconds,
  sends the drawing as the Draw page does, one request at a time, and rests for four seconds;
- kills: a training that is killed at random moments and resumed, until it is finished;
- disk: a training that cannot write for a while, as on a full disk.

The data are random images. Everything is written to a temporary folder.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import math
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from inkgrad.course import weights_file
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.pictures import RASTER_SIDE

_SECONDS_OF_DRAWING, _SECONDS_OF_REST = 2.0, 4.0
_SECONDS_BETWEEN_SENDINGS = 0.05
_SECONDS_BETWEEN_POLLS = 0.25
_MAX_SECONDS = 120
_MAX_SECONDS_TO_KILL = 8  # half of them to start
_IMAGES = {"train": 2000, "t10k": 200}
Results = list["Figure"]


@dataclass(frozen=True)
class Figure:
    """A measured value; it passes if it is at most ``limit``."""

    name: str
    value: float
    limit: float

    @property
    def passes(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "pass" if self.passes else "FAIL"
        return f"{self.name:<52}{self.value:>10.4g}{self.limit:>10g}  {verdict}"


# ---------------------------------------------------------------- load


class _Server:
    """``inkgrad demo`` in a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "inkgrad", "demo", "--port", str(self._port)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        while "inkgrad is at" not in (line := self.process.stdout.readline()):
            if not line:
                raise RuntimeError("the server ended; its output is above")
        connection = self.connect()
        connection.request("GET", "/config")
        components = json.load(connection.getresponse())["components"]
        self._of_functions = {
            function: each["id"]
            for each in components
            for function in each["props"].get("server_fns") or ()
        }

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=_MAX_SECONDS)

    def call(self, connection: http.client.HTTPConnection, function: str, data: Any) -> Any:
        """Call a server function as a page does. RuntimeError for an error of any kind."""
        body = {
            "data": data,
            "fn_name": function,
            "component_id": self._of_functions[function],
            "session_hash": str(threading.get_ident()),
        }
        headers = {"Content-Type": "application/json"}
        connection.request(
            "POST", "/gradio_api/component_server", json.dumps(body).encode(), headers
        )
        response = connection.getresponse()
        content = response.read()
        answer = json.loads(content) if response.status == 200 else {"error": content.decode()}
        if "error" in answer:
            raise RuntimeError(f"{function}: {response.status} {answer['error']}")
        return answer

    def megabytes(self) -> float:
        """The memory that the server holds; NaN where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except OSError:
            return math.nan
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_MAX_SECONDS)


class _Crowd:
    """People in threads of their own, until the time is over."""

    def __init__(self, server: _Server, seconds: float) -> None:
        self._server = server
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self.answers: list[float] = []
        self.errors: list[str] = []

    def draw(self) -> None:
        drawings = _parts_of_a_drawing()
        connection = self._server.connect()
        time.sleep(random.uniform(0, _SECONDS_OF_DRAWING + _SECONDS_OF_REST))
        while self._goes_on():
            begin = time.monotonic()
            while (done := (time.monotonic() - begin) / _SECONDS_OF_DRAWING) < 1:
                pixels = drawings[int(done * len(drawings))]
                data = {"pixels": pixels, "model": "strong", "backend": "fused"}
                taken = self._timed(connection, "recognize", data)
                with self._lock:
                    self.answers.append(taken)
                time.sleep(max(0.0, _SECONDS_BETWEEN_SENDINGS - taken))
            time.sleep(_SECONDS_OF_REST)

    def train(self) -> None:
        connection = self._server.connect()
        settings = {"model": "cnn", "data": "mnist", "epochs": 2000}
        (run,) = self._server.call(connection, "start", settings)["runs"]
        cursor = None
        while self._goes_on():
            status = self._server.call(connection, "status", {"run": run, "cursor": cursor})
            cursor = status["cursor"]
            time.sleep(_SECONDS_BETWEEN_POLLS)
        self._server.call(connection, "steer", {"run": run, "action": "stop"})

    def thread(self, act: Callable[[], None]) -> threading.Thread:
        def work() -> None:
            try:
                act()
            except Exception as error:  # of any kind: it is counted
                with self._lock:
                    self.errors.append(repr(error))

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def _timed(self, connection: http.client.HTTPConnection, function: str, data: Any) -> float:
        start = time.perf_counter()
        self._server.call(connection, function, data)
        return time.perf_counter() - start

    def _goes_on(self) -> bool:
        return time.monotonic() < self._end


def load(root: Path, people: int, trainings: int, seconds: float) -> Results:
    """Let ``people`` draw for ``seconds`` while networks train."""
    server = _Server(_environment(root))
    try:
        crowd = _Crowd(server, seconds)
        threads = [crowd.thread(crowd.train) for _ in range(trainings)]
        threads += [crowd.thread(crowd.draw) for _ in range(people)]
        time.sleep(seconds / 3)  # every training and every person has begun
        before = server.megabytes()
        for thread in threads:
            thread.join()
        growth = server.megabytes() - before
    finally:
        server.close()
    for error in sorted(set(crowd.errors))[:10]:
        print(error, file=sys.stderr)
    answers = sorted(crowd.answers) or [math.inf]
    who = f"{people} people, {trainings} trainings"
    return [
        Figure(f"{who}: errors in {len(crowd.answers)} drawings", len(crowd.errors), 0),
        Figure("  answer, median, ms", 1000 * statistics.median(answers), 100),
        Figure("  answer, 95th percentile, ms", 1000 * answers[int(0.95 * len(answers))], 400),
        Figure("  memory, growth in the last two thirds, MB", growth, 50),
    ]


def _parts_of_a_drawing(parts: int = 20) -> list[str]:
    """A 7, from its first stroke to the whole, in base64."""
    side = RASTER_SIDE
    start, corner = (0.3 * side, 0.25 * side), (0.7 * side, 0.25 * side)
    end = (0.45 * side, 0.8 * side)
    drawings = []
    for part in range(1, parts + 1):
        image = Image.new("L", (side, side))
        across = min(1.0, 2 * part / parts)
        down = max(0.0, 2 * part / parts - 1)
        ends = [start, _between(start, corner, across), _between(corner, end, down)]
        ImageDraw.Draw(image).line(ends[: 2 + (down > 0)], fill=255, width=max(2, side // 14))
        drawings.append(base64.b64encode(image.tobytes()).decode())
    return drawings


def _between(
    first: tuple[float, float], second: tuple[float, float], share: float
) -> tuple[float, float]:
    x, y = ((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
    return x, y


# ---------------------------------------------------------------- kills


class _Training:
    """``inkgrad train cnn`` in a process of its own, with its runs under ``root``."""

    def __init__(self, root: Path, *arguments: str) -> None:
        self.out, self._errors = root / "out.safetensors", root / "errors.txt"
        command = [sys.executable, "-m", "inkgrad", "train", "cnn", "--json", "--out"]
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, str(self.out), *arguments],
                env=_environment(root),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def epochs(self) -> Iterator[dict[str, Any]]:
        """The printed results of each epoch, without times, until the process ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):  # a kill may leave a part of one
                found = json.loads(line)
                yield {name: value for name, value in found.items() if "second" not in name}

    def said(self) -> str:
        return self._errors.read_text()


@dataclass
class _Damage:
    """The damage that kills did. ``lost`` is in seconds."""

    kills: int = 0
    lost: float = 0.0
    unlisted: int = 0
    not_resumed: int = 0
    unlike: int = 0


def kills(root: Path, count: int, epochs: int) -> Results:
    """Kill trainings ``count`` times, and compare their curves with an uninterrupted one's."""
    settings = ("--data", str(root), "--epochs", str(epochs), "--threads", "1")
    whole = _Training(root, *settings)
    expected = list(whole.epochs())
    if whole.process.wait() != 0:
        raise RuntimeError(f"the uninterrupted training failed:\n{whole.said()}")
    damage = _Damage()
    while damage.kills < count:
        with tempfile.TemporaryDirectory() as folder:
            weights = _train_and_kill(Path(folder), settings, expected, damage, count)
            damage.unlike += weights is not None and not _same_weights(whole.out, weights)
    return [
        Figure(f"{damage.kills} kills: most that was lost, s", damage.lost, 5),
        Figure("  runs that were not listed, or damaged", damage.unlisted, 0),
        Figure("  runs that could not be resumed", damage.not_resumed, 0),
        Figure("  epochs and weights unlike the uninterrupted run's", damage.unlike, 0),
    ]


def _train_and_kill(
    root: Path, settings: Sequence[str], expected: list[Any], damage: _Damage, count: int
) -> Path | None:
    """Train, with kills until there were ``count``; return the weights, None if it failed."""
    store, given = RunStore(root / "runs"), tuple(settings)
    while True:
        training, began = _Training(root, *given), math.inf
        kill = threading.Timer(random.uniform(0, _MAX_SECONDS_TO_KILL), training.process.kill)
        is_new = given == tuple(settings)
        if not is_new and damage.kills < count:  # also while it starts
            kill.start()
        for number, epoch in enumerate(training.epochs()):
            damage.unlike += epoch != expected[epoch["epoch"] - 1]
            began = min(began, time.time())
            if number == 0 and is_new:
                kill.start()
        moment = time.time()
        kill.cancel()
        code = training.process.wait()
        if code == 0:
            return training.out
        if code != -signal.SIGKILL:
            damage.not_resumed += 1
            print(training.said(), file=sys.stderr)
            return None
        damage.kills += 1
        print(f"{damage.kills} of {count} kills", file=sys.stderr)
        found, damaged = store.summaries()
        if len(found) != 1 or damaged:
            damage.unlisted += 1
            return None
        (run,) = found
        if run.state == "finished":  # killed before --out was written
            return store.weights(run.id)
        given = ("--resume", run.id)
        damage.lost = max(damage.lost, moment - max(began, _saved(store, run.id)))


def _saved(store: RunStore, run: str) -> float:
    """When the run was saved, as :func:`time.time` counts."""
    return (store.path(run) / "run.json").stat().st_mtime


def _same_weights(*paths: Path) -> bool:
    first, second = (weights_file.load(path)[0].state_dict() for path in paths)
    return all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------- disk


def full_disk(root: Path) -> Results:
    """Limit the size of a training's files for a while (on Linux)."""
    import resource

    training = _Training(root, "--epochs", "1000000", "--threads", "1")
    next(training.epochs())
    reader = threading.Thread(target=lambda: list(training.epochs()))
    reader.start()

    def limit(size: int) -> None:
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.prlimit(training.process.pid, resource.RLIMIT_FSIZE, (size, most))

    def seconds_until(is_so: Callable[[], bool]) -> float:
        start = time.monotonic()
        while not is_so():
            if training.process.poll() is not None or time.monotonic() > start + _MAX_SECONDS:
                return math.inf
            time.sleep(0.1)
        return time.monotonic() - start

    limit(1000)
    noticed = seconds_until(lambda: "File too large" in training.said())
    limit(resource.RLIM_INFINITY)
    store, freed = RunStore(root / "runs"), time.time()
    run = max(store.summaries()[0], key=lambda each: each.created).id
    saved = seconds_until(lambda: _saved(store, run) > freed)
    training.process.send_signal(signal.SIGINT)
    code = training.process.wait(_MAX_SECONDS)
    reader.join()
    return [
        Figure("full disk: until it says so, s", noticed, 10),
        Figure("  until it is saved, once there is room, s", saved, 10),
        Figure("  it goes on until Ctrl-C (0: yes)", abs(code - 128 - signal.SIGINT), 0),
    ]


# ---------------------------------------------------------------- the command


@contextmanager
def _data_root() -> Iterator[Path]:
    """A folder with random images in MNIST's format."""
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "MNIST", "raw")
        raw.mkdir(parents=True)
        generator = torch.Generator().manual_seed(0)
        for part, count in _IMAGES.items():
            images = torch.randint(256, (count, 28, 28), generator=generator)
            labels = torch.randint(10, (count,), generator=generator)
            for name, values in (("images-idx3", images), ("labels-idx1", labels)):
                header = struct.pack(f">{values.dim() + 1}I", 0x800 + values.dim(), *values.shape)
                content = header + values.to(torch.uint8).numpy().tobytes()
                (raw / f"{part}-{name}-ubyte").write_bytes(content)
        yield Path(folder)


def _environment(root: Path) -> dict[str, str]:
    return os.environ | {"INKGRAD_DATA": str(root)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m inkgrad_bench.server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--people", type=int, default=30, help="who draw (default: %(default)s)")
    parser.add_argument("--trainings", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=600, help="of drawing (default: %(default)s)"
    )
    parser.add_argument("--kills", type=int, default=40, help="(default: %(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=200, help="of a training that is killed (default: 200)"
    )
    args = parser.parse_args(arguments)
    figures: Results = []
    print(f"{'':<52}{'measured':>10}{'at most':>10}")
    with _data_root() as root:
        for part in (
            lambda: load(root, args.people, args.trainings, args.seconds),
            lambda: kills(root, args.kills, args.epochs),
            lambda: full_disk(root),
        ):
            found = part()
            figures += found
            print("\n".join(map(str, found)), flush=True)
    return 0 if all(each.passes for each in figures) else 1


if __name__ == "__main__":
    raise SystemExit(main())
