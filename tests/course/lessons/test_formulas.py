"""The formulas: typeset by LaTeX's rules, and those that the texts have."""

from __future__ import annotations

import re

import pytest

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.formulas import DERIVATIONS, LATEX
from inkgrad.course.texts import CATALOGUES


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_formula_is_in_a_text(language: str) -> None:
    found = set(re.findall(r"`([^`]*)`", "\n".join(CATALOGUES[language].values())))
    assert LATEX.keys() <= found


@pytest.mark.parametrize("language", CATALOGUES)
def test_a_formula_of_a_text_is_not_left_as_code(language: str) -> None:
    """Signs that no Python has."""
    texts = [
        text
        for key, text in CATALOGUES[language].items()
        if key.partition(".")[2] in ("text", "goal", "see", "summary")
    ]
    found = set(re.findall(r"`([^`]*)`", "\n".join(texts)))
    assert [each for each in found - LATEX.keys() if re.search("[ŷŶσΣ·²⁻ₙᵀ⌊←]", each)] == []


@pytest.mark.parametrize("name", DERIVATIONS)
@pytest.mark.parametrize("language", CATALOGUES)
def test_every_step_has_a_note(name: str, language: str) -> None:
    assert name in {lesson.name for lesson in LESSONS.values()}
    steps = [key for key in CATALOGUES[language] if re.fullmatch(rf"{name}\.derive_\d+", key)]
    assert steps == [f"{name}.derive_{n}" for n in range(1, len(DERIVATIONS[name]) + 1)]
