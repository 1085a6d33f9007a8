"""A picture's bytes in, its pixels out, the right way up."""

import io
import struct
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image

from mmerc.errors import ClipUnreadable

FORMATS = ("JPEG", "PNG")
FILE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
# By the EXIF orientation; 1 is the right way up.
TURNS: dict[object, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
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
            return np.asarray(_turn(picture).convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ClipUnreadable(f"the picture cannot be read ({error})") from error


def _turn(picture: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says. `ImageOps.exif_transpose` also writes the EXIF data again, which fails if they are damaged."""
    try:
        turn = TURNS.get(picture.getexif().get(ExifTags.Base.Orientation))
    except (OSError, SyntaxError, TypeError, ValueError, struct.error):  # damaged: the picture is read as it is
        turn = None
    return picture if turn is None else picture.transpose(turn)


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
