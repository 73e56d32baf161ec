"""Where and when it was measured, and whether the machine had nothing else to do."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import inkgrad

# So much of one processor may go to others before it is worth a word.
DISTURBING = 0.15


def describe(device: str) -> dict[str, Any]:
    """Machine, versions, commit and date; strings, numbers, lists and None only."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": inkgrad.__version__,
        "commit": _commit(),
        "device": device,
        "processor": _processor(),
        "processors": processors(),
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
        "load_average": _load_average(),
        "build": inkgrad.build_config(),
    }


def processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class OtherWork:
    """How many processors others kept busy since this was made, a hypervisor's guests included."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def processors(self) -> float | None:
        """The average over the time since; None where that is unknown."""
        busy, elapsed = _busy_seconds(), time.perf_counter() - self._start
        if busy is None or self._busy is None or elapsed <= 0:
            return None
        return max(0.0, (busy - self._busy - (_own_seconds() - self._own)) / elapsed)

    def warning(self) -> str | None:
        """One line if that is more than the odd housekeeping."""
        others = self.processors()
        if others is None or others <= DISTURBING:
            return None
        return (
            f"other work kept {others:.1f} of {processors()} processors busy meanwhile: "
            "on a quiet machine these figures would be others"
        )


def _busy_seconds() -> float | None:
    """Of all processors together since the machine started; Linux alone."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _own_seconds() -> float:
    """Of this process and of those that it started and that have ended, a compiler's."""
    return sum(os.times()[:4])


def _load_average() -> float | None:
    """Of the last minute; None where that is unknown."""
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _processor() -> str:
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        info = ""
    found = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def _commit() -> str | None:
    """Of the checkout that this file lies in, marked if it was changed; None outside of one."""
    here = Path(__file__).resolve()
    git = ["git", "-C", str(here.parent)]
    try:
        options: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
        tracked = subprocess.run([*git, "ls-files", str(here)], **options).stdout
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], **options).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], **options).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    # An installed copy may lie within somebody else's repository.
    return (f"{head} (changed)" if changes else head) if tracked else None
