"""Python programs for tests, forked from one process that has imported torch already.

Importing torch takes seconds, forking milliseconds. The process imports nothing of inkgrad, so that
a program sees its own environment variables, and starts no threads, so that forking is safe. A
program ends like one started by ``python -c``: with its own traceback and atexit handlers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO

_PRELOADED = ("torch", "torch.distributed", "numpy", "PIL.Image", "scipy.ndimage", "safetensors")


class Ended(NamedTuple):
    """The result of a program, like subprocess.CompletedProcess."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """A running program, similar to subprocess.Popen."""

    def __init__(self, server: WarmPython, pid: int, stdout: TextIO, stderr: TextIO) -> None:
        self._server = server
        self.pid, self.stdout, self.stderr = pid, stdout, stderr

    def send_signal(self, number: int) -> None:
        """Send a signal to the program, which must still be running."""
        os.kill(self.pid, number)

    def finish(self) -> Ended:
        """Wait for the end of the program; return its exit code and the rest of its output.

        Kills a program that takes longer than two minutes.
        """
        killer = threading.Timer(120, os.kill, (self.pid, signal.SIGKILL))
        killer.start()
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.append(self.stderr.read()))
        reader.start()
        out = self.stdout.read()
        reader.join()
        code = self._server.ask({"wait": self.pid})
        killer.cancel()
        self.stdout.close()
        self.stderr.close()
        return Ended(code, out, errors[0])


class WarmPython:
    """Starts programs: ``warm.start(code, *arguments, env=..., cwd=...)``."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()

    def start(
        self, code: str, *arguments: str, env: Mapping[str, str] | None = None, cwd: Any = "."
    ) -> Program:
        """Start ``code`` with command-line ``arguments``; ``env`` adds to the environment."""
        pipes = [os.pipe() for _ in range(2)]
        request = {
            "code": code,
            "argv": ["-c", *arguments],
            "env": {**os.environ, **(env or {})},
            "cwd": str(Path(cwd).resolve()),
        }
        pid = self.ask(request, [write for _, write in pipes])
        for _, write in pipes:
            os.close(write)
        stdout, stderr = (os.fdopen(read, encoding="utf-8") for read, _ in pipes)
        return Program(self, pid, stdout, stderr)

    def run(self, code: str, *arguments: str, **options: Any) -> Ended:
        """Start a program and wait for its end."""
        return self.start(code, *arguments, **options).finish()

    def ask(self, request: dict[str, Any], fds: list[int] | None = None) -> int:
        """Send a request to the process and return its answer."""
        message = json.dumps(request).encode()
        self._socket.sendall(len(message).to_bytes(8, "little"))
        socket.send_fds(self._socket, [message[:1]], fds or [])
        self._socket.sendall(message[1:])
        return int.from_bytes(self._socket.recv(8), "little", signed=True)

    def close(self) -> None:
        """End the process. Programs that are still running are not affected."""
        self._socket.close()
        self._process.wait()


def _next_program(connection: socket.socket) -> dict[str, Any] | None:
    """Serve requests. Return the request in a process forked for it, and None at the end."""
    while size := int.from_bytes(connection.recv(8), "little"):
        first, fds, _, _ = socket.recv_fds(connection, 1, 2)
        with connection.makefile("rb", buffering=0) as stream:
            message = first
            while len(message) < size:
                message += stream.read(size - len(message))
        request = json.loads(message)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                connection.close()
                os.setsid()  # Ctrl-C in the terminal of the tests is not for the program
                for fd, target in zip(fds, (1, 2), strict=True):
                    os.dup2(fd, target)
                    os.close(fd)
                return request
            for fd in fds:
                os.close(fd)
        connection.sendall(answer.to_bytes(8, "little", signed=True))
    return None


if __name__ == "__main__":
    sys.path.pop(0)  # that of this file
    for name in _PRELOADED:
        __import__(name)
    # A suite in the background ignores SIGINT, and so would its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    program = _next_program(socket.socket(fileno=int(sys.argv[1])))
    if program is not None:
        os.chdir(program["cwd"])
        os.environ.clear()
        os.environ.update(program["env"])
        sys.argv = program["argv"]
        sys.path.insert(0, "")
        exec(compile(program["code"], "<string>", "exec"), {"__name__": "__main__"})
