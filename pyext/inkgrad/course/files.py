"""Writing files atomically: a reader never sees half a file."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from pathlib import Path

# The temporary folder of a file that is being written: .NAME.RANDOM
_PART = re.compile(r"\.[\w.-]+\.\w{8}")
# In seconds. Other systems replace a file that is being read.
_WAITS_FOR_READERS = (0.01, 0.05, 0.2, 0.5) if os.name == "nt" else ()


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; a crash leaves the old file or the new one.

    The bytes are written to a temporary file on the same disk, which is then renamed. When this
    returns, a power cut does not lose them. OSError as from ``open``.
    """
    path = Path(path)
    # In a temporary folder: a temporary file itself would stay readable by its owner only.
    folder = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(folder, path.name)
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(part, path)
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)
        os.rmdir(folder)


def _replace(source: Path, target: Path) -> None:
    """Rename a file to the place of another one. Windows refuses that while somebody reads it."""
    for seconds in _WAITS_FOR_READERS:
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(seconds)
    os.replace(source, target)


def read_limited(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """Read a file. OSError, also if it is larger, or no regular file: a named pipe is waited for,
    and a device may have no end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    with open(path, "rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes} bytes", os.fspath(path))
    return content


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the names of the files in a folder permanent, where the system can."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove what an interrupted :func:`write_atomically` left in a folder; never raises."""
    try:
        left = [entry.path for entry in os.scandir(folder) if _PART.fullmatch(entry.name)]
    except OSError:
        return
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
