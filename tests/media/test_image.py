import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from mmerc.errors import ClipUnreadable
from mmerc.media.image import FILE_FORMATS, is_picture, read_picture
from tests.damage import damage_bytes


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


def save_photograph(form: str = "JPEG", **exif: object) -> bytes:
    """A picture of 4x2 pixels, wide, with EXIF data."""
    data = Image.Exif()
    for name, value in exif.items():
        data[ExifTags.Base[name]] = value
    file = io.BytesIO()
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)).save(file, form, exif=data)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_pillows(orientation: int) -> None:
    content = save_photograph("PNG", Orientation=orientation)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert np.array_equal(read_picture(content), np.asarray(expected))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_data_leave_the_picture() -> None:
    content = save_photograph(Orientation=6, ImageDescription="hello", Make="abc")
    at = content.index(b"Exif\0\0")
    found = {read_picture(content[:index] + b"\xff" + content[index + 1 :]).shape for index in range(at, at + 60)}
    assert (2, 4, 3) in found and found <= {(2, 4, 3), (4, 2, 3)}


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "BMP"]), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_damaged_pictures_are_read_or_refused(form: str, rng: Random) -> None:
    content = damage_bytes(save_photograph(form, Orientation=6, ImageDescription="hello"), rng)
    try:
        assert read_picture(content, formats=FILE_FORMATS).ndim == 3
    except ClipUnreadable as error:
        assert "\n" not in str(error)
