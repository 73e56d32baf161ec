"""Reading a table of numbers: features in the first columns, a label of 0 or 1 in the last."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import zlib
from collections.abc import Iterator

import torch
from torch import Tensor

LARGEST = torch.finfo(torch.float32).max


class DataError(ValueError):
    """The data is not what was expected; the message names the file and the place."""


def read_table(path: str | os.PathLike[str]) -> tuple[Tensor, Tensor]:
    """Features (N, F) and labels (N, 1), float32, of a CSV file, gzipped or not.

    A first row without any number is a header. DataError names file, row and column (counted from
    1, as an editor does) of what is wrong; OSError where the file cannot be read.
    """
    with open(path, "rb") as file:
        return parse_table(file.read(), os.fspath(path))


def parse_table(content: bytes, name: str) -> tuple[Tensor, Tensor]:
    """:func:`read_table` of a file's bytes; ``name`` is what errors call it."""
    header: list[str] = []
    table: list[list[float]] = []
    for row, cells in _rows(_text(content, name), name):
        if not table and not header:
            if not any(_is_number(cell) for cell in cells):
                header = cells
                continue
            header = [""] * len(cells)
        table.append(_numbers(cells, header, f"{name}, row {row}"))
    if not table:
        raise DataError(f"{name}: no data: the file has no row of numbers")
    values = torch.tensor(table)
    return values[:, :-1].contiguous(), values[:, -1:].contiguous()


def _text(content: bytes, name: str) -> str:
    is_gzip = content.startswith(b"\x1f\x8b")
    if name.endswith(".gz") and not is_gzip:
        raise DataError(f"{name}: not a gzip file, though its name ends with .gz")
    try:
        return (gzip.decompress(content) if is_gzip else content).decode("utf-8-sig")
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f"{name}: damaged gzip file: {error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name}: not a text file: byte {error.start} is not UTF-8") from error


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{name}, row {reader.line_num}: {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_000 as a number; in a table it is text


def _numbers(cells: list[str], header: list[str], where: str) -> list[float]:
    if len(header) < 2:
        raise DataError(f"{where}: one column, expected features and a label, separated by commas")
    if len(cells) != len(header):
        raise DataError(
            f"{where}: {len(cells)} columns, expected {len(header)} as in the first row"
        )
    numbers = []
    for column, (cell, title) in enumerate(zip(cells, header, strict=True), start=1):
        place = f"{where}, column {column}" + (f" ({title.strip()})" if title else "")
        if not _is_number(cell):
            raise DataError(f"{place}: expected a number, got {cell!r}")
        number = float(cell)
        if not math.isfinite(number) or abs(number) > LARGEST:
            raise DataError(f"{place}: expected a finite number, got {cell!r}")
        numbers.append(number)
    if numbers[-1] not in (0, 1):
        raise DataError(f"{place}: expected a label of 0 or 1, got {cells[-1]!r}")
    return numbers
