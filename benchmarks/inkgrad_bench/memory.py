"""How much memory one call takes at its highest, beyond what its inputs occupy."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(step: Callable[[], Any], device: str) -> int | None:
    """Bytes that a warm ``step`` needs at once, its results included; None if that cannot be told.

    On the CPU the growth of the process's resident memory (Linux alone). Unlike torch's own count
    it holds the workspaces of libraries, save what one keeps from call to call; it means nothing
    below some hundred kilobytes. It holds what the C library's allocator keeps back too, some
    megabytes now and then; none with MALLOC_MMAP_THRESHOLD_=65536 in the environment, which costs
    time.
    On CUDA the count of torch's allocator.
    """
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    if sys.platform != "linux":
        return None
    step()
    try:
        # What was freed but kept would hide what is taken from it now. Only glibc has this.
        ctypes.CDLL(None).malloc_trim(0)
        _CLEAR.write_text("5")  # resets VmHWM, the highest resident size so far
        before = _status("VmRSS")
        step()
        return max(0, _status("VmHWM") - before)
    except (OSError, AttributeError):
        return None


def _status(name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{_STATUS} has no {name}")
    return 1024 * int(found[1])


def available_bytes() -> int | None:
    """What may still be taken without swapping; None if that cannot be told."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
