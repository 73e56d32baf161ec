"""The kind of each column of a table: numbers, texts, dates, a row number, or nothing of use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from inkgrad.course.data.errors import DataError, UndecidedError
from inkgrad.course.data.tables.grid import Grid
from inkgrad.course.data.tables.numbers import Decimal, Numbers
from inkgrad.course.messages import message

LARGEST = 1e30
"""Numbers beyond it leave no room in float32 for the sums that a model computes."""

MAX_CATEGORIES = 20
_MIN_INDEX_ROWS = 20
_MAX_SPELLINGS = 1000

_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\\w*"
_DATE = re.compile(
    r"\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?([T ].*)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([T ].*)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?( ?[ap]m)?"
    rf"|(\w{{3,9}},? )?\d{{1,2}}[. -]{{1,2}}{_MONTH}[. ,-]*\d{{2,4}}.*"
    rf"|{_MONTH}[. ]+\d{{1,2}}(st|nd|rd|th)?,? \d{{4}}.*",
    re.IGNORECASE | re.ASCII,
)
_DATE_TITLE = re.compile(r"date|datum|timestamp|日期|时间", re.IGNORECASE)
_INDEX_TITLE = re.compile(
    r"(.*[ _-])?(id|uid|uuid|guid|index|idx|no|nr|num|row|#)\.?|unnamed: 0"
    r"|(?-i:[A-Za-z]*[a-z]I[dD])|序号|编号",
    re.IGNORECASE,
)

Role = Literal["number", "categories", "label", "index", "date", "text", "constant", "empty", "out"]


@dataclass(eq=False)
class Column:
    """One column of a table.

    ``numbers`` are float64 values, NaN where missing, for a column of numbers; None for texts.
    ``codes`` and ``texts`` are those of the texts: ``texts[code]``, and -1 where missing.
    ``joined`` of the texts differed from others only in case or spaces, and were replaced by them.
    ``faulty`` is the first record whose text is no number, in a column of numbers.
    """

    grid: Grid
    index: int
    numbers: np.ndarray | None
    codes: np.ndarray | None = None
    texts: tuple[str, ...] = ()
    faulty: int | None = None
    ambiguous: int | None = None
    joined: int = 0

    @property
    def title(self) -> str:
        return self.grid.titles[self.index]

    @cached_property
    def is_missing(self) -> np.ndarray:
        if self.codes is not None:
            return self.codes < 0
        assert self.numbers is not None
        return np.isnan(self.numbers)

    @cached_property
    def distinct(self) -> tuple[str, ...]:
        """The distinct values as texts: numbers in their order, texts in that of the alphabet."""
        if self.numbers is None or self.faulty is not None:
            return tuple(sorted(self.texts))
        return tuple(number_text(each) for each in np.unique(self.numbers[~self.is_missing]))

    def codes_of(self, values: Sequence[str]) -> np.ndarray:
        """The position of each record's value in ``values``, as in :attr:`distinct`, or -1."""
        positions = {value: position for position, value in enumerate(values)}
        if self.numbers is None or self.faulty is not None:
            assert self.codes is not None
            keys = {_key(value): position for value, position in positions.items()}
            if len(keys) < len(positions):
                keys = {}
            found = [positions.get(text, keys.get(_key(text), -1)) for text in self.texts]
            of_texts = np.array([*found, -1])
            return of_texts[self.codes]
        present = np.unique(self.numbers[~self.is_missing])
        of_present = np.array([positions.get(number_text(each), -1) for each in present] + [-1])
        codes = np.searchsorted(present, self.numbers)  # NaN comes after all numbers
        return of_present[codes]

    @property
    def is_constant(self) -> bool:
        if self.numbers is None:
            return len(self.texts) < 2
        present = self.numbers[~self.is_missing]
        return len(present) == 0 or present.min() == present.max()

    @property
    def is_empty(self) -> bool:
        return bool(self.is_missing.all())

    @property
    def is_date(self) -> bool:
        if self.numbers is None:
            some = self.texts[:1000]
            return len(some) > 0 and sum(bool(_DATE.fullmatch(each)) for each in some) > 0.9 * len(
                some
            )
        present = self.numbers[~self.is_missing]
        return (
            bool(_DATE_TITLE.search(self.title))
            and len(present) > 0
            and present.min() > 19000000
            and bool((present == np.floor(present)).all())
        )

    @property
    def is_index(self) -> bool:
        """Whether it counts or names the rows: learning from it would be learning by heart."""
        named = bool(_INDEX_TITLE.fullmatch(self.title))
        rows = len(self.is_missing)
        if self.numbers is None:
            return named and len(self.texts) == rows > MAX_CATEGORIES
        if rows < 2 or self.is_missing.any():
            return False
        with np.errstate(invalid="ignore"):  # of infinite numbers, which are refused when used
            steps = np.diff(self.numbers)
        if (steps == 1).all() and self.numbers[0] in (0, 1):
            is_first = self.index == 0 and rows >= _MIN_INDEX_ROWS
            return named or (not self.title and (self.grid.has_header or is_first))
        whole = bool((self.numbers == np.floor(self.numbers)).all())
        return named and whole and len(np.unique(self.numbers)) == rows

    def check(self) -> None:
        """Raise DataError for the first cell that is no finite number, in a column of numbers."""
        if self.faulty is not None:
            self._refuse("problem.no_number", self.faulty)
        if self.ambiguous is not None:
            self._refuse("problem.ambiguous", self.ambiguous)
        if self.numbers is not None:
            wrong = np.flatnonzero(np.abs(self.numbers) > LARGEST)
            if len(wrong):
                self._refuse("problem.not_finite", int(wrong[0]))

    def _refuse(self, key: str, record: int) -> None:
        _, cell = self.grid.locate(record, self.index)
        where = self.grid.where(self.index, record)
        text = message(key, where=where, got=repr(cell.strip()[:60]))
        if key == "problem.ambiguous":
            raise UndecidedError(text, "decimal", ".")
        raise DataError(text)


