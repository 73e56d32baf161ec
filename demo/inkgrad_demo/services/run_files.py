"""Runs as files to download, and weights to import. No Gradio in here."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from inkgrad.course import tensor_file, weights_file
from inkgrad.course.files import read_limited, write_atomically
from inkgrad.course.messages import message_of
from inkgrad.course.settings import Settings
from inkgrad.course.training import onnx_export
from inkgrad.course.training.run_record import RunRecord, now
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.script_export import script
from inkgrad.course.training.steps import Evaluation
from inkgrad.course.training.typed_json import from_json
from inkgrad_demo.services.request_fields import OneOf, RunId
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.services.uploads import FileRequest
from inkgrad_demo.texts import message

# The formats of a download, and the suffixes of their files.
FORMATS = {"weights": ".safetensors", "onnx": ".onnx", "script": ".py", "record": ".json"}


class ExportRequest(Request):
    run: RunId = Field(description="the id of the run")
    format: Annotated[str, OneOf(FORMATS)] = Field(
        "weights", description="weights (safetensors), onnx, script (Python) or record (JSON)"
    )


class RunFiles:
    """Exports and imports the runs of a store."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def export(self, request: ExportRequest) -> dict[str, Any]:
        """Export a run as a file.

        Returns:
            name of the file, and its content in base64.
        """
        kind = request.format
        record = self.store.load(request.run)
        weights = self.store.weights(record.id)
        if kind in ("weights", "onnx") and not weights.exists():
            raise ValueError(message("problem.learnt_nothing", run=record.id))
        if kind == "weights":
            content = read_limited(weights, tensor_file.MAX_BYTES)
        elif kind == "onnx":
            content = onnx_export.export(weights)
        elif kind == "script":
            content = script(record).encode()
        else:
            content = json.dumps(record.to_json(), indent=1).encode()
        name = f"{record.settings.model}-{record.id[-6:]}{FORMATS[kind]}"
        return {"name": name, "content": base64.b64encode(content).decode("ascii")}

    def import_weights(self, request: FileRequest) -> dict[str, Any]:
        """Add a weights file, exported or written by ``inkgrad train``, to the store as a run.

        The answer has the id of the ``run``, which has no curves.
        """
        name, content = request.name, request.content
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "weights.safetensors")
            path.write_bytes(content)
            try:
                _, metadata = weights_file.load(path, called=name)
                record = _record(self.store.new_id(metadata["model"]), metadata)
            except weights_file.WeightsFileError:
                raise
            except (KeyError, TypeError, ValueError) as error:
                told = message("problem.untold", file=name, error=message_of(error))
                raise ValueError(told) from None
        self.store.prepare(record.id)
        write_atomically(self.store.weights(record.id), content)
        self.store.save(record)
        return {"run": record.id}


def _record(run: str, metadata: dict[str, Any]) -> RunRecord:
    results, data = metadata["results"], metadata["data"]
    test = results["test"]
    record = RunRecord(
        id=run,
        created=now(),
        data=data["name"],
        examples=data["train"],
        settings=from_json(Settings, metadata["settings"]),
        state="finished",
        test=Evaluation(**test) if test else None,
    )
    return RunRecord.from_json(record.to_json())  # validates every field
