"""Writing files atomically: a reader never sees half a file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` in one step; a crash leaves the old file or the new one.

    The bytes are written to a temporary file on the same disk, which is then renamed. OSError as
    from ``open``.
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
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
        os.rmdir(folder)
