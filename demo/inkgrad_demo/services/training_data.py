"""The data to train on: the course's data sets, uploads and drawings. No Gradio in here."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from pydantic import Field

from inkgrad.course.data import datasets, own_digits
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.models import MODELS, DigitModel
from inkgrad_demo.services.request_validation import Request, choice_error
from inkgrad_demo.services.training_requests import LabeledDrawing
from inkgrad_demo.services.upload_store import UploadStore
from inkgrad_demo.services.uploads import FileRequest
from inkgrad_demo.texts import message

# The data sets for models of digits and for models of tables; the first is the default.
DIGIT_SETS = ("mnist", "digits", "drawings", "images")
TABLE_SETS = ("diabetes", "hours", "cancer", "table")
UPLOADED = ("images", "table")

_MAX_UPLOADS = 16

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
    "images": "own_digits.archive(Path({0}).read_bytes(), {0})",
    "table": "datasets.table({0})",
}


class UploadRequest(Request):
    upload: str = Field(max_length=60, description="the answer of /train_upload")


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
        self.files = uploads
        self._loaded: dict[str, Data] = {}
        self._loading = threading.Lock()
        self._uploads: OrderedDict[str, Data] = OrderedDict()

    def load(self, name: str, report: Report) -> Data:
        """Load one of the course's data sets; ``report`` gets a message if that takes long."""
        with self._loading:
            if name not in self._loaded:
                loaded = _LOADERS[name](report)
                if loaded.is_fallback:  # fallback data: the real data may be available next time
                    return loaded
                self._loaded[name] = loaded
        return self._loaded[name]

    def upload(self, request: FileRequest) -> dict[str, Any]:
        """Send a file to train on: a CSV table, gzipped or not, with the label (0 or 1) last, or a
        zip archive of pictures.

        Returns:
            upload (which /train takes), kind ("images" or "table"), name, examples and features.
        """
        upload = UploadStore.id_of(request.content)
        self._remember(upload, _parsed(request.name, request.content))
        self.files.add(request.name, request.content)
        return self.uploaded(UploadRequest(upload=upload))

    def uploaded(self, request: UploadRequest) -> dict[str, Any]:
        """Describe a file that was sent before, as :meth:`upload` does. Raises ValueError if it is
        not on the server any more.
        """
        uploaded = self._uploaded(request.upload)
        is_table = uploaded.train.inputs.dim() == 2
        return {
            "upload": request.upload,
            "kind": "table" if is_table else "images",
            "name": uploaded.name,
            "examples": len(uploaded.train) + len(uploaded.test),
            "features": uploaded.train.inputs.shape[1] if is_table else None,
        }

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
            uploaded = self._uploaded(upload or "")
            if (uploaded.train.inputs.dim() == 2) != (name == "table"):
                raise ValueError(message("problem.other_file", file=uploaded.name, data=name))
            base = Source(lambda report: uploaded, _CODE[name].format(repr(uploaded.name)))
        else:
            base = Source(partial(self.load, name), _CODE[name])
        if own is None or name in TABLE_SETS:
            return base
        return Source(
            lambda report: own_digits.mixed(base.load(report), own.load(report)),
            f"own_digits.mixed({base.code}, {own.code})",
        )

    def _uploaded(self, upload: str) -> Data:
        uploaded = self._uploads.get(upload)
        if uploaded is None:
            found = self.files.find(upload)
            if found is None:
                raise ValueError(message("problem.file_gone"))
            uploaded = _parsed(*found)
            self._remember(upload, uploaded)
        return uploaded

    def _remember(self, upload: str, data: Data) -> None:
        self._uploads[upload] = data
        while len(self._uploads) > _MAX_UPLOADS:
            self._uploads.popitem(last=False)


def _parsed(name: str, content: bytes) -> Data:
    if content.startswith(b"PK"):
        return own_digits.archive(content, name)
    return datasets.parsed_table(content, name)


def _drawn(drawings: Sequence[LabeledDrawing]) -> Source:
    drawn = own_digits.drawn((drawing.pixels, drawing.label) for drawing in drawings)
    code = ", ".join(
        f"(b64decode({base64.b64encode(drawing.pixels).decode()!r}), {drawing.label})"
        for drawing in drawings
    )
    return Source(lambda report: drawn, f"own_digits.drawn([{code}])")
