"""The commands run without kernels, without what only POSIX systems have, and on consoles whose
encoding lacks characters."""

from __future__ import annotations

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


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_without_posix_and_kernels(
    python: WarmPython, arguments: list[str], tmp_path: Path
) -> None:
    image = Image.new("L", (60, 60), 255)
    image.paste(0, (27, 8, 33, 52))
    image.save(tmp_path / "one.png")
    program = f"{WITHOUT_POSIX}\nsys.exit(cli.main({arguments!r}))"
    ended = python.run(program, cwd=tmp_path, env=REFERENCE)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_the_app_is_built_without_posix(python: WarmPython, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    program = f"""import gradio, uvicorn
{WITHOUT_POSIX}
from pathlib import Path
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo import app
from inkgrad_bench import environment
functions = len(app.build(RunStore(Path("runs"))).fns)
print(functions, environment.describe("cpu")["processors"], flush=True)
os._exit(0)  # skips the end of threads of gradio and torch, which needs what is hidden
"""
    ended = python.run(program, cwd=tmp_path, env=REFERENCE)
    assert ended.returncode == 0, ended.stderr


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
