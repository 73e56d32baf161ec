"""The catalogues: every language says everything, and nothing that nobody asks for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("gradio")

import inkgrad_demo
from inkgrad.course.models import MODELS as COURSE_MODELS
from inkgrad.course.training.live_run import Phase
from inkgrad_demo.app import PAGES
from inkgrad_demo.services.data_choices import sets_for
from inkgrad_demo.services.recognition import BACKENDS, MODELS
from inkgrad_demo.services.run_files import FORMATS
from inkgrad_demo.texts import CATALOGUES

ENGLISH = CATALOGUES["en"]


def _keys_in_the_code() -> set[str]:
    folder = Path(inkgrad_demo.__file__).parent
    files = [path for path in folder.rglob("*") if path.suffix in (".html", ".js", ".py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    names = "|".join(page.NAME for page in PAGES)
    keys = set(re.findall(rf'"((?:app|cell|data|problem|{names})\.(?!html|js|css)[\w.]+)"', code))
    for choice, values in (("model", MODELS), ("backend", BACKENDS)):
        for value in values:
            keys |= {f"draw.{choice}.{value}", f"draw.{choice}.{value}.note"}
    for model in COURSE_MODELS:
        keys |= {f"train.model.{model}", *(f"train.data.{name}" for name in sets_for(model))}
    keys |= {f"train.backend.{value}" for value in (*BACKENDS, "both")}
    keys |= {f"train.phase.{phase}" for phase in get_args(Phase)}
    keys |= {f"train.export.{name}" for name in FORMATS}
    keys |= {f"train.{name}" for name in ("batch_size", "epochs", "momentum", "weight_decay")}
    return keys | {f"{page.NAME}.title" for page in PAGES}  # a tab's


def test_the_catalogue_has_what_the_code_asks_for_and_no_more() -> None:
    assert set(ENGLISH) == _keys_in_the_code()


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_language_says_everything(language: str) -> None:
    catalogue = CATALOGUES[language]
    assert catalogue["app.language"] == language
    assert catalogue.keys() == ENGLISH.keys()
    assert all(text.strip() for text in catalogue.values())


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    def values(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}", text))

    for key, text in CATALOGUES[language].items():
        assert values(text) == values(ENGLISH[key]), key
