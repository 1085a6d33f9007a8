"""A picture's bytes in, its pixels out."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from mmerc.errors import ClipUnreadable

FORMATS = ("JPEG", "PNG")
MOST_PIXELS = 50_000_000  # a picture that says it is larger is no photograph of a face


def read_picture(content: bytes, *, largest_side: int | None = None) -> UInt8[np.ndarray, "H W 3"]:
    """RGB pixels of a JPEG or PNG, made smaller where its larger side exceeds `largest_side`.

    Raises:
        ClipUnreadable: it is neither, is damaged, or has more than 50 million pixels.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ClipUnreadable(f"the picture has {picture.width}x{picture.height} pixels")
            if largest_side is not None:
                picture.thumbnail((largest_side, largest_side))
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ClipUnreadable(f"the picture cannot be read ({error})") from error
