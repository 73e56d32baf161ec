"""The data to train on: the course's data sets, uploads and drawings. No Gradio in here."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from functools import partial
from typing import Any, NamedTuple

from inkgrad.course.data import datasets, own_digits
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.data.tables import ENCODINGS, TableOptions
from inkgrad.course.messages import joined
from inkgrad.course.models import MODELS, DigitModel
from inkgrad_demo.jobs.decoder import decode
from inkgrad_demo.services.decoded_uploads import DecodedUploads, Upload
from inkgrad_demo.services.own_stores import own_uploads
from inkgrad_demo.services.request_validation import choice_error
from inkgrad_demo.services.training_requests import LabeledDrawing
from inkgrad_demo.services.upload_store import UploadedFile, UploadStore
from inkgrad_demo.services.uploads import UploadedRequest, UploadRequest
from inkgrad_demo.serving import visitors
from inkgrad_demo.texts import message

# The data sets for models of digits and for models of tables; the first is the default.
DIGIT_SETS = ("mnist", "digits", "drawings", "images")
TABLE_SETS = ("diabetes", "hours", "cancer", "table")
UPLOADED = ("images", "table")

# The names of the course's data in a record, and the keys of their names on a page.
DATA_NAMES = {
    "MNIST": "data.mnist",
    "scikit-learn's digits": "data.digits",
    "diabetes": "data.diabetes",
    "hours of study": "data.hours",
    "scikit-learn's breast cancer table": "data.cancer",
    "drawings": "data.drawings",
}

# The same names, and the data sets of this page.
COURSE_SETS = {
    name: key.removeprefix("data.") for name, key in DATA_NAMES.items() if name != "drawings"
}

_LOADERS: dict[str, Callable[[Report], Data]] = {
    "mnist": lambda report: datasets.mnist(report=report),
    "digits": lambda report: datasets.digits(),
    "diabetes": lambda report: datasets.diabetes(report=report),
    "hours": lambda report: datasets.hours_of_study(),
    "cancer": lambda report: datasets.breast_cancer(),
}
_CODE = {
    "mnist": "datasets.mnist()",
    "digits": "datasets.digits()",
    "diabetes": "datasets.diabetes()",
    "hours": "datasets.hours_of_study()",
    "cancer": "datasets.breast_cancer()",
}


class Source(NamedTuple):
    """How to load a run's data, and the same as a Python expression."""

    load: Callable[[Report], Data]
    code: str


def shown_name(name: str) -> str:
    """Return a page's name for the data: a Message for the course's, else as it is."""
    return message(DATA_NAMES[name]) if name in DATA_NAMES else name


def sets_for(model: str) -> tuple[str, ...]:
    """Return the data sets that the model can learn from, its default first."""
    if issubclass(MODELS[model], DigitModel):
        return DIGIT_SETS
    return ("hours", "diabetes", "cancer", "table") if model == "logistic" else TABLE_SETS


