"""The machine, the versions and the date of a run; how busy other programs kept the machine."""

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

# Processors kept busy by other programs, above which a run warns.
MAX_BACKGROUND = 0.15


def describe(device: str) -> dict[str, Any]:
    """Return machine, versions, commit and date, ready for JSON."""
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
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BackgroundLoad:
    """How many processors other programs, and other guests of a hypervisor, keep busy."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def processors(self) -> float | None:
        """The average since this was created; None where it is unknown."""
        busy, elapsed = _busy_seconds(), time.perf_counter() - self._start
        if busy is None or self._busy is None or elapsed <= 0:
            return None
        return max(0.0, (busy - self._busy - (_own_seconds() - self._own)) / elapsed)

    def warning(self) -> str | None:
        """A message if the load was too high for trustworthy figures."""
        others = self.processors()
        if others is None or others <= MAX_BACKGROUND:
            return None
        return (
            f"other programs kept {others:.1f} of {processors()} processors busy: "
            "run again on a quiet machine"
        )


def _busy_seconds() -> float | None:
    """CPU time of all processors since boot; Linux only."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, first[1:9])
        return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def _own_seconds() -> float:
    """CPU time of this process and its finished children, such as a compiler."""
    return sum(os.times()[:4])


def _load_average() -> float | None:
    """Over the last minute; None where it is unknown."""
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
    """The commit of this checkout, marked if there are changes; None outside a checkout."""
    here = Path(__file__).resolve()
    git = ["git", "-C", str(here.parent)]
    try:
        options: dict[str, Any] = {"capture_output": True, "text": True, "check": True}
        tracked = subprocess.run([*git, "ls-files", str(here)], **options).stdout
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], **options).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain"], **options).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    # An installed copy may be inside some other repository.
    return (f"{head} (changed)" if changes else head) if tracked else None
