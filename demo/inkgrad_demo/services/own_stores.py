"""The runs and uploads of each user, in a folder of their own. No Gradio in here.

Where visitors have no runs of their own, all share one store. A user's store lists the shared runs
too, as of the time before there were users; they can be opened and resumed (as a copy), but not
changed.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.upload_store import UploadStore
from inkgrad_demo.serving import visitors

MAX_BYTES_OF_USER = 64 * 2**20
"""Bytes of a user's uploads on disk."""


def own_runs(shared: RunStore) -> RunStore:
    """The store of the visitor whose request is being answered."""
    owner = visitors.current().owner
    return _runs_of(shared, owner) if owner else shared


def own_uploads(shared: UploadStore) -> UploadStore:
    """The uploads of the visitor whose request is being answered."""
    owner = visitors.current().owner
    return _uploads_of(shared.folder, owner) if owner else shared


@cache
def _runs_of(shared: RunStore, owner: str) -> RunStore:
    folder = _folder(shared.folder.parent, owner) / "runs"
    store = RunStore(folder, archive=shared.archive or shared.folder)
    store.clean()
    return store


@cache
def _uploads_of(shared: Path, owner: str) -> UploadStore:
    return UploadStore(_folder(shared.parent, owner) / "uploads", MAX_BYTES_OF_USER)


def _folder(root: Path, owner: str) -> Path:
    """A name that people recognize and that is another one for each user on every file system."""
    readable = re.sub(r"[^a-z0-9]+", "-", owner.lower())[:20].strip("-")
    return root / "users" / f"{readable}-{hashlib.sha256(owner.encode()).hexdigest()[:16]}"
