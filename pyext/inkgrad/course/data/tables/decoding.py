"""From bytes to text: the encodings that spreadsheets and editors write."""

from __future__ import annotations

import codecs
import re

from inkgrad.course.data.errors import DataError
from inkgrad.course.messages import message

_MARKS = {  # byte order marks; that of UTF-32 starts with that of UTF-16
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_SAMPLE = 2**16
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


def decode(content: bytes, name: str) -> tuple[str, str]:
    """Return the text, with "\\n" as the end of each line, and the name of the encoding.

    DataError, which calls the file ``name``, if it is no text.
    """
    encoding, start = _encoding(content)
    try:
        text = content[start:].decode(encoding)
    except UnicodeDecodeError as error:
        where = error.start + start
        raise DataError(message("problem.not_text", file=name, byte=where)) from None
    text = text.rstrip("\x1a")  # Ctrl-Z, by which old systems end a text
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    control = _CONTROL.search(text, 0, _SAMPLE)
    found = control.start() if control else text.find("\0")
    if found >= 0:
        place = message("problem.row", file=name, row=text.count("\n", 0, found) + 1)
        code = f"U+{ord(text[found]):04X}"
        raise DataError(message("problem.control", where=place, code=code))
    return text, encoding


def _encoding(content: bytes) -> tuple[str, int]:
    """The encoding, and the length of the byte order mark."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding, len(mark)
    if zeros := _zeros(content):
        return zeros, 0
    for encoding in ("utf-8", "gb18030", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or _is_chinese(text):
            return encoding, 0
    return "latin-1", 0


def _is_chinese(text: str) -> bool:
    """Whether what was decoded as GB 18030 consists of the common characters, GB 2312's level 1.

    The bytes of a European text give rare characters, if any.
    """
    some = [char for char in text if char > "\x7f"][:2000]
    codes = (char.encode("gb18030") for char in some)
    common = sum(0xA1 <= code[0] <= 0xD7 and code[1] >= 0xA1 for code in codes)
    return common >= 0.8 * len(some)


def _zeros(content: bytes) -> str | None:
    """UTF-16 without a mark: in most languages every other byte of digits and commas is zero."""
    start = content[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if (
        len(start) >= 4
        and max(even, odd) > 0.4 * (len(start) / 2)
        and min(even, odd) * 10 < max(even, odd)
    ):
        return "utf-16-le" if odd > even else "utf-16-be"
    return None
