"""The texts of the app: one catalogue per language, ``locales/CODE.json``. No Gradio in here.

To add a language, add its file.
"""

from __future__ import annotations

import json
from pathlib import Path

from inkgrad.course.messages import Message, translated

CATALOGUES: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("locales").glob("*.json"))
}


def catalogues_of(*parts: str) -> dict[str, dict[str, str]]:
    """Return the texts with these prefixes for a page's JavaScript: {language: {key: text}}."""
    prefixes = tuple(f"{part}." for part in parts)
    return {
        language: {key: text for key, text in catalogue.items() if key.startswith(prefixes)}
        for language, catalogue in CATALOGUES.items()
    }


def message(key: str, **values: object) -> Message:
    """Return a text of the app's catalogues, in every language."""
    return translated(CATALOGUES, key, **values)
