import io

import numpy as np
import pytest
from PIL import Image

from mmerc.errors import ClipUnreadable
from mmerc.media.image import read_picture


def saved(pixels: np.ndarray, ending: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, ending)
    return file.getvalue()


def test_colours_and_grey_come_out_as_rgb() -> None:
    colours = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert np.array_equal(read_picture(saved(colours, "PNG")), colours)
    assert read_picture(saved(np.full((8, 8), 77, np.uint8), "JPEG"))[4, 4].tolist() == [77, 77, 77]


@pytest.mark.parametrize("content", [b"", b"no picture", saved(np.zeros((64, 64), np.uint8), "PNG")[:60]])
def test_what_is_no_picture_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises(ClipUnreadable, match="cannot be read"):
        read_picture(content)


def test_other_formats_are_refused() -> None:
    with pytest.raises(ClipUnreadable):
        read_picture(saved(np.zeros((4, 4), np.uint8), "TIFF"))
