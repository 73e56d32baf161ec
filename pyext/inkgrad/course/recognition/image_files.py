"""Opening image files that anybody may have sent: allowed formats, and a limit on their pixels."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from inkgrad.course.messages import message

# Others, such as EPS, are decoded by external programs, or by code that is rarely used.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
_HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc")  # at byte 4 of such a file


class TooManyPixels(ValueError):
    """The image is larger than allowed; ``size`` is (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(f"the image has {size[0]} x {size[1]} pixels")
        self.size = size


def open_image(content: bytes, max_pixels: int) -> Image.Image:
    """Decode the first frame of an image file in one of :data:`FORMATS`, and HEIC where pillow-heif
    is installed.

    Raises:
        TooManyPixels: its header states more than ``max_pixels``; nothing was decoded.
        ValueError: it has another format.
        OSError: it is damaged.
    """
    formats = _formats(content[:16])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels decides
        try:
            image = Image.open(io.BytesIO(content), formats=formats)  # reads the header only
            if image.width * image.height > max_pixels:
                raise TooManyPixels(image.size)
            image.load()
        except TooManyPixels:
            raise
        except UnidentifiedImageError:
            raise ValueError(message("problem.no_image")) from None
        except Image.DecompressionBombError as error:
            raise OSError(str(error)) from None
        except (SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError) as error:
            raise OSError(f"{error}") from None  # what Pillow's decoders raise beside OSError
    return image


def _formats(start: bytes) -> tuple[str, ...]:
    if start.startswith(b"%PDF"):
        raise ValueError(message("problem.pdf"))
    if start[4:12] not in _HEIC:
        return FORMATS
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise ValueError(message("problem.heic")) from None
    pillow_heif.register_heif_opener()
    return (*FORMATS, "HEIF")
