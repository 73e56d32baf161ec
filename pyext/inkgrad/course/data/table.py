"""Reading tables of numbers: features in the first columns, a label of 0 or 1 in the last."""

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

from inkgrad.course.messages import Message, message

LARGEST = torch.finfo(torch.float32).max


class DataError(ValueError):
    """The data is not as expected; the message names the file, and where in it."""


def read_table(path: str | os.PathLike[str]) -> tuple[Tensor, Tensor]:
    """Read features (N, F) and labels (N, 1), float32, from a CSV file, gzipped or not.

    A first row without any number is a header. DataError names the file, the row and the column,
    counted from 1 as in an editor; OSError if the file cannot be read.
    """
    with open(path, "rb") as file:
        return parse_table(file.read(), os.fspath(path))


def parse_table(content: bytes, name: str) -> tuple[Tensor, Tensor]:
    """:func:`read_table` for the bytes of a file; errors call it ``name``."""
    header: list[str] = []
    table: list[list[float]] = []
    for row, cells in _rows(_text(content, name), name):
        if not table and not header:
            if not any(_is_number(cell) for cell in cells):
                header = cells
                continue
            header = [""] * len(cells)
        table.append(_numbers(cells, header, message("problem.row", file=name, row=row)))
    if not table:
        raise DataError(message("problem.no_rows", file=name))
    values = torch.tensor(table)
    return values[:, :-1].contiguous(), values[:, -1:].contiguous()


def _text(content: bytes, name: str) -> str:
    is_gzip = content.startswith(b"\x1f\x8b")
    if name.endswith(".gz") and not is_gzip:
        raise DataError(message("problem.not_gzip", file=name))
    try:
        return (gzip.decompress(content) if is_gzip else content).decode("utf-8-sig")
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(message("problem.damaged_gzip", file=name, error=error)) from error
    except UnicodeDecodeError as error:
        raise DataError(message("problem.not_text", file=name, byte=error.start)) from error


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        where = message("problem.row", file=name, row=reader.line_num)
        raise DataError(message("problem.at", where=where, error=error)) from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python parses 1_000 as a number; in a table it is text


def _numbers(cells: list[str], header: list[str], where: Message) -> list[float]:
    if len(header) < 2:
        raise DataError(message("problem.one_column", where=where))
    if len(cells) != len(header):
        raise DataError(
            message("problem.columns", where=where, columns=len(cells), expected=len(header))
        )
    numbers = []
    for column, (cell, title) in enumerate(zip(cells, header, strict=True), start=1):
        of_title = f" ({title.strip()})" if title else ""
        place = message("problem.column", where=where, column=column, of_title=of_title)
        if not _is_number(cell):
            raise DataError(message("problem.no_number", where=place, got=repr(cell)))
        number = float(cell)
        if not math.isfinite(number) or abs(number) > LARGEST:
            raise DataError(message("problem.not_finite", where=place, got=repr(cell)))
        numbers.append(number)
    if numbers[-1] not in (0, 1):
        raise DataError(message("problem.no_label", where=place, got=repr(cells[-1])))
    return numbers
