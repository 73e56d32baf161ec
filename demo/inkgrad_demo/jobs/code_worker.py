"""The process that runs a visitor's code: ``python -m inkgrad_demo.jobs.code_worker``.

It reads a request as worker.py does. The kind "program" runs ``code``, and "answer" checks it as
the answer to an exercise. Events are ``{"output": text}``, ``{"figure": PNG in base64}``,
``{"verdict": ...}`` and in the end ``{"done": {"ended": how}}``: "finished", "failed" (the output
has the traceback), "output" or "files" (it wrote more than is allowed).

The limits keep a mistake from harming the machine: memory, the size of files and of the output,
time (see WorkerProcess) and, on Linux, no network. They are no protection against attacks: the code
can read what the app can, so shared servers do not run any.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import json
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from inkgrad_demo.jobs import figures
from inkgrad_demo.jobs.worker import claim_stdout, exit_with_the_app

MAX_MEMORY = 4 * 2**30
"""Bytes of memory of each process."""
MAX_FILES = 64 * 2**20
"""Bytes of one file, and of all files in the folder."""
MAX_OUTPUT = 100_000
"""Characters of output."""
MAX_FIGURES = 10

_PROGRAM = "program.py"  # in its folder, which no message needs to name
_FILES_PERIOD = 0.5  # seconds between two looks at the folder
_OUTPUT_PERIOD = 0.02  # and between two events of output, which are few and large so
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


class Reporter:
    """Sends events to the app; the last one ends the process."""

    def __init__(self) -> None:
        self._events = claim_stdout()
        self._lock = threading.Lock()
        self._figures = 0

    def emit(self, event: dict[str, Any]) -> None:
        with self._lock:
            print(json.dumps(event), file=self._events, flush=True)

    def figure(self, png: bytes) -> None:
        self._figures += 1
        if self._figures <= MAX_FIGURES:
            self.emit({"figure": base64.b64encode(png).decode()})

    def end(self, how: str) -> NoReturn:
        self.emit({"done": {"ended": how}})
        os._exit(0)


def main() -> None:
    """Serve one request."""
    reporter = Reporter()
    figures.receive = reporter.figure
    request = json.loads(sys.stdin.readline())
    _leave_the_network()  # before there are threads
    threading.Thread(target=exit_with_the_app, args=(sys.stdin,), daemon=True).start()
    sys.stdin = open(os.devnull)  # noqa: SIM115  # a program that asks gets the end of the file
    folder = Path(request["folder"])
    _limit()
    threading.Thread(target=_watch_files, args=(folder, reporter), daemon=True).start()
    os.environ.update(
        MPLBACKEND="module://inkgrad_demo.jobs.matplotlib_backend", TMPDIR=str(folder)
    )
    os.chdir(folder)
    finish_output = _capture_output(reporter)
    runs: dict[str, Callable[..., str]] = {"program": _program, "answer": _answer}
    process = os.getpid()
    how = runs[request["kind"]](request, folder, reporter)
    if os.getpid() != process:  # a fork that the program made comes here, too
        sys.stdout.flush()
        os._exit(0)
    for thread in threading.enumerate():  # Python waits for them before it ends
        if not thread.daemon and thread is not threading.current_thread():
            thread.join()
    finish_output()
    reporter.end(how)


def _program(request: dict[str, Any], folder: Path, reporter: Reporter) -> str:
    Path(_PROGRAM).write_text(request["code"], encoding="utf-8")
    sys.argv, sys.path[0] = [_PROGRAM], str(folder)
    try:
        runpy.run_path(_PROGRAM, run_name="__main__")
        _show_figures()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return "failed" if end.code else "finished"
    except BaseException as error:  # any: its traceback is what the visitor needs
        _print_traceback(error)
        return "failed"
    return "finished"


def _answer(request: dict[str, Any], folder: Path, reporter: Reporter) -> str:
    from inkgrad.course.lessons.exercises import check

    verdict = check(request["number"], request["exercise"], request["code"])
    texts = verdict.message.texts
    reporter.emit({"verdict": {"is_right": verdict.is_right, "message": texts}})
    return "finished"


def _print_traceback(error: BaseException) -> None:
    """Print the traceback from the first frame of the visitor's file on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != _PROGRAM:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def _show_figures() -> None:
    """Show what the program has drawn and not shown."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].show()


# ---------------------------------------------------------------- limits


def _limit() -> None:
    if hasattr(os, "nice"):
        os.nice(5)  # drawing has priority
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    for kind, most in (
        (resource.RLIMIT_DATA, MAX_MEMORY),
        (resource.RLIMIT_FSIZE, MAX_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
            resource.setrlimit(kind, (most, hard))


def _leave_the_network() -> None:
    """Enter a namespace of one's own that has no network, where Linux permits it."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    user, group = os.getuid(), os.getgid()
    if ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return
    with contextlib.suppress(OSError):  # else this user is "nobody", whose files are still ours
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _watch_files(folder: Path, reporter: Reporter) -> None:
    while True:
        time.sleep(_FILES_PERIOD)
        size = 0
        for place, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(place, name)).st_size
        if size > MAX_FILES:
            reporter.end("files")


def _capture_output(reporter: Reporter) -> Callable[[], None]:
    """Send what is written to stdout and stderr as events. Returns a function that ends this."""
    reading, writing = os.pipe()
    elsewhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    for number in (1, 2):
        os.dup2(writing, number)
    os.close(writing)

    def send() -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        left = MAX_OUTPUT
        while piece := os.read(reading, 65536):
            text = decode(piece)
            reporter.emit({"output": text[:left]})
            left -= len(text)
            if left < 0:
                reporter.end("output")
            time.sleep(_OUTPUT_PERIOD)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()

    def finish() -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            os.dup2(elsewhere, number)
        thread.join(timeout=2)  # a process that the program started may keep the pipe open

    return finish


if __name__ == "__main__":
    main()
