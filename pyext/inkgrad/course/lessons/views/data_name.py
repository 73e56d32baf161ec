"""The names of the lessons' data in the reader's language."""

from __future__ import annotations

from inkgrad.course.data.datasets import Data
from inkgrad.course.texts import Translate

_KEYS = {
    "diabetes": "word.diabetes",
    "scikit-learn's breast cancer table": "word.breast_cancer",
    "scikit-learn's digits": "word.bundled_digits",
}


def data_name(data: Data, text: Translate) -> str:
    """The name of the data; MNIST and the user's files have the same name in every language."""
    return text(_KEYS[data.name]) if data.name in _KEYS else data.name
