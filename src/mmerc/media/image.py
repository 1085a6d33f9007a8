"""A picture's bytes in, its pixels out, the right way up."""

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from mmerc.errors import ClipUnreadable

FORMATS = ("JPEG", "PNG")
FILE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
MAX_PIXELS = 50_000_000  # of a picture or a frame: 8K has 33 million, and a larger one is no photograph of a face


def read_picture(
    content: bytes, *, max_side: int | None = None, formats: tuple[str, ...] = FORMATS
) -> UInt8[np.ndarray, "H W 3"]:
    """RGB pixels of a JPEG or PNG, turned as its EXIF orientation says.

    `max_side`: pixels; a picture whose larger side exceeds it is made smaller. `formats`: Pillow's names of what is read.

    Raises:
        ClipUnreadable: it has another format, is damaged, or has more than 50 million pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=formats) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ClipUnreadable(f"the picture has {picture.width}x{picture.height} pixels")
            if max_side is not None:
                picture.thumbnail((max_side, max_side))
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ClipUnreadable(f"the picture cannot be read ({error})") from error


def is_picture(path: Path) -> bool:
    """Whether a file begins as one picture does: JPEG, PNG, WebP or BMP."""
    try:
        with path.open("rb") as stream:
            head = stream.read(12)
    except OSError:
        return False
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or (head[:4] == b"RIFF" and head[8:] == b"WEBP")
        or (head[:2] == b"BM" and head[6:10] == bytes(4))
    )
