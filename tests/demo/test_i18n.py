"""The catalogues: the same keys and values in every language, and no unused keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

pytest.importorskip("gradio")

import inkgrad_demo
from inkgrad.course.data.tables.columns import Role
from inkgrad.course.models import MODELS as COURSE_MODELS
from inkgrad.course.training.run_record import State
from inkgrad_demo.app import PAGES
from inkgrad_demo.services.recognizers import BACKENDS, MODELS
from inkgrad_demo.services.run_files import FORMATS
from inkgrad_demo.services.training_data import sets_for
from inkgrad_demo.texts import CATALOGUES
from plurals import fixed_plurals

ENGLISH = CATALOGUES["en"]


def _keys_in_the_code() -> set[str]:
    folder = Path(inkgrad_demo.__file__).parent
    files = [path for path in folder.rglob("*") if path.suffix in (".html", ".js", ".py")]
    pages = "|".join(page.NAME for page in PAGES)
    whole = re.compile(rf'"((?:app|cell|chart|data|problem|{pages})\.(?!html|js|css)[\w.]+)"')
    keys = set()
    for path in files:
        code = path.read_text(encoding="utf-8")
        keys |= set(whole.findall(code))
        for prefix in re.findall(r"`([a-z_.]+\.)\$\{", code):  # `lessons.overview.${name}`
            keys |= {prefix + name for name in re.findall(r'\bkey\("(\w+)"', code)}
            beside = "".join(each.read_text(encoding="utf-8") for each in path.parent.glob("*.py"))
            names = re.findall(r'"(\w+)"', code + beside)  # also those of the server's answers
            keys |= {prefix + name for name in names} & ENGLISH.keys()
    for choice, values in (("model", MODELS), ("backend", BACKENDS)):
        for value in values:
            keys |= {f"draw.{choice}.{value}", f"draw.{choice}.{value}.note"}
    for model in COURSE_MODELS:
        keys |= {f"train.model.{model}", *(f"train.data.{name}" for name in sets_for(model))}
    keys |= {f"train.backend.{value}" for value in (*BACKENDS, "both")}
    keys |= {f"train.phase.{state}" for state in get_args(State)}
    keys |= {f"train.export.{name}" for name in FORMATS}
    keys |= {f"train.role.{role}" for role in get_args(Role)}
    keys |= {f"train.{name}" for name in ("batch_size", "epochs", "momentum", "weight_decay")}
    return keys | {f"{page.NAME}.title" for page in PAGES}  # a tab's


def test_the_catalogue_has_the_keys_that_the_code_uses() -> None:
    assert set(ENGLISH) == _keys_in_the_code()


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_language_has_every_key(language: str) -> None:
    catalogue = CATALOGUES[language]
    assert catalogue["app.language"] == language
    assert catalogue.keys() == ENGLISH.keys()
    assert all(text.strip() for text in catalogue.values())


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_translation_has_the_same_values(language: str) -> None:
    def values(text: str) -> list[str]:
        return sorted(re.findall(r"\{\w+\}", text))

    for key, text in CATALOGUES[language].items():
        assert values(text) == values(ENGLISH[key]), key


def test_every_plural_follows_its_number() -> None:
    assert fixed_plurals(ENGLISH) == []
