"""From the bytes of a file to those of a table: gzip, zip, and files that are no tables."""

from __future__ import annotations

import zipfile
from typing import NamedTuple

from inkgrad.course.data.archives import (
    GZIP,
    ZIP,
    Budget,
    files_in,
    gunzip,
    open_zip,
    read_member,
)
from inkgrad.course.data.errors import DataError
from inkgrad.course.messages import message

_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data", ".asc")

# The first bytes of files that are often taken for tables, and their names.
_FOREIGN = {
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "Excel 97 (.xls) / Excel + password",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"PAR1": "Parquet",
    b"SQLite format 3": "SQLite",
    b"\x89HDF": "HDF5",
    b"\x93NUMPY": "NumPy",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"{\\rtf": "RTF",
}
_ARCHIVES = (GZIP, ZIP, b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")


class Unpacked(NamedTuple):
    """The bytes of a table, its name in errors, and whether it is an Excel file."""

    content: bytes
    name: str
    is_excel: bool = False


def unpack(content: bytes, name: str, most: int) -> Unpacked:
    """Unpack a file, at most ``most`` bytes. DataError if it is damaged, or no table."""
    budget = Budget(name, most)
    if name.endswith(".gz") and not content.startswith(GZIP):
        raise DataError(message("problem.not_gzip", file=name))
    if content.startswith(GZIP):
        return _inner(gunzip(content, budget), name)
    if content.startswith(b"PK"):
        with open_zip(content, name) as packed:
            return _from_zip(packed, content, budget)
    budget.take(len(content))
    refuse_foreign(content, name)
    return Unpacked(content, name)


def is_table_archive(content: bytes, name: str) -> bool:
    """Whether a zip archive is an Excel file or has a table in it, and not images."""
    with open_zip(content, name) as packed:
        names = [info.filename.lower() for info in files_in(packed)]
    return "xl/workbook.xml" in names or any(each.endswith(_SUFFIXES) for each in names)


def refuse_foreign(content: bytes, name: str) -> None:
    """Raise DataError for a file of another kind, which it names."""
    for start, kind in _FOREIGN.items():
        if content.startswith(start):
            raise DataError(message("problem.other_kind", file=name, kind=kind))
    text = content[:2000].decode("utf-8-sig", errors="ignore").lstrip().lower()
    if text.startswith(("<!doctype", "<html", "<table", "<?xml", "<svg")):
        raise DataError(message("problem.other_kind", file=name, kind="HTML / XML"))
    if text.startswith(("{", "[{", "[[", "[\n")):
        raise DataError(message("problem.other_kind", file=name, kind="JSON"))


def _inner(content: bytes, name: str) -> Unpacked:
    if content.startswith(_ARCHIVES):
        raise DataError(message("problem.nested", file=name))
    refuse_foreign(content, name)
    return Unpacked(content, name)


def _from_zip(packed: zipfile.ZipFile, content: bytes, budget: Budget) -> Unpacked:
    name, files = budget.name, files_in(packed)
    names = [info.filename for info in files]
    if "xl/workbook.xml" in names:
        for info in packed.infolist():  # the reader of Excel files does not count
            read_member(packed, info, budget)
        return Unpacked(content, name, is_excel=True)
    if "mimetype" in names and "content.xml" in names:
        raise DataError(message("problem.other_kind", file=name, kind="OpenDocument"))
    tables = [info for info in files if info.filename.lower().endswith(_SUFFIXES)]
    chosen = files if len(files) == 1 else tables
    if len(chosen) != 1:
        found = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") or "–"
        raise DataError(message("problem.one_table", file=name, found=found))
    within = message("problem.within", archive=name, file=chosen[0].filename)
    return _inner(read_member(packed, chosen[0], budget), within)
