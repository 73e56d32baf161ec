"""Numbers as people write them: decimal commas; thousands, or lakhs, separated by commas, points,
spaces or apostrophes; a percent or currency sign; full-width digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

import numpy as np

Decimal = Literal[".", ","]

# Cells that stand for a missing value, beside the empty ones; in text, pandas knows most of them.
_WORDS = ("?", "-", "--", ".", "n.a.", "N.A.", "missing", "Missing", "MISSING", "缺失", "无")
_EXCEL_ERRORS = ("#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#N/A", "#NA")
_OF_PANDAS = ("NA", "N/A", "n/a", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None")
MISSING = _WORDS + _OF_PANDAS + _EXCEL_ERRORS

_SPACES = " \u00a0\u2009\u202f'’"
_GROUPS = {".": "," + _SPACES, ",": "." + _SPACES}
_LAKHS = {".": r"|\d{1,2}(?:,\d\d)+,\d{3}", ",": ""}
_FORMS = {
    decimal: re.compile(
        rf"[+-]?(?:\d{{1,3}}([{re.escape(groups)}])\d{{3}}(?:\1\d{{3}})*{_LAKHS[decimal]}|\d*)"
        rf"(?:{re.escape(decimal)}\d*)?(?:[eE][+-]?\d+)?",
        re.ASCII,
    )
    for decimal, groups in _GROUPS.items()
}
_UNITS = "%‰$€£¥￥元"
_NOT_FINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


def parse(text: str, decimal: Decimal) -> float | None:
    """The number that ``text`` is with this decimal separator; None if it is none."""
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("\u2212", "-")).strip()
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    form = _FORMS[decimal].fullmatch(text)
    if form is None:
        return None
    for group in _GROUPS[decimal]:
        text = text.replace(group, "")
    try:
        return float(text.replace(decimal, "."))
    except ValueError:  # a sign or a separator alone
        return None


def is_number(text: str) -> bool:
    return parse(text, ".") is not None or parse(text, ",") is not None


def _without_unit(texts: Sequence[str]) -> Sequence[str]:
    """The texts without the sign that all of them have; 5 % beside 0.05 stays as it is."""
    for unit in _UNITS:
        signs = "+-\u2212 "
        if all(text.strip(signs).startswith(unit) or text.endswith(unit) for text in texts):
            return [text.replace(unit, "", 1) for text in texts]
    return texts


class Numbers:
    """The distinct texts of a column as numbers.

    ``evidence`` is the decimal separator that the texts show, None if they do not;
    ``ambiguous`` is a text that is another number with the other separator.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._read: dict[str, np.ndarray] = {}
        bare = _without_unit(texts)
        for decimal in _FORMS:
            parsed = [parse(text, decimal) for text in bare]  # type: ignore[arg-type]
            self._read[decimal] = np.array(
                [np.nan if value is None else value for value in parsed], dtype=np.float64
            )
        with_point, with_comma = (np.isfinite(self._read[d]).sum() for d in ".,")
        self.evidence: Decimal | None = None
        self.ambiguous: str | None = None
        if with_point != with_comma:
            self.evidence = "." if with_point > with_comma else ","
        else:
            both = np.isfinite(self._read["."]) & np.isfinite(self._read[","])
            differ = np.flatnonzero(both & (self._read["."] != self._read[","]))
            self.ambiguous = texts[differ[0]] if len(differ) else None
        self.share = max(with_point, with_comma) / max(1, len(texts))

    def values(self, decimal: Decimal | None) -> np.ndarray:
        """float64 values, NaN for what is no number."""
        return self._read[self.evidence or decimal or "."]
