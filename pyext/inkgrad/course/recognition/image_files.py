"""Opening image files that anybody may have sent: allowed formats, and a limit on their pixels."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

# Others, such as EPS, are decoded by external programs, or by code that is rarely used.
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")


class TooManyPixels(ValueError):
    """The image is larger than allowed; ``size`` is (width, height)."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(f"the image has {size[0]} x {size[1]} pixels")
        self.size = size


def open_image(content: bytes, max_pixels: int) -> Image.Image:
    """Decode the first frame of an image file.

    Raises:
        TooManyPixels: its header states more than ``max_pixels``; nothing was decoded.
        PIL.UnidentifiedImageError: not an image in one of :data:`FORMATS`.
        OSError: it is damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # max_pixels decides
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)  # reads the header only
            if image.width * image.height > max_pixels:
                raise TooManyPixels(image.size)
            image.load()
        except TooManyPixels:
            raise
        except UnidentifiedImageError:
            raise UnidentifiedImageError(f"not an image file: {', '.join(FORMATS)}") from None
        except Image.DecompressionBombError as error:
            raise OSError(str(error)) from None
        except (SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError) as error:
            raise OSError(f"{error}") from None  # what Pillow's decoders raise beside OSError
    return image
