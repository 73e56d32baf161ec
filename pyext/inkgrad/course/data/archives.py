"""Unpacking with a budget: what comes out is counted, whatever the archive declares."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass

from inkgrad.course.data.errors import DataError
from inkgrad.course.messages import message

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
_CHUNK = 2**20


@dataclass
class Budget:
    """The bytes that may still come out of the archives of one file, which errors call ``name``."""

    name: str
    most: int
    used: int = 0

    def take(self, count: int) -> None:
        """Count bytes. DataError if there are too many."""
        self.used += count
        if self.used > self.most:
            raise DataError(message("problem.unpacked", file=self.name, most=self.most))


def gunzip(content: bytes, budget: Budget) -> bytes:
    """Unpack a gzip file of one or several members. DataError if it is damaged or too large."""
    unpacked = io.BytesIO()
    try:
        while content.strip(b"\0"):  # zeros may pad the last member
            member = zlib.decompressobj(wbits=31)
            rest = content
            while not member.eof:
                part = member.decompress(rest, _CHUNK)
                rest = member.unconsumed_tail
                budget.take(len(part))
                unpacked.write(part)
                if not part and not rest and not member.eof:
                    raise EOFError("the file ends too early")
            content = member.unused_data
    except (EOFError, zlib.error) as error:
        raise DataError(message("problem.damaged_gzip", file=budget.name, error=error)) from None
    return unpacked.getvalue()


def open_zip(content: bytes, name: str) -> zipfile.ZipFile:
    """Open a zip archive. DataError, which calls it ``name``, if it is damaged."""
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise DataError(message("problem.no_zip", file=name, error=error)) from None


def files_in(packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of an archive, without folders and those that systems add."""

    def is_hidden(path: str) -> bool:
        return any(part.startswith((".", "__MACOSX")) for part in path.split("/"))

    return [
        each for each in packed.infolist() if not each.is_dir() and not is_hidden(each.filename)
    ]


def read_member(packed: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    """Read one file of an archive. DataError if it is damaged, encrypted or too large."""
    if info.flag_bits & 1:
        raise DataError(message("problem.encrypted", file=budget.name))
    content = io.BytesIO()
    try:
        with packed.open(info) as file:
            while part := file.read(_CHUNK):  # a read without a size would unpack all of it first
                budget.take(len(part))
                content.write(part)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        # NotImplementedError, a RuntimeError: an unknown compression
        raise DataError(message("problem.no_zip", file=budget.name, error=error)) from None
    return content.getvalue()
