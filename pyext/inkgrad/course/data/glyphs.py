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

_SIDE = 112  # pixels of a glyph's longer side, about


def characters(font: Path) -> list[str]:
    """The characters of a font that are no digits; of a font of icons, the icons."""
    from fontTools.ttLib import TTFont

    with TTFont(font, fontNumber=0, lazy=True) as file:
        codes = sorted(file.getBestCmap() or ())
    icons = [chr(code) for code in codes if is_icon(chr(code))]
    if 2 * len(icons) > len(codes):
        return icons
    return [chr(code) for code in codes if is_no_digit(chr(code))]


def is_icon(character: str) -> bool:
    """Whether its meaning is private to a font."""
    return unicodedata.category(character) == "Co"


def script(character: str) -> str:
    """The first word of a character's name, mostly that of its script; empty without a name."""
    return unicodedata.name(character, "").partition(" ")[0]


def is_no_digit(character: str) -> bool:
    """Whether a character is no digit, and none that is usually written like one."""
    category = unicodedata.category(character)
    if category[0] in "NCZM" or category == "Lm":  # numbers, controls, spaces, marks, modifiers
        return False
    base = unicodedata.normalize("NFKD", character)[0]
    name = unicodedata.name(character, "")
    likely = ("DIGIT", "CIRCLE", "NUMBER", "VERTICAL", "ZERO", " WITH STROKE")
    return base not in LIKE_DIGITS and not any(word in name for word in likely)


def fonts(folders: Iterable[Path] = ()) -> list[Path]:
    """The font files of the system, of matplotlib and in ``folders``, sorted."""
    found = {
        file
        for folder in (*_font_folders(), *folders)
        for kind in ("ttf", "otf", "ttc")
        for file in folder.rglob(f"*.{kind}")
    }
    # These have other glyphs than the standard says: one for a script, digits as icons.
    chosen = (file for file in found if not file.name.startswith(("LastResort", "STIXNonUni")))
    return sorted(chosen, key=lambda file: (file.name, str(file)))


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
