"""Text in the encodings that spreadsheets write."""

from __future__ import annotations

import pytest

from inkgrad.course.data.tables import DataError
from inkgrad.course.data.tables.decoding import decode

GERMAN = "größe;müde\n1,5;äöüß\n"
CHINESE = "身高,体重,标签\n1,2,是\n"


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "cp1252", "cp1252"),
        (GERMAN, "utf-16", "utf-16-le"),
        (GERMAN, "utf-16-be", "utf-16-be"),
        (GERMAN, "utf-32", "utf-32-le"),
        ("a,\u0081\n", "latin-1", "latin-1"),
        ("prix,5 €\n", "cp1252", "cp1252"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "utf-8-sig", "utf-8"),
    ],
)
def test_the_encoding_is_found(text: str, encoding: str, found: str) -> None:
    assert decode(text.encode(encoding), "t") == (text, found)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"a,b\n1,\x002\n", r"t, row 2: a control character \(U\+0000\)"),
        (b"\x01\x02\x03", r"t, row 1: a control character \(U\+0001\)"),
        (b"\xef\xbb\xbfa,\xff\n", "t: not a text file: byte 5 cannot be decoded"),
        (b"\xff\xfea\x00b", "t: not a text file: byte 4 cannot be decoded"),
    ],
)
def test_what_is_no_text(content: bytes, error: str) -> None:
    with pytest.raises(DataError, match=error):
        decode(content, "t")
