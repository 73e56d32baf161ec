"""The files that were sent to train on, on disk: they outlast the server. No Gradio in here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from inkgrad.course.data.tables import TableOptions
from inkgrad.course.files import read_limited, remove_leftovers, write_atomically

# The oldest files make room for new ones. Runs keep files of their own.
MAX_FILES = 100
MAX_BYTES = 256 * 2**20

_ID = re.compile(r"[0-9a-f]{16}")


class UploadedFile(NamedTuple):
    """A file as it was sent, and how to read it if it is a table."""

    name: str
    content: bytes
    options: TableOptions = TableOptions()

    @property
    def id(self) -> str:
        return _id_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        header = {"name": self.name, "options": asdict(self.options)}
        return json.dumps(header).encode() + b"\n" + self.content

    @classmethod
    def from_bytes(cls, saved: bytes) -> UploadedFile:
        header, _, content = saved.partition(b"\n")
        fields = json.loads(header)
        options = fields["options"]
        if options["columns"] is not None:
            options["columns"] = tuple(options["columns"])
        return cls(fields["name"], content, TableOptions(**options))


class UploadStore:
    """Files in ``folder``, by id. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        remove_leftovers(folder)

    def add(self, file: UploadedFile) -> None:
        """Keep a file, if that is possible."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / file.id, file.to_bytes())
            self._make_room()

    def find(self, id: str) -> UploadedFile | None:
        """Return a file; None if it is not there, or damaged."""
        if not _ID.fullmatch(id):
            return None
        try:
            saved = read_limited(self._folder / id, MAX_BYTES)
            return UploadedFile.from_bytes(saved) if _id_of(saved) == id else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def copy_to(self, id: str, path: Path) -> None:
        """Keep a copy for a run. OSError if that fails."""
        _link_or_copy(self._folder / id, path)

    def take_back(self, id: str, path: Path) -> None:
        """Take the copy of a run if the file is not here any more."""
        if self.find(id) is None and _ID.fullmatch(id):
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
                (self._folder / id).unlink(missing_ok=True)
                _link_or_copy(path, self._folder / id)

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


def _id_of(saved: bytes) -> str:
    return hashlib.sha256(saved).hexdigest()[:16]
