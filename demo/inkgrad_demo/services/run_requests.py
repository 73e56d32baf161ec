"""The request that started a run, kept with it, so that a page that opens it shows all of it again.

No Gradio in here.
"""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from inkgrad.course.files import read_limited, write_atomically
from inkgrad.course.training.run_record import RunRecord
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.training_data import COURSE_SETS
from inkgrad_demo.services.training_requests import StartRequest
from inkgrad_demo.services.upload_store import UploadStore

_REQUEST, _UPLOAD = "request.json", "upload"
_MAX_BYTES = 4 * 2**20


def save(store: RunStore, uploads: UploadStore, run: str, request: StartRequest) -> None:
    """Keep the request and its file with the run, if there is room."""
    with contextlib.suppress(OSError):
        store.prepare(run)
        write_atomically(store.path(run) / _REQUEST, json.dumps(_to_json(request)).encode())
        if request.upload:
            uploads.copy_to(request.upload, store.path(run) / _UPLOAD)


def load(store: RunStore, uploads: UploadStore, record: RunRecord) -> dict[str, Any]:
    """Return the request of a run as JSON. Of a run that the app did not start, or whose request is
    damaged, it has only the name of the data, if the app knows it.
    """
    path = store.path(record.id) / _REQUEST
    try:
        content = read_limited(path, _MAX_BYTES)
        request = _to_json(parse(StartRequest, json.loads(content)))
    except (OSError, ValueError, RecursionError):
        return {"data": COURSE_SETS.get(record.data)}
    if request["upload"]:
        uploads.take_back(request["upload"], store.path(record.id) / _UPLOAD)
    return request


def _to_json(request: StartRequest) -> dict[str, Any]:
    fields = request.model_dump()
    for drawing in fields["drawings"] or ():
        drawing["pixels"] = base64.b64encode(drawing["pixels"]).decode("ascii")
    return fields
