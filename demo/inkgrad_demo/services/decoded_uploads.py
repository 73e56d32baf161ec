"""The latest uploads, decoded, in memory. No Gradio in here."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from inkgrad_demo.jobs.decoder import Decoded
from inkgrad_demo.services.upload_store import UploadedFile


class Quota(NamedTuple):
    """The most uploads that are kept, and the most bytes of them in memory."""

    uploads: int
    bytes: int


PER_VISITOR = Quota(16, 96 * 2**20)
IN_ALL = Quota(64, 384 * 2**20)
MAX_SECONDS_UNUSED = 4 * 3600.0


@dataclass
class Upload:
    """A file and what was decoded from it."""

    file: UploadedFile
    found: Decoded
    visitor: str
    used: float = field(default_factory=time.monotonic)

    @property
    def bytes(self) -> int:
        parts = self.found.data.train, self.found.data.test
        return len(self.file.content) + sum(
            each.inputs.nbytes + each.targets.nbytes for each in parts
        )


class DecodedUploads:
    """The latest uploads by id. Thread-safe.

    Beyond a quota the visitor's oldest, or the oldest of all, make room; so do uploads that nobody
    has used for hours.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uploads: OrderedDict[str, Upload] = OrderedDict()  # the latest used last

    def add(self, id: str, upload: Upload) -> None:
        with self._lock:
            self._uploads[id] = upload
            self._uploads.move_to_end(id)
            limit = time.monotonic() - MAX_SECONDS_UNUSED
            for old in [each for each, kept in self._uploads.items() if kept.used < limit]:
                del self._uploads[old]
            own = [each for each, kept in self._uploads.items() if kept.visitor == upload.visitor]
            self._make_room(own, PER_VISITOR)
            self._make_room(list(self._uploads), IN_ALL)

    def get(self, id: str) -> Upload | None:
        with self._lock:
            upload = self._uploads.get(id)
            if upload is not None:
                upload.used = time.monotonic()
                self._uploads.move_to_end(id)
            return upload

    def _make_room(self, ids: list[str], quota: Quota) -> None:
        """Delete the oldest of ``ids`` until the others, at least the last, are in the quota."""
        size = sum(self._uploads[id].bytes for id in ids)
        for count, id in zip(range(len(ids), 1, -1), ids, strict=False):
            if count <= quota.uploads and size <= quota.bytes:
                return
            size -= self._uploads.pop(id).bytes
