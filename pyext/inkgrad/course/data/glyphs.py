"""Characters of fonts: digits, and everything that is no digit."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Characters whose usual forms are digits, too: nobody could tell them apart.
LIKE_DIGITS = frozenset(
    "OoQDlI|SsZzbqgB/\\()[]{}!'`,.:;\"^~°¡¦´·¸"
    "ΟοοΙιΖσδΘθОоЗзІіЧчбЅѕВՕօՏՅՑզ"
    "〇口ロ了つㅇㅣ丨丿ノ一乙己丶て"
)

# Ranges of Unicode: alphabets, signs, arrows, shapes, kana, Chinese characters and Hangul.
RANGES = (
    (0x21, 0x7F), (0xA1, 0x180), (0x386, 0x3F0), (0x400, 0x482), (0x531, 0x587), (0x5D0, 0x5EB),
    (0x621, 0x64B), (0x10D0, 0x10F1), (0x13A0, 0x13F5), (0x1401, 0x1480), (0x16A0, 0x16EB),
    (0x2190, 0x2200), (0x2200, 0x2300), (0x25A0, 0x2600), (0x2600, 0x2670), (0x2701, 0x2760),
    (0x2D30, 0x2D66), (0x3041, 0x3097), (0x30A1, 0x30FB), (0x3105, 0x312A), (0xA000, 0xA000),
)  # fmt: skip
# There are thousands of these: some of them, evenly spaced.
SPARSE = ((0x4E00, 0x9FA5, 37), (0xAC00, 0xD7A4, 97))

_SIDE = 112  # pixels of a glyph's longer side, about


def characters(held_out: Iterable[tuple[int, int]] = ()) -> list[str]:
    """Characters that are no digits, without those in the ranges of ``held_out``."""
    codes = [code for first, end in RANGES for code in range(first, end)]
    codes += [code for first, end, step in SPARSE for code in range(first, end, step)]
    left = (c for c in codes if not any(first <= c < end for first, end in held_out))
    return [chr(code) for code in left if _is_no_digit(chr(code))]


def _is_no_digit(character: str) -> bool:
    category = unicodedata.category(character)
    if category[0] in "NCZM" or category == "Lm":  # numbers, controls, spaces, marks, modifiers
        return False
    base = unicodedata.normalize("NFKD", character)[0]
    name = unicodedata.name(character, "")
    likely = ("DIGIT", "CIRCLE", "NUMBER", "VERTICAL", "ZERO", " WITH STROKE")
    return base not in LIKE_DIGITS and not any(word in name for word in likely)


def fonts(folders: Iterable[Path] = ()) -> list[Path]:
    """The font files in ``folders``; by default those of the system and of matplotlib, sorted."""
    found = {
        file
        for folder in (list(folders) or _font_folders())
        for kind in ("ttf", "otf", "ttc")
        for file in folder.rglob(f"*.{kind}")
    }
    return sorted(found, key=lambda file: (file.name, str(file)))


def _font_folders() -> Iterator[Path]:
    yield from (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts"))
    for folder in sys.path:
        yield Path(folder, "matplotlib", "mpl-data", "fonts", "ttf")


def glyph(font: Path, character: str) -> np.ndarray | None:
    """The character, (h, w) uint8, white on black, cropped; None if the font does not have it."""
    face = _face(font)
    mask = _painted(face, character)
    if mask is None:
        return None
    missing = _missing(font)
    if missing is not None and mask.shape == missing.shape and (mask == missing).all():
        return None
    return mask


def _painted(face: ImageFont.FreeTypeFont, character: str) -> np.ndarray | None:
    left, top, right, bottom = (round(value) for value in face.getbbox(character))
    if right - left < 4 or bottom - top < 4 or max(right - left, bottom - top) > 4 * _SIDE:
        return None
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=face)
    mask = np.asarray(image)
    return mask if mask.max() > 128 else None


@lru_cache(maxsize=64)
def _face(font: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font, _SIDE)


@lru_cache(maxsize=64)
def _missing(font: Path) -> np.ndarray | None:
    """The glyph that stands for characters that the font lacks."""
    return _painted(_face(font), "\U0010fffd")
