"""The words of the lessons and of the course's messages: one catalogue per language,
``locales/CODE.json``.

A language is added by adding its file.
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


class Say(Protocol):
    """``say("word.loss")`` is the text of that key, with values filled in where it has any."""

    def __call__(self, key: str, **values: object) -> str: ...


def speaker(language: str) -> Say:
    """What says everything in that language, one of ``CATALOGUES``."""
    catalogue = CATALOGUES[language]

    def say(key: str, **values: object) -> str:
        return catalogue[key].format(**values) if values else catalogue[key]

    return say


def preferred_language(environment: Mapping[str, str] = os.environ) -> str:
    """The catalogue that suits the user's locale: the very one, one of that language, or English.

    The variables are those of POSIX, in its order; ``zh_CN.UTF-8`` means ``zh-CN``.
    """
    set_ones = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    wanted = next(filter(None, set_ones), "en").partition(".")[0].replace("_", "-")
    language = wanted.partition("-")[0]
    near = [code for code in CATALOGUES if code.partition("-")[0] == language]
    return wanted if wanted in CATALOGUES else next(iter(near), "en")
