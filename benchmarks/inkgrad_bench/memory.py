"""Peak memory of one call, beyond its inputs."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_bytes(step: Callable[[], Any], device: str) -> int | None:
    """Peak bytes of a warm ``step``, its results included; None where this cannot be measured.

    On the CPU: the growth of the process's resident memory (Linux only). Unlike torch's own
    counters this includes the workspaces of libraries, except what they keep between calls. It is
    meaningless below a few hundred kilobytes, and includes up to a few megabytes that the C
    library's allocator holds back; MALLOC_MMAP_THRESHOLD_=65536 in the environment avoids that,
    at a cost in time. On CUDA: the peak of torch's allocator.
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
        # Memory freed but kept by the allocator would be reused unseen. Only glibc has this call.
        ctypes.CDLL(None).malloc_trim(0)
        _CLEAR_REFS.write_text("5")  # resets VmHWM, the peak resident size
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
    """Bytes that can be allocated without swapping; None where this is unknown."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None
