"""What the app's models can learn from: the course's data, and what people bring. No Gradio."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from inkgrad.course.data import datasets as data
from inkgrad.course.data import own_digits
from inkgrad.course.data.datasets import Data, Say
from inkgrad.course.models import MODELS, DigitModel
from inkgrad_demo.services.request_validation import choice, decode, file
from inkgrad_demo.texts import message

# The data sets for the models that read digits, and for those that read tables; the first is what
# a model is trained on if nothing is said.
DIGIT_SETS = ("mnist", "digits", "drawings", "images")
TABLE_SETS = ("diabetes", "hours", "cancer", "table")
UPLOADED = ("images", "table")

MOST_DRAWINGS = 500
_MOST_UPLOADS = 16

# Of the course's data the name in a record, and the text that says it on a page.
DATA_NAMES = {
    "MNIST": "data.mnist",
    "scikit-learn's digits": "data.digits",
    "diabetes": "data.diabetes",
    "hours of study": "data.hours",
    "scikit-learn's breast cancer table": "data.cancer",
    "drawings": "data.drawings",
}

_LOADERS: dict[str, Callable[[Say], Data]] = {
    "mnist": lambda say: data.mnist(say=say),
    "digits": lambda say: data.digits(),
    "diabetes": lambda say: data.diabetes(say=say),
    "hours": lambda say: data.hours_of_study(),
    "cancer": lambda say: data.breast_cancer(),
}
_CODE = {
    "mnist": "data.mnist()",
    "digits": "data.digits()",
    "diabetes": "data.diabetes()",
    "hours": "data.hours_of_study()",
    "cancer": "data.breast_cancer()",
    "images": "own_digits.archive(Path({0}).read_bytes(), {0})",
    "table": "data.table({0})",
}


class Source(NamedTuple):
    """Where a run's data comes from: how to load it, and the same as a Python expression."""

    load: Callable[[Say], Data]
    code: str


def shown_name(name: str) -> str:
    """What a page calls the data of that name, in every language where that differs."""
    return message(DATA_NAMES[name]) if name in DATA_NAMES else name


def sets_for(model: str) -> tuple[str, ...]:
    """The data sets that the model can learn from, its usual one first."""
    if issubclass(MODELS[model], DigitModel):
        return DIGIT_SETS
    return ("hours", "diabetes", "cancer", "table") if model == "logistic" else TABLE_SETS


class Datasets:
    """Data sets by name, each loaded once, and files that people sent. Thread-safe.

    Files live in memory only, the latest few of them.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Data] = {}
        self._loading = threading.Lock()
        self._uploads: OrderedDict[str, Data] = OrderedDict()

    def load(self, name: str, say: Say) -> Data:
        """One of the course's data sets; what takes long is said."""
        with self._loading:
            if name not in self._loaded:
                loaded = _LOADERS[name](say)
                if loaded.stand_in:  # the real data may be had next time
                    return loaded
                self._loaded[name] = loaded
        return self._loaded[name]

    def upload(self, question: Any) -> dict[str, Any]:
        """Keep a file to train on: {name, content} with the bytes in base64.

        A zip archive of pictures, or a table as CSV, gzipped or not. The answer has ``upload``, by
        which to ask for it, ``kind`` ("images" or "table"), ``name``, ``examples`` and
        ``features``.
        """
        name, content = file(question)
        if content.startswith(b"PK"):
            kind, uploaded = "images", own_digits.archive(content, name)
        else:
            kind, uploaded = "table", data.parsed_table(content, name)
        upload = hashlib.sha256(content).hexdigest()[:16]
        self._uploads[upload] = uploaded
        while len(self._uploads) > _MOST_UPLOADS:
            self._uploads.popitem(last=False)
        return {
            "upload": upload,
            "kind": kind,
            "name": name,
            "examples": len(uploaded.train) + len(uploaded.test),
            "features": uploaded.train.inputs.shape[1] if kind == "table" else None,
        }

    def source(self, model: str, name: Any, upload: Any, drawings: Any) -> Source:
        """The data of that name for that model; ValueError where that cannot be.

        ``upload`` names the file for "images" and "table". ``drawings`` is a list of {label,
        pixels}, with the pixels in base64: all of the data of "drawings", and added to the other
        digits.
        """
        known = sets_for(model)
        choice("data", name, known)
        own = _drawn(drawings) if drawings or name == "drawings" else None
        if own is not None and name == "drawings":
            return own
        if name in UPLOADED:
            uploaded = self._uploaded(name, upload)
            base = Source(lambda say: uploaded, _CODE[name].format(repr(uploaded.name)))
        else:
            base = Source(partial(self.load, name), _CODE[name])
        if own is None or name in TABLE_SETS:
            return base
        return Source(
            lambda say: own_digits.mixed(base.load(say), own.load(say)),
            f"own_digits.mixed({base.code}, {own.code})",
        )

    def _uploaded(self, name: str, upload: Any) -> Data:
        uploaded = self._uploads.get(upload) if isinstance(upload, str) else None
        if uploaded is None:
            raise ValueError(message("problem.file_gone"))
        if (uploaded.train.inputs.dim() == 2) != (name == "table"):
            raise ValueError(message("problem.other_file", file=uploaded.name, data=name))
        return uploaded


def _drawn(drawings: Any) -> Source:
    if not isinstance(drawings, list) or not all(isinstance(one, dict) for one in drawings):
        raise ValueError(message("problem.drawings"))
    if len(drawings) > MOST_DRAWINGS:
        raise ValueError(message("problem.most_drawings", most=MOST_DRAWINGS, got=len(drawings)))
    digits = [(decode("pixels", one.get("pixels")), one.get("label")) for one in drawings]
    drawn = own_digits.drawn(digits)
    code = ", ".join(f"(b64decode({one['pixels']!r}), {one['label']})" for one in drawings)
    return Source(lambda say: drawn, f"own_digits.drawn([{code}])")
