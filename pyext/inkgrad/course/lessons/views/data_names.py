"""What the lessons' data is called in the reader's language."""

from __future__ import annotations

from inkgrad.course.data.datasets import Data
from inkgrad.course.texts import Say

_KEYS = {
    "diabetes": "word.diabetes",
    "scikit-learn's breast cancer table": "word.breast_cancer",
    "scikit-learn's digits": "word.bundled_digits",
}


def data_name(data: Data, say: Say) -> str:
    """MNIST and files of one's own are called the same everywhere."""
    return say(_KEYS[data.name]) if data.name in _KEYS else data.name
