"""From bytes to text: the encodings that spreadsheets and editors write."""

from __future__ import annotations

import codecs
import contextlib
import itertools
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
_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"

ENCODINGS = (
    "utf-8",
    "gb18030",
    "big5",
    "cp932",  # Shift JIS
    "euc-jp",
    "cp949",  # EUC-KR
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1258",
    "cp874",
    "koi8-r",
    "cp437",
    "cp850",
    "cp866",
    "mac-roman",
    "utf-16-le",
    "utf-16-be",
)
"""The encodings that can be chosen."""

# The bytes of common characters: punctuation, kana, Korean syllables, ideographs, Cyrillic letters.
# The bytes of text in another encoding give rare characters, or none.
_COMMON = {
    "euc-jp": re.compile(rb"[\xa1-\xcf][\xa1-\xfe]"),
    "cp949": re.compile(rb"[\xa1-\xa3\xb0-\xc8][\xa1-\xfe]"),
    "gb18030": re.compile(rb"[\xa1-\xd7][\xa1-\xfe]"),
    "cp932": re.compile(rb"[\x81-\x97].", re.DOTALL),
    "big5": re.compile(rb"[\xa1-\xc6].", re.DOTALL),
    "cp1251": re.compile(rb"[\x96\x97\xa8\xaa\xab\xaf\xb2\xb3\xb8-\xbb\xbf-\xff]"),
}
_KANA = b"\xa4\xa5"
_RUN = re.compile(r"[^\x00-\x7f]+")
_RUNS = 2000
_LETTER = re.compile("[A-Za-z]")
_WITHIN = re.compile("[a-z]([^\x00-\x7f\u2010-\u2026])([a-z]?)")
_MIN_SYLLABLES = 12


def decode(content: bytes, name: str, chosen: str | None = None) -> tuple[str, str]:
    """Return the text, with "\\n" as the end of each line, and the name of the encoding.

    ``chosen``: the encoding of a text that does not start with a mark; None: found. DataError,
    which calls the file ``name``, if it is no text.
    """
    encoding, start = _encoding(content, chosen)
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
    if not text.isascii():
        for invisible in _INVISIBLE:
            text = text.replace(invisible, "")
    return text, encoding


def _encoding(content: bytes, chosen: str | None) -> tuple[str, int]:
    """The encoding, and the length of the byte order mark."""
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding, len(mark)
    return chosen or _zeros(content) or _unmarked(content), 0


def _unmarked(content: bytes) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        content.decode()
        return "utf-8"
    likely = {encoding: _likelihood(content, encoding) for encoding in _COMMON}
    best = max(likely, key=lambda encoding: likely[encoding])
    if likely[best]:
        return best
    windows = content.decode("cp1252", errors="replace")
    if "\ufffd" in windows or _count_odd(content.decode("mac-roman")) < _count_odd(windows):
        return "mac-roman"
    return "cp1252"


def _likelihood(content: bytes, encoding: str) -> float:
    """The share of common characters in a text of this encoding; 0 if it is another one."""
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    runs = list(itertools.islice(_RUN.finditer(text), _RUNS))
    codes = {char.encode(encoding) for run in runs for char in run[0]}
    common = sum(bool(_COMMON[encoding].fullmatch(code)) for code in codes) / len(codes)
    # The letters of European languages stand beside those of ASCII, or alone.
    beside = [text[max(0, run.start() - 1) : run.end() + 1] for run in runs]
    touching = sum(bool(_LETTER.search(each)) for each in beside)
    is_foreign = touching <= 0.2 * len(runs) and any(len(run[0]) > 1 for run in runs)
    if encoding == "gb18030" and (common > 0.8 or is_foreign):
        return max(common, 0.1)
    # Chinese has no kana. The bytes of a few Chinese characters can be common Korean syllables.
    if encoding == "euc-jp" and sum(code[0] in _KANA for code in codes) < 2:
        return 0.0
    if encoding == "cp949" and (common < 1 or len(codes) < _MIN_SYLLABLES):
        return 0.0
    least = 0.95 if encoding == "cp1251" else 0.8  # of the bytes of other texts, many are letters
    return common if common > least and is_foreign else 0.0


def _count_odd(text: str) -> int:
    """Count the capital letters and signs, other than punctuation, that stand within words."""
    found = itertools.islice(_WITHIN.finditer(text), _RUNS)
    return sum(each[1].isupper() or (not each[1].isalpha() and bool(each[2])) for each in found)


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
