import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmerc.errors import ClipUnreadable
from mmerc.media.image import is_picture, read_picture


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


@pytest.mark.parametrize(
    ("orientation", "shown"),
    [
        (1, [[240, 0], [120, 60]]),
        (2, [[0, 240], [60, 120]]),
        (3, [[60, 120], [0, 240]]),
        (6, [[120, 240], [60, 0]]),
        (8, [[0, 60], [240, 120]]),
    ],
)
@pytest.mark.parametrize("max_side", [None, 16])
def test_a_photograph_is_turned_as_its_exif_says(
    orientation: int, shown: list[list[int]], max_side: int | None
) -> None:
    pixels = np.kron(np.uint8([[[240], [0]], [[120], [60]]]), np.ones((16, 16, 3), np.uint8))
    exif = Image.Exif()
    exif[274] = orientation  # the tag Orientation, EXIF 2.3
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    picture = read_picture(file.getvalue(), max_side=max_side)
    last = len(picture) - 1
    assert [[int(picture[y, x, 0]) for x in (0, last)] for y in (0, last)] == shown


def test_pictures_are_known_by_their_content(tmp_path: Path) -> None:
    for form in ("JPEG", "PNG", "WEBP", "BMP"):
        (tmp_path / form).write_bytes(saved(np.zeros((4, 4, 3), np.uint8), form))
        assert is_picture(tmp_path / form)
    (tmp_path / "text").write_text("BMW")
    assert not is_picture(tmp_path / "text") and not is_picture(tmp_path / "absent") and not is_picture(tmp_path)
