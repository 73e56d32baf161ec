"""The process that runs a visitor's code: what it sends, and the limits that it keeps."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.jobs.worker_process import WorkerProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")


def run(code: str, seconds: float = 240, **request: Any) -> tuple[list[dict[str, Any]], str]:
    """The events, and how it ended."""
    request = {"kind": "program", "code": code, **request}
    with WorkerProcess("inkgrad_demo.jobs.code_worker", request, seconds) as worker:
        events = list(worker.events())
    done = [event["done"]["ended"] for event in events if "done" in event]
    return events, done[0] if done else worker.last_words()


def output(events: list[dict[str, Any]]) -> str:
    return "".join(event.get("output", "") for event in events)


def test_what_a_program_prints_is_sent_in_its_order() -> None:
    code = """if True:
        import os, sys
        print("one", "中文", "\\ud800", input.__name__)
        os.system("echo two")
        print("three", file=sys.stderr)
        print(os.listdir(), __name__)
    """
    events, ended = run(code)
    assert ended == "finished"
    expected = "one 中文 \\ud800 input\ntwo\nthree\n['program.py'] __main__\n"
    assert output(events) == expected


@pytest.mark.parametrize(
    ("code", "ended", "printed"),
    [
        (
            "def f():\n    1 / 0\nf()",
            "failed",
            'Traceback (most recent call last):\n  File "program',
        ),
        ("def f(:", "failed", "SyntaxError: invalid syntax"),
        ("import sys; sys.exit('bye')", "failed", "bye\n"),
        ("import sys; sys.exit()", "finished", ""),
        ("print(input())", "failed", "EOFError"),
        ("x = bytearray(5 * 2**30)", "failed", "MemoryError"),
        ("while True: print('x' * 1000)", "output", "xxx"),
        ("open('a', 'wb').write(bytes(70 * 2**20))", "failed", "File too large"),
        (
            "import time\nfor i in range(10): open(str(i), 'wb').write(bytes(10 * 2**20))\n"
            "time.sleep(200)",
            "files",
            "",
        ),
        ("import os; os._exit(3)", "exited with code 3", ""),
    ],
)
def test_a_program_that_goes_wrong(code: str, ended: str, printed: str) -> None:
    if "bytearray" in code and sys.platform != "linux":
        pytest.skip("only Linux limits it")
    events, how = run(code)
    assert how == ended
    assert printed in output(events)
    assert len(output(events)) <= 100_000


def test_it_has_no_network_where_linux_permits_that() -> None:
    code = """if True:
        import os, socket
        links = [name for _, name in socket.if_nameindex()]
        print(os.readlink("/proc/self/ns/net"), links)
    """
    if sys.platform != "linux":
        pytest.skip("only on Linux")
    events, ended = run(code)
    assert ended == "finished"
    namespace = output(events).split()[0]
    if namespace == os.readlink("/proc/self/ns/net"):
        pytest.skip("this machine does not permit namespaces")
    assert output(events).split(maxsplit=1)[1].strip() == "['lo']"


def test_threads_and_forks_run_to_their_ends() -> None:
    code = """if True:
        import os, threading, time
        def work():
            time.sleep(0.2)
            print("thread")
        threading.Thread(target=work).start()
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        if child := os.fork():
            os.waitpid(child, 0)
        print("parent" if child else "child")
    """
    events, ended = run(code)
    assert ended == "finished"
    assert output(events).split() == ["child", "parent", "thread"]


def test_messages_name_the_program_without_its_folder() -> None:
    code = """if True:
        import threading, warnings
        warnings.warn("look")
        threading.Thread(target=lambda: 1 / 0).start()
    """
    events, ended = run(code)
    assert ended == "finished"
    assert 'File "program.py", line 4' in output(events)
    assert output(events).startswith("program.py:3: UserWarning: look")


def test_figures_are_sent_as_they_are_shown_and_in_the_end() -> None:
    pytest.importorskip("matplotlib")
    code = """if True:
        import matplotlib.pyplot as plt
        plt.plot([1, 2]); plt.show()
        print("between")
        plt.plot([2, 1])
    """
    events, ended = run(code)
    assert ended == "finished"
    kinds = [next(iter(event)) for event in events]
    assert [kind for kind in kinds if kind == "figure"] == ["figure"] * 2
    assert kinds.index("figure") < len(kinds) - 1 - kinds[::-1].index("output")
    assert events[kinds.index("figure")]["figure"].startswith("iVBOR")  # PNG


def test_what_it_started_ends_with_it(tmp_path) -> None:
    code = f"""if True:
        import subprocess, pathlib
        child = subprocess.Popen(["sleep", "1000"])
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
    """
    assert run(code)[1] == "finished"
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        status = Path(f"/proc/{pid}/stat").read_text() if sys.platform == "linux" else ""
        if ") Z " in status:  # killed, and not yet collected by its new parent
            return
        time.sleep(0.05)
    pytest.fail("it still runs")


def test_it_ends_after_its_time() -> None:
    _, ended = run("while True: pass", seconds=1)
    assert ended == "took longer than 1 second"


def test_an_answer_gets_its_verdict() -> None:
    code = "def output_size(n, kernel, stride=1, padding=0):\n    print('here')\n    return n\n"
    events, ended = run(code, kind="answer", number=10, exercise=1)
    assert ended == "finished"
    (verdict,) = (event["verdict"] for event in events if "verdict" in event)
    assert not verdict["is_right"]
    assert verdict["message"].keys() == {"en", "zh-CN"}
    assert "here" in output(events)
