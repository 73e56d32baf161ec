"""Pictures as they are sent: drawings of the pages, picture files, and arrays in answers."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from inkgrad.course.recognition import picture as pictures
from inkgrad.course.recognition.image_files import TooManyPixels, open_image
from inkgrad_demo.services.request_fields import Checked, decoded, square
from inkgrad_demo.texts import message

RASTER_SIDE = 140
"""Rows and columns of a page's drawing: five pixels for each of the network's 28, so that a small
digit still has as many pixels as it is scaled to."""

MAX_PIXELS = 24_000_000
"""Size limit of a picture file: enough for a phone's photograph, and less than 100 MB in memory."""

RASTER = square(RASTER_SIDE)
"""Annotates ``bytes``: a page's drawing, from 0 (paper) to 255 (ink), in base64."""


def drawing(raster: bytes) -> np.ndarray:
    """Return a page's drawing as RASTER_SIDE x RASTER_SIDE x 4, uint8."""
    # Ink is the opacity of a transparent picture, so that a pad full of ink is not taken for paper.
    rgba = np.zeros((RASTER_SIDE, RASTER_SIDE, 4), np.uint8)
    rgba[:, :, 3] = np.frombuffer(raster, np.uint8).reshape(RASTER_SIDE, RASTER_SIDE)
    return rgba


_PREVIEW_SIDE = 640  # pixels


@dataclass(frozen=True)
class Preview:
    """A data URL, and the width divided by the height."""

    url: str
    aspect: float


def preview(image: Image.Image) -> Preview:
    """Return a small copy of a picture file, as it is seen by the recognition."""
    shown = pictures.visible(image)
    aspect = shown.width / shown.height
    shown.thumbnail((_PREVIEW_SIDE, _PREVIEW_SIDE))
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=80)
    encoded = base64.b64encode(file.getvalue()).decode("ascii")
    return Preview(f"data:image/webp;base64,{encoded}", aspect)


def _picture(value: Any) -> Image.Image:
    if isinstance(value, str):
        if value.startswith("data:"):
            value = value.partition(",")[2]
        value = "".join(value.split())  # the base64 command breaks lines
    try:
        return open_image(decoded(value), MAX_PIXELS)
    except TooManyPixels as error:
        size = "{} x {}".format(*error.size)
        raise ValueError(message("problem.image_size", most=MAX_PIXELS, got=size)) from None
    except OSError as error:
        raise ValueError(message("problem.damaged_image", error=error)) from None


PICTURE = Checked(_picture, "problem.base64")
"""Annotates an ``Image``: a picture file in base64, or as a data URL."""


def to_base64(values: np.ndarray) -> str:
    """Return values from 0 to 1 as the base64 text of bytes from 0 to 255."""
    return base64.b64encode((255 * values + 0.5).astype(np.uint8).tobytes()).decode("ascii")
