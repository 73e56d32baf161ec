"""The words of the app: one catalogue per language, ``locales/CODE.json``.

A language is added by adding its file.
"""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

CATALOGUES: dict[str, dict[str, str]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("locales").glob("*.json"))
}

# i18n("key") stands for the text in the browser's language, or the one chosen in the settings.
i18n = gr.I18n(**CATALOGUES)


def catalogues_of(page: str) -> dict[str, dict[str, str]]:
    """The texts of one page, for its JavaScript: {language: {key: text}}."""
    return {
        language: {key: text for key, text in catalogue.items() if key.startswith(f"{page}.")}
        for language, catalogue in CATALOGUES.items()
    }
