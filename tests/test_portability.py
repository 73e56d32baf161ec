"""The commands run without kernels, without what only POSIX systems have, and on consoles whose
encoding lacks characters."""

from __future__ import annotations

import base64
import io
import signal
import socket
from pathlib import Path

import pytest
from PIL import Image

from warm_python import WarmPython

# Hides what Windows lacks, after importing the libraries that have code of their own for Windows.
WITHOUT_POSIX = """
import os, signal, sys
import multiprocessing, platformdirs, torch
for name in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for name in ("SIGALRM", "SIGHUP", "SIGQUIT", "SIGUSR1", "pthread_sigmask", "setitimer"):
    delattr(signal, name)
for name in ("fork", "getloadavg", "getpgid", "killpg", "mkfifo", "nice", "sched_getaffinity",
             "setsid", "sysconf"):
    delattr(os, name)
from inkgrad import cli
"""
REFERENCE = {"INKGRAD_CPU_CAPABILITY": "reference"}
COMMANDS = (
    ["info"],
    ["check", "--op", "linear_sigmoid"],
    ["lesson", "3"],
    ["lesson", "8", "--code"],
    ["train", "logistic", "--epochs", "1", "--out", "model.safetensors"],
    ["predict", "one.png"],
)


def _one() -> bytes:
    """Draw a 1."""
    image = Image.new("L", (60, 60), 255)
    image.paste(0, (27, 8, 33, 52))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_posix_and_kernels(
    python: WarmPython, arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "one.png").write_bytes(_one())
    program = f"{WITHOUT_POSIX}\nsys.exit(cli.main({arguments!r}))"
    # Runs are saved there, and not beside those of the developer.
    ended = python.run(program, cwd=tmp_path, env=REFERENCE | {"INKGRAD_DATA": str(tmp_path)})
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_the_app_reads_a_digit_without_posix(python: WarmPython, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    import httpx

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    program = f"""import gradio, uvicorn
{WITHOUT_POSIX}
from inkgrad_bench import environment
print(environment.describe("cpu")["processors"], flush=True)
code = cli.main(["demo", "--port", {port!r}])
sys.stdout.flush()
os._exit(code)  # skips the end of threads of gradio and torch, which needs what is hidden
"""
    app = python.start(program, cwd=tmp_path, env=REFERENCE | {"INKGRAD_DATA": str(tmp_path)})
    while (line := app.stdout.readline()) and "inkgrad is at" not in line:
        pass
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/gradio_api/run/predict",
            json={"data": [base64.b64encode(_one()).decode(), "strong", "fused"]},
            timeout=60,
        )
    finally:
        app.send_signal(signal.SIGINT)
        ended = app.finish()
    assert ended.returncode == 0, ended.stderr
    assert answer.json()["data"][0]["label"] == 1


@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "ascii"])
def test_characters_that_an_encoding_lacks_are_replaced(
    python: WarmPython, encoding: str, tmp_path: Path
) -> None:
    program = f"""
import sys
sys.stdout = open("out", "w", encoding={encoding!r}, errors="strict")
from inkgrad import cli
sys.exit(cli.main(["lesson", "1"]))
"""
    ended = python.run(program, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert b"?" in (tmp_path / "out").read_bytes()
