"""The bytes that archives unpack to are counted, whatever they declare."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile

import pytest

from inkgrad.course.data.archives import Budget, files_in, gunzip, open_zip, read_member
from inkgrad.course.data.errors import DataError

LARGE = bytes(50_000_000)


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("large", content)
    return stream.getvalue()


def first_of(content: bytes, most: int) -> bytes:
    with open_zip(content, "t.zip") as packed:
        (info,) = files_in(packed)
        return read_member(packed, info, Budget("t.zip", most))


def test_a_bomb_is_noticed_before_it_fills_the_memory() -> None:
    bombs = gzip.compress(LARGE), zipped(LARGE)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="t: expected at most 1000000 bytes when unpacked"):
            gunzip(bombs[0], Budget("t", 10**6))
        with pytest.raises(DataError, match="expected at most 1000000 bytes when unpacked"):
            first_of(bombs[1], 10**6)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_directory_that_lies_does_not_help() -> None:
    honest = zipped(LARGE)
    lying = honest.replace(len(LARGE).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"t\.zip: not a readable zip archive|at most"):
            first_of(lying, 10**6)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_members_share_a_budget_and_padding_is_none() -> None:
    two = gzip.compress(b"abc") + gzip.compress(b"def") + bytes(512)
    assert gunzip(two, Budget("t", 6)) == b"abcdef"
    with pytest.raises(DataError, match="at most 5 bytes"):
        gunzip(two, Budget("t", 5))


def test_an_encrypted_file_is_refused() -> None:
    content = bytearray(zipped(b"abc"))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    with pytest.raises(DataError, match=r"t\.zip: the archive is protected by a password"):
        first_of(bytes(content), 1000)
