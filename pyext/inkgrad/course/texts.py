"""The texts of the lessons and of the course's messages: one catalogue per language.

A language is added by adding its catalogue, ``locales/CODE.json``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

CATALOGUES: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("locales").glob("*.json"))
}


class Translate(Protocol):
    """``text("word.loss")`` is the text of that key, with the values filled in."""

    def __call__(self, key: str, **values: object) -> str: ...


def translator(language: str) -> Translate:
    """The function that looks up texts in a language, one of ``CATALOGUES``."""
    catalogue = CATALOGUES[language]

    def text(key: str, **values: object) -> str:
        return catalogue[key].format(**values) if values else catalogue[key]

    return text


def preferred_language(environment: Mapping[str, str] = os.environ) -> str:
    """The catalogue for the user's locale: an exact match, one of the same language, or English.

    Reads POSIX's variables in POSIX's order; ``zh_CN.UTF-8`` means ``zh-CN``.
    """
    set_ones = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    wanted = next(filter(None, set_ones), "en").partition(".")[0].replace("_", "-")
    language = wanted.partition("-")[0]
    near = [code for code in CATALOGUES if code.partition("-")[0] == language]
    return wanted if wanted in CATALOGUES else next(iter(near), "en")
