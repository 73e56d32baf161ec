"""Plurals in the English catalogues."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Words after a value that are no nouns, or nouns that the value does not count.
_NOT_COUNTED = {
    *("is", "as", "has", "was", "does", "gives", "passes", "leads", "rolls"),
    *("axis", "loss", "ms", "times", "kernels", "this"),
}


def fixed_plurals(catalogue: Mapping[str, str]) -> list[str]:
    """Texts with a plural that does not follow its number: "{n} epochs"."""
    return [
        f"{key}: {noun}"
        for key, text in catalogue.items()
        for noun in re.findall(r"\{\w+\} (?:\w+ )?([a-z]+s)\b(?![/}])", text)
        if noun not in _NOT_COUNTED
    ]