_Codes = tuple[np.ndarray, list[str]]


def _key(text: str) -> str:
    """The text without what people do not see as a difference: case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _joined(codes: np.ndarray, words: list[str]) -> _Codes:
    """Texts that differ only in case or spaces become the most frequent of them.

    They stay as they are if all texts would become one.
    """
    keys = [_key(word) for word in words[: _MAX_SPELLINGS + 1]]
    if len(words) > _MAX_SPELLINGS or len(set(keys)) in (1, len(words)):
        return codes, words
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    chosen: dict[str, int] = {}
    for position, key in enumerate(keys):
        if key not in chosen or counts[position] > counts[chosen[key]]:
            chosen[key] = position
    order = {key: new for new, key in enumerate(chosen)}
    of_words = np.array([order[key] for key in keys] + [-1])
    return of_words[codes], [words[position] for position in chosen.values()]


def number_text(value: float) -> str:
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(float(value))


def columns_of(grid: Grid) -> tuple[list[Column], Decimal | None]:
    """The columns of a table, with numbers read from texts where they are numbers; and the decimal
    separator, where it is known.
    """
    read = [_read(grid, index, series) for index, series in enumerate(grid.columns)]
    decimal = grid.decimal or _evidence(grid, [numbers for _, _, numbers in read if numbers])
    return [_column(grid, index, *each, decimal) for index, each in enumerate(read)], decimal


def _read(grid: Grid, index: int, series: Any) -> tuple[np.ndarray | None, _Codes | None, Any]:
    """The numbers of a column; of one of texts their codes, and the texts as numbers."""
    import pandas as pd

    if series.dtype.kind in "iuf":
        return series.to_numpy(np.float64, na_value=np.nan), None, None
    stripped = series.astype("str").str.strip() if series.dtype.kind != "b" else series.astype(str)
    stripped = stripped.where(series.notna() & (stripped != ""))
    codes, texts = pd.factorize(stripped)
    words = [str(text) for text in texts]
    return None, (codes, words), Numbers(words)


def _evidence(grid: Grid, read: Sequence[Numbers]) -> Decimal | None:
    """The decimal separator that other columns show."""
    shown = {numbers.evidence for numbers in read if numbers.share > 0.5} - {None}
    for series in grid.columns:
        if series.dtype.kind == "f":
            values = series.to_numpy()
            present = values[np.isfinite(values)]
            if (present != np.floor(present)).any():
                shown.add(".")
    return shown.pop() if len(shown) == 1 else None


def _column(
    grid: Grid,
    index: int,
    numbers: np.ndarray | None,
    coded: _Codes | None,
    read: Numbers | None,
    decimal: Decimal | None,
) -> Column:
    if coded is None or read is None:
        return Column(grid, index, numbers)
    codes, words = coded
    joined_codes, texts = _joined(codes, words)
    joined = len(words) - len(texts)
    if not words or read.share < 0.5:
        return Column(grid, index, None, joined_codes, tuple(texts), joined=joined)
    values = read.values(decimal)
    of_records = np.where(codes >= 0, values[codes], np.nan)
    bad = np.flatnonzero(np.isnan(of_records) & (codes >= 0))
    ambiguous = None
    if read.ambiguous is not None and decimal is None:
        ambiguous = int(np.flatnonzero(codes == words.index(read.ambiguous))[0])
    faulty = int(bad[0]) if len(bad) else None
    return Column(grid, index, of_records, joined_codes, tuple(texts), faulty, ambiguous, joined)
