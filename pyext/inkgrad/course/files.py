"""Writing a file so that a reader never sees half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` in one step: the old file or the new one, also after a crash.

    The bytes go to a temporary file on the same disk, which then takes the name. OSError as from
    ``open``.
    """
    path = Path(path)
    # A folder, not a temporary file: those are for their owner only, and the file would stay so.
    folder = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(folder, path.name)
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
        os.rmdir(folder)
