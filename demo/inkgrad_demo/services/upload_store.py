"""The files that were sent to train on, on disk: they outlast the server. No Gradio in here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

from inkgrad.course.files import remove_leftovers, write_atomically

# The oldest files make room for new ones. Runs keep files of their own.
MAX_FILES = 100
MAX_BYTES = 256 * 2**20

_ID = re.compile(r"[0-9a-f]{16}")


class UploadStore:
    """Files in ``folder``, named by their contents. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        remove_leftovers(folder)

    @staticmethod
    def id_of(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()[:16]

    def add(self, name: str, content: bytes) -> None:
        """Keep a file, if that is possible: without room, it is known until the server ends."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            header = json.dumps({"name": name}).encode() + b"\n"
            write_atomically(self._folder / self.id_of(content), header + content)
            self._make_room()

    def find(self, upload: str) -> tuple[str, bytes] | None:
        """Return the name and the content of a file; None if it is not there, or damaged."""
        if not _ID.fullmatch(upload):
            return None
        try:
            header, _, content = (self._folder / upload).read_bytes().partition(b"\n")
            name = json.loads(header)["name"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (name, content) if self.id_of(content) == upload and type(name) is str else None

    def copy_to(self, upload: str, path: Path) -> None:
        """Keep a copy for a run. OSError if that fails."""
        _link_or_copy(self._folder / upload, path)

    def take_back(self, upload: str, path: Path) -> None:
        """Take the copy of a run if the file is not here any more."""
        if self.find(upload) is None and _ID.fullmatch(upload):
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / upload).unlink(missing_ok=True)
                _link_or_copy(path, self._folder / upload)

    def _make_room(self) -> None:
        files = [(each.stat(), each) for each in self._folder.iterdir() if _ID.fullmatch(each.name)]
        files.sort(key=lambda found: found[0].st_mtime, reverse=True)
        size = 0
        for count, (found, path) in enumerate(files, start=1):
            size += found.st_size
            if count > MAX_FILES or size > MAX_BYTES:
                path.unlink(missing_ok=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
