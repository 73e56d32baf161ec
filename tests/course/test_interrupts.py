"""Ctrl-C is not for the workers."""

from __future__ import annotations

import signal
import subprocess
import sys

from inkgrad.course.interrupts import not_for_children

BLOCKED = "import signal as s; print(s.SIGINT in s.pthread_sigmask(s.SIG_BLOCK, []))"


def blocked_in_a_child() -> str:
    child = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True)
    return child.stdout.strip()


def test_only_children_of_the_block_do_not_notice_ctrl_c() -> None:
    with not_for_children():
        assert blocked_in_a_child() == "True"
    assert blocked_in_a_child() == "False"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
