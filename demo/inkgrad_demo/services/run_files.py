"""Runs as files: to download, and weights that come back. No Gradio in here."""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

from inkgrad.course.messages import message_of
from inkgrad.course.settings import Settings
from inkgrad.course.training import onnx_export as onnx
from inkgrad.course.training import weights_file as checkpoint
from inkgrad.course.training.run_store import Record, RunStore, now
from inkgrad.course.training.script import script
from inkgrad.course.training.steps import Score
from inkgrad_demo.services.request_validation import choice, fields, file
from inkgrad_demo.texts import message

# What a run can be downloaded as, and how the files' names end.
FORMATS = {"weights": ".safetensors", "onnx": ".onnx", "script": ".py", "record": ".json"}


class RunFiles:
    """The runs of a store as files."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    def export(self, question: Any) -> dict[str, Any]:
        """A run as a file: {run, format} with one of FORMATS -> {name, content}, in base64."""
        asked = fields(question)
        kind = choice("format", asked.get("format"), tuple(FORMATS))
        record = self.store.load(asked.get("run"))
        weights = self.store.weights(record.id)
        if kind in ("weights", "onnx") and not weights.exists():
            raise ValueError(message("problem.learnt_nothing", run=record.id))
        if kind == "weights":
            content = weights.read_bytes()
        elif kind == "onnx":
            content = onnx.export(weights)
        elif kind == "script":
            content = script(record).encode()
        else:
            content = json.dumps(record.to_json(), indent=1).encode()
        name = f"{record.settings.model}-{record.id[-6:]}{FORMATS[kind]}"
        return {"name": name, "content": base64.b64encode(content).decode("ascii")}

    def take_in(self, question: Any) -> dict[str, Any]:
        """Weights that were downloaded, or that ``inkgrad train`` wrote, become a run of the store.

        {name, content}, in base64 -> {run: its id}. It has no curves.
        """
        name, content = file(question)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "weights.safetensors")
            path.write_bytes(content)
            try:
                _, metadata = checkpoint.load(path, called=name)
                record = _record(self.store.new_id(metadata["model"]), metadata)
            except checkpoint.CheckpointError:
                raise
            except (KeyError, TypeError, ValueError) as error:
                told = message("problem.untold", file=name, error=message_of(error))
                raise ValueError(told) from None
        self.store.save(record)
        self.store.weights(record.id).write_bytes(content)
        return {"run": record.id}


def _record(run: str, metadata: dict[str, Any]) -> Record:
    names = {field.name for field in fields_of(Settings)}
    settings = {name: value for name, value in metadata["settings"].items() if name in names}
    results, data = metadata["results"], metadata["data"]
    test = results["test"]
    return Record(
        id=run,
        created=now(),
        data=str(data["name"]),
        examples=int(data["train"]),
        settings=Settings(**settings),
        state="finished",
        test=Score(**test) if test else None,
    )
