"""The name and the note that somebody gave to a run.

They are a file of their own in the run's folder, since the record is written by the program that
trains the run, and the label by any other.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path

from inkgrad.course.files import read_limited, write_atomically
from inkgrad.course.messages import message
from inkgrad.course.training.typed_json import from_json, is_unicode

MAX_NAME, MAX_NOTE = 80, 1000
"""The most characters of a name and of a note."""
_FILE = "label.json"
_MAX_BYTES = 2**14
# Control characters, halves of surrogate pairs, line separators, and what turns the direction of
# the text after it. (A joiner, as in emoji, is of the category Cf, too.)
_BAD_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class RunLabel:
    """A name of one line and a note, which may have several; both without spaces around them.

    ValueError if one is too long, or has characters that cannot be shown.
    """

    name: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.strip())
        note = self.note.replace("\r\n", "\n").replace("\r", "\n").strip()
        object.__setattr__(self, "note", note)
        _check("name", self.name, MAX_NAME)
        _check("note", self.note, MAX_NOTE, allowed="\n\t")


def load(folder: Path) -> RunLabel | None:
    """The label of the run in the folder; None if nobody gave it one, or it is damaged."""
    try:
        return from_json(RunLabel, json.loads(read_limited(folder / _FILE, _MAX_BYTES)))
    except (OSError, ValueError, RecursionError):
        return None


def save(folder: Path, label: RunLabel) -> None:
    """Write the label in one step. OSError as from ``open``."""
    write_atomically(folder / _FILE, json.dumps(asdict(label)).encode())


def _check(field: str, text: str, most: int, allowed: str = "") -> None:
    if len(text) > most:
        raise ValueError(message("problem.label_length", field=field, most=most, got=len(text)))
    if not is_unicode(text) or any(_is_bad(char) for char in text if char not in allowed):
        raise ValueError(message("problem.label_characters", field=field))


def _is_bad(char: str) -> bool:
    return char in _TURNS or unicodedata.category(char) in _BAD_CATEGORIES
