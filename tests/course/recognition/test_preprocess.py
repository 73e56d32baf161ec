"""Whatever a drawing comes as, the network sees the same digit, placed as MNIST's are."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from drawings import drawing
from inkgrad.course.data.strokes import Pen, Strokes, draw
from inkgrad.course.recognition.preprocess import prepare


def seen(image: object) -> np.ndarray:
    prepared = prepare(image)
    assert not prepared.empty
    return prepared.image


def rgb(gray: np.ndarray) -> np.ndarray:
    return np.stack([gray] * 3, -1)


def rgba(color: np.ndarray | int, opacity: np.ndarray | int) -> np.ndarray:
    pixels = np.zeros((280, 280, 4), np.uint8)
    pixels[..., :3] = color if np.isscalar(color) else rgb(np.asarray(color))
    pixels[..., 3] = opacity
    return pixels


def jpeg(gray: np.ndarray, quality: int) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(gray).save(file, "JPEG", quality=quality)
    return Image.open(file)


INK = drawing()
SAME = {
    "float": INK / 255,
    "float16": (INK / 255).astype(np.float16),
    "not contiguous": np.asfortranarray(INK),
    "tensor": torch.from_numpy(INK.copy()),
    "dark on light": 255 - INK,
    "gray on gray": (150 - INK * 0.4).astype(np.uint8),
    "faint": (INK * 0.1).astype(np.uint8),
    "RGB": rgb(INK),
    "RGB, dark on light": rgb(255 - INK),
    "RGBA, opaque": rgba(INK, 255),
    "RGBA, opaque, dark on light": rgba(255 - INK, 255),
    "white ink on a transparent canvas": rgba(255, INK),
    "black ink on a transparent canvas": rgba(0, INK),
    "JPEG": jpeg(255 - INK, 90),
    "off-center": np.pad(INK, ((0, 31), (290, 0))),
    "PIL L": Image.fromarray(INK),
    "PIL P": Image.fromarray(INK).convert("P"),
    "PIL LA": Image.fromarray(INK).convert("LA"),
    "PIL CMYK": Image.fromarray(rgb(255 - INK)).convert("CMYK"),
    "PIL 16 bits": Image.fromarray(INK.astype(np.uint16) * 257),
    "PIL float": Image.fromarray((INK / 255).astype(np.float32)),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_drawing_in_any_form_looks_the_same(kind: str) -> None:
    np.testing.assert_allclose(seen(SAME[kind]), seen(INK), atol=0.03)


def test_what_the_network_sees_has_the_shape_type_and_place_of_mnist() -> None:
    image = seen(INK)
    assert image.shape == (28, 28)
    assert image.dtype == np.float32
    assert image.min() == 0
    assert image.max() == 1
    rows, columns = np.nonzero(image > 0.1)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    grid = np.arange(28)
    assert abs(image.sum(1) @ grid / image.sum() - 14) <= 0.5
    assert abs(image.sum(0) @ grid / image.sum() - 14) <= 0.5


def test_an_image_that_is_already_so_stays_as_it_is() -> None:
    image = seen(INK)
    np.testing.assert_allclose(seen(image), image, atol=0.1)


@pytest.mark.parametrize(
    ("side", "height", "center"),
    [
        (150, 0.12, (0.4, 0.8)),
        (150, 0.3, (0.25, 0.25)),
        (560, 0.12, (0.75, 0.3)),
        (560, 0.9, (0.5, 0.5)),
        (2000, 0.1, (0.1, 0.9)),
    ],
)
def test_size_place_and_resolution_do_not_matter(
    side: int, height: float, center: tuple[float, float]
) -> None:
    pen = 0.1 * height  # the same digit, smaller
    image = seen(drawing(side, pen, height, center))
    whole = seen(drawing(side=560, width=0.06, height=0.6))
    # Placement is by whole pixels, so up to one off; otherwise the same picture.
    shifted = [np.roll(image, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(np.abs(one - whole).mean() for one in shifted) < 0.04


@pytest.mark.parametrize("width", [0.005, 0.02, 0.05, 0.12])
def test_any_pen_leaves_ink_of_full_brightness(width: float) -> None:
    image = seen(drawing(width=width, height=0.8))
    assert image.max() == 1
    # The four's crossbar and stem are there: ink in the row through the bar, and below it.
    assert (image[16:24] > 0.3).any(axis=1).all()


def test_a_wider_pen_gives_more_ink() -> None:
    ink = [seen(drawing(width=width)).sum() for width in (0.02, 0.05, 0.1)]
    assert ink == sorted(ink)


@pytest.mark.parametrize("shape", [(400, 20), (20, 400), (45, 15)])
def test_proportions_are_kept(shape: tuple[int, int]) -> None:
    bar = np.zeros((500, 500), np.uint8)
    bar[30 : 30 + shape[0], 40 : 40 + shape[1]] = 255
    rows, columns = np.nonzero(seen(bar) > 0.1)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert max(height, width) == 20
    assert abs(min(height, width) - 20 * min(shape) / max(shape)) <= 1


@pytest.mark.parametrize("is_board", [False, True], ids=["paper", "board"])
def test_a_photograph_shows_the_same_digit(is_board: bool) -> None:
    random = np.random.default_rng(0)
    ink = drawing(400, 0.04, 0.5, (0.4, 0.45)) / 255
    y, x = np.mgrid[-1:1:400j, -1:1:400j]
    light = 1 + 0.3 * x - 0.2 * y - 0.2 * (x * x + y * y)
    scene = light * (0.2 + 0.5 * ink if is_board else 0.7 - 0.5 * ink)
    scene = (scene + random.normal(0, 0.02, scene.shape)).clip(0, 1)
    image, clean = seen(jpeg((scene * 255).astype(np.uint8), 80)), seen(ink)
    shifted = [np.roll(image, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(np.abs(one - clean).mean() for one in shifted) < 0.04


def test_things_at_the_border_and_specks_of_dust_are_no_ink() -> None:
    random = np.random.default_rng(1)
    clean = drawing(400, 0.04, 0.5)
    scene = 180.0 - 120 * (clean / 255) + random.normal(0, 3, clean.shape)
    scene[:, :25] = 40  # the table
    scene[300:312, 250:] = 60  # a pen lying there
    scene[360:363, 350:353] = 60
    image = seen(scene.clip(0, 255).astype(np.uint8))
    assert np.abs(image - seen(clean)).mean() < 0.04


def test_a_stray_touch_of_the_pad_is_left_out() -> None:
    stray = INK.copy()
    stray[3:6, 270:273] = 255
    np.testing.assert_allclose(seen(stray), seen(INK), atol=0.05)


def test_a_canvas_that_is_mostly_ink_is_still_a_drawing() -> None:
    canvas = np.zeros((100, 100, 4), np.uint8)
    canvas[:, 20:80, 3] = 255
    rows, columns = np.nonzero(seen(canvas) > 0.1)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 12)


def _noise(level: int, deviation: int = 5) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.normal(level, deviation, (300, 400)).clip(0, 255).astype(np.uint8)


def _dot() -> np.ndarray:
    dot = Strokes(np.array([(0.0, 0.0)]), np.zeros((0, 2), int))
    return draw(dot, Pen(280, 0.08, 0.1, (0.3, 0.6)))


EMPTY = {
    "black": np.zeros((280, 280), np.uint8),
    "white": np.full((280, 280), 255, np.uint8),
    "gray": np.full((64, 64), 0.4),
    "one pixel": np.ones((1, 1)),
    "one row": np.zeros((1, 300)),
    "transparent": np.zeros((280, 280, 4), np.uint8),
    "transparent white": rgba(255, 0),
    "blank paper": _noise(180),
    "blank board": _noise(40),
    "noise": _noise(128, 40),
    "a dot": _dot(),
    "a speck": np.pad(np.ones((2, 3)), 200),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_nothing_drawn_is_empty(kind: str) -> None:
    prepared = prepare(EMPTY[kind])
    assert prepared.empty
    assert not prepared.image.any()
    assert prepared.image.shape == (28, 28)


BAD = {
    "no pixels": (np.zeros((0, 5)), r"at least one pixel, got shape \(0, 5\)"),
    "one dimension": (np.zeros(5), r"H x W.*got shape \(5,\)"),
    "four dimensions": (np.zeros((1, 1, 5, 5)), r"H x W.*got shape \(1, 1, 5, 5\)"),
    "two channels": (np.zeros((5, 5, 2)), r"H x W.*got shape \(5, 5, 2\)"),
    "channels first": (np.zeros((3, 5, 5)), r"H x W.*got shape \(3, 5, 5\)"),
    "NaN": (np.array([[0.0, np.nan]]), "finite"),
    "infinity": (np.array([[0.0, np.inf]]), "finite"),
    "floats to 255": (np.array([[0.0, 255.0]]), r"\[0, 1\].*from 0 to 255"),
    "negative": (np.array([[-1.0, 1.0]]), r"\[0, 1\].*from -1 to 1"),
    "int64": (np.zeros((5, 5), np.int64), "uint8.*got int64"),
    "complex": (np.zeros((5, 5), complex), "uint8.*got complex128"),
    "text": ("seven.png", r"got shape \(\)"),
    "nothing": (None, r"got shape \(\)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_refused_with_what_was_expected_and_got(kind: str) -> None:
    image, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        prepare(image)


@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (3, 90), (40, 700), (33, 33), (2, 2)])
def test_any_shape_of_noise_is_answered(shape: tuple[int, int]) -> None:
    """With an image as the networks take it: blank, or scaled until its ink has a side of 20."""
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    prepared = prepare(noise)
    assert (prepared.image.shape, prepared.image.dtype) == ((28, 28), np.float32)
    if prepared.empty:
        assert not prepared.image.any()
    else:
        assert (prepared.image.min(), prepared.image.max()) == (0, 1)
        rows, columns = np.nonzero(prepared.image)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20


def test_the_callers_image_is_left_alone() -> None:
    image = rgba(255 - INK, 255)
    before = image.copy()
    prepare(image)
    np.testing.assert_array_equal(image, before)
