"""The texts of the lessons and of the course's messages: one catalogue per language.

A language is added by adding its catalogue, ``locales/CODE.json``.
"""

from __future__ import annotations

import json
import math
import os
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

CATALOGUES: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("locales").glob("*.json"))
}


class Translate(Protocol):
    """``text("word.loss")`` is the text of that key, with the values filled in."""

    def __call__(self, key: str, **values: object) -> str: ...


class _Filler(string.Formatter):
    """``str.format``, with a choice by number: ``{n} {n:epoch|epochs}``."""

    def format_field(self, value: Any, format_spec: str) -> str:
        singular, is_choice, plural = format_spec.partition("|")
        if is_choice:
            return singular if str(value) == "1" else plural
        return str(super().format_field(value, format_spec))


def fill(template: str, values: Mapping[str, object]) -> str:
    """A text of a catalogue with its values. ``{n:epoch|epochs}`` is "epoch" if n is 1."""
    return _Filler().vformat(template, (), values)


def percent(share: float, decimals: int = 1) -> str:
    """A share as "65.0 %". "100 %" stands for all and not for a rounded number."""
    text = f"{100 * share:.{decimals}f}"
    if text != f"{100:.{decimals}f}":
        return f"{text} %"
    return "100 %" if share == 1 else f"> {100 - 10**-decimals:.{decimals}f} %"


def probability_text(probability: float) -> str:
    """A probability as :func:`percent`: no model is sure, so one of 1 is a rounded one."""
    return percent(min(probability, math.nextafter(1, 0)))


def translator(language: str) -> Translate:
    """The function that looks up texts in a language, one of ``CATALOGUES``."""
    catalogue = CATALOGUES[language]

    def text(key: str, **values: object) -> str:
        return fill(catalogue[key], values) if values else catalogue[key]

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