class Datasets:
    """The data sets by name, each loaded once, and uploads. Thread-safe."""

    def __init__(self, uploads: UploadStore) -> None:
        self._files = uploads
        self._loaded: dict[str, Data] = {}
        self._loading = threading.Lock()
        self._uploads = DecodedUploads()

    @property
    def files(self) -> UploadStore:
        """The files that the visitor has sent."""
        return own_uploads(self._files)

    def load(self, name: str, report: Report) -> Data:
        """Load one of the course's data sets; ``report`` gets a message if that takes long."""
        with self._loading:
            if name not in self._loaded:
                loaded = _LOADERS[name](report)
                if loaded.is_fallback:  # fallback data: the real data may be available next time
                    return loaded
                self._loaded[name] = loaded
        return self._loaded[name]

    def upload(self, request: UploadRequest) -> dict[str, Any]:
        """Send a file to train on: a table, as delimited text or Excel, packed by gzip or zip or
        not; or a zip archive of pictures. The other parameters say how to read a table.

        Returns:
            upload (which /train takes), kind ("images" or "table"), name, examples; of a table
            features, columns (title, role, missing, distinct, first), classes with their counts,
            header, understood, in words, and options, those that were given.
        """
        upload = self._decoded(UploadedFile(request.name, request.content, request.options()))
        self.files.add(upload.file)
        return _description(upload)

    def uploaded(self, request: UploadedRequest) -> dict[str, Any]:
        """Describe a file that was sent before, as :meth:`upload` does. With other parameters, it
        is read again; this is then another upload. Raises ValueError if it is not there any more.
        """
        if not request.has_options:
            return self.description(request.upload)
        file = self._upload(request.upload).file._replace(options=request.options())
        upload = self._decoded(file)
        self.files.add(upload.file)
        return _description(upload)

    def description(self, upload: str) -> dict[str, Any]:
        """Describe an upload by its id. ValueError if it is not there any more."""
        return _description(self._upload(upload))

    def source(
        self,
        model: str,
        name: str | None,
        upload: str | None,
        drawings: Sequence[LabeledDrawing] | None,
    ) -> Source:
        """Return the source of the data ``name`` (None: the default) for that model.

        ``upload`` is the file for "images" and "table". ``drawings`` are all of "drawings", and are
        added to the other digits. Raises ValueError for data that the model cannot learn from.
        """
        known = sets_for(model)
        name = known[0] if name is None else name
        if name not in known:
            raise choice_error("data", known, name)
        own = _drawn(drawings or ()) if drawings or name == "drawings" else None
        if own is not None and name == "drawings":
            return own
        if name in UPLOADED:
            chosen = self._upload(upload or "")
            if (chosen.found.facts is not None) != (name == "table"):
                raise ValueError(message("problem.other_file", file=chosen.file.name, data=name))
            base = Source(lambda report: chosen.found.data, _code_of(chosen))
        else:
            base = Source(partial(self.load, name), _CODE[name])
        if own is None or name in TABLE_SETS:
            return base
        return Source(
            lambda report: own_digits.mixed(base.load(report), own.load(report)),
            f"own_digits.mixed({base.code}, {own.code})",
        )

    def _upload(self, id: str) -> Upload:
        upload = self._uploads.get(visitors.current().owner, id)
        if upload is None:
            file = self.files.find(id)
            if file is None:
                raise ValueError(message("problem.file_gone"))
            upload = self._decoded(file)
        return upload

    def _decoded(self, file: UploadedFile) -> Upload:
        found = decode(file.content, file.name, file.options)
        file = file._replace(options=found.options)
        upload = Upload(file, found, visitors.current())
        self._uploads.add(file.id, upload)
        return upload


def _code_of(upload: Upload) -> str:
    """The expression that loads the file again, from the folder that it is run in."""
    name, _, options = upload.file
    if upload.found.facts is None:
        return f"own_digits.archive(Path({name!r}).read_bytes(), {name!r})"
    chosen = ", ".join(f"{each}={value!r}" for each, value in _chosen(options).items())
    of_options = f", options=datasets.TableOptions({chosen})" if chosen else ""
    return f"datasets.table({name!r}{of_options})"


def _chosen(options: TableOptions) -> dict[str, Any]:
    """The options that differ from the defaults."""
    values = {each.name: getattr(options, each.name) for each in fields(options)}
    return {
        each.name: values[each.name]
        for each in fields(options)
        if values[each.name] != each.default
    }


def _description(upload: Upload) -> dict[str, Any]:
    data, facts, _ = upload.found
    answer = {
        "upload": upload.file.id,
        "kind": "images",
        "name": upload.file.name,
        "examples": len(data.train) + len(data.test),
    }
    if facts is None:
        return answer
    assert data.schema is not None
    classes = zip(data.schema.classes, facts.class_counts, strict=True)
    return answer | {
        "kind": "table",
        "features": data.train.inputs.shape[1],
        "columns": [asdict(column) for column in facts.columns],
        "classes": [{"name": name[:60], "count": count} for name, count in classes],
        "header": facts.has_header,
        "encoding": facts.encoding,
        "encodings": ENCODINGS,
        "understood": joined(facts.lines, "\n"),
        "options": _chosen(upload.file.options),
    }


def _drawn(drawings: Sequence[LabeledDrawing]) -> Source:
    drawn = own_digits.drawn((drawing.pixels, drawing.label) for drawing in drawings)
    code = ", ".join(
        f"(b64decode({base64.b64encode(drawing.pixels).decode()!r}), {drawing.label})"
        for drawing in drawings
    )
    return Source(lambda report: drawn, f"own_digits.drawn([{code}])")
