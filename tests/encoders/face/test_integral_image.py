import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from mmerc.encoders.face.integral_image import (
    compute_integral_image,
    crop_boxes,
    crop_resized_images,
    resize_images,
)


def make_images(count: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, height, width, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_the_mean_of_four_pixels() -> None:
    image = torch.tensor([[[0, 0, 0], [4, 8, 12]], [[8, 16, 24], [4, 0, 0]]], dtype=torch.uint8)[None]
    integral = compute_integral_image(image)
    assert integral.shape == (3, 3, 1, 3) and integral[2, 2, 0].tolist() == [16, 24, 36]
    assert resize_images(integral, 1, 1).flatten().tolist() == [4.0, 6.0, 9.0]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.integers(1, 40))
def test_resizing_is_torchs_area_interpolation(height: int, width: int, rows: int, columns: int) -> None:
    images = make_images(2, height, width)
    expected = F.interpolate(images.permute(0, 3, 1, 2).float(), (rows, columns), mode="area")
    assert torch.allclose(resize_images(compute_integral_image(images), rows, columns), expected, atol=1e-3)


@given(st.integers(0, 8), st.integers(0, 8), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 5, 24]))
def test_a_cropped_box_is_the_part_interpolated(left: int, top: int, width: int, height: int, side: int) -> None:
    images = make_images(2, 20, 20)
    box = torch.tensor([[left, top, left + width, top + height]])
    part = images[1:, top : top + height, left : left + width].permute(0, 3, 1, 2).float()
    found = crop_boxes(compute_integral_image(images), box, torch.tensor([1]), side)
    assert torch.allclose(found, F.interpolate(part, (side, side), mode="area"), atol=1e-3)


@given(
    st.integers(4, 30), st.integers(4, 30), st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6)
)
def test_a_crop_of_the_resized_image_is_a_part_of_it(
    height: int, width: int, left: int, top: int, wide: int, high: int
) -> None:
    integral = compute_integral_image(make_images(2, height, width))
    whole = resize_images(integral, 12, 12)[1:, :, top : top + high, left : left + wide]
    found = crop_resized_images(integral, torch.tensor([1]), torch.tensor([[left, top]]), (wide, high), (12, 12))
    assert torch.equal(found, whole)


def test_sums_above_32_bits_give_correct_means() -> None:
    white = torch.full((1, 3000, 3000, 3), 255, dtype=torch.uint8)  # 2.3 billion
    assert resize_images(compute_integral_image(white), 2, 2).unique().tolist() == [255.0]


def test_no_box_gives_no_crop() -> None:
    integral = compute_integral_image(make_images(1, 4, 4))
    assert crop_boxes(integral, torch.zeros(0, 4, dtype=torch.long), torch.zeros(0, dtype=torch.long), 24).shape == (
        0,
        3,
        24,
        24,
    )
    assert resize_images(integral, 2, 3).shape == (1, 3, 2, 3)
