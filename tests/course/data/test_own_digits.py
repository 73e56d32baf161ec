"""The user's own digits become data; errors name the image that is invalid or has no label."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from inkgrad.course.data import own_digits
from inkgrad.course.data.datasets import DataError, digits
from inkgrad.course.recognition.preprocess import prepare
from strokes import SEVEN, raster


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def packed(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


SEVEN_PNG = png(raster(SEVEN, 100))
PIXELS = bytes(range(256)) * 3 + bytes(16)


def test_drawings_are_learned_from_as_they_are() -> None:
    data = own_digits.drawn([(PIXELS, 3), (bytes(784), 9)])
    assert sorted(data.train.targets.tolist()) == [3, 9]
    assert data.train.inputs.shape == (2, 1, 28, 28)
    assert len(data.test) == 0
    three = data.train.inputs[data.train.targets == 3]
    assert bytes(three.flatten().tolist()) == PIXELS


def test_many_drawings_keep_a_fifth_to_test() -> None:
    data = own_digits.drawn([(PIXELS, label % 10) for label in range(50)])
    assert (len(data.train), len(data.test)) == (40, 10)


@pytest.mark.parametrize(
    ("drawings", "message"),
    [
        ([], "no drawings to train on"),
        ([(b"abc", 1)], "drawing 1: expected 784 pixels, got 3"),
        ([(PIXELS, 1), (PIXELS, 10)], "drawing 2: expected a label from 0 to 9, got 10"),
        ([(PIXELS, "3")], "expected a label from 0 to 9, got '3'"),
    ],
)
def test_what_is_no_drawing_is_refused(drawings, message: str) -> None:
    with pytest.raises(DataError, match=message):
        own_digits.drawn(drawings)


def test_an_archive_gives_pictures_as_the_networks_see_them() -> None:
    content = packed(
        **{
            "digits/7/a.png": SEVEN_PNG,
            "7_b.png": SEVEN_PNG,
            "digits/readme.txt": b"mine",
            "__MACOSX/7/._a.png": b"junk",
        }
    )
    data = own_digits.archive(content, "mine.zip")
    assert (data.name, data.train.targets.tolist()) == ("mine.zip", [7, 7])
    expected = np.round(prepare(raster(SEVEN, 100)).image * 255)
    assert np.array_equal(data.train.inputs[0, 0].numpy(), expected)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": b"text"}, "no images found"),
        ({"cat/a.png": SEVEN_PNG}, "cat/a.png: expected a folder named 0 to 9"),
        ({"7/a.png": b"no picture"}, "7/a.png: not a readable image"),
        ({"7/a.png": png(np.zeros((9, 9), np.uint8))}, "7/a.png: found no digit"),
    ],
)
def test_the_picture_that_is_wrong_is_named(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        own_digits.archive(packed(**files), "mine.zip")


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(DataError, match=r"mine\.zip: not a readable zip archive"):
        own_digits.archive(b"PK\x03\x04 and then nothing", "mine.zip")


def test_an_archive_that_unpacks_to_too_much_is_refused_before_that(monkeypatch) -> None:
    monkeypatch.setattr(own_digits, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="at most 100 bytes when unpacked"):
        own_digits.archive(packed(**{"7/a.png": SEVEN_PNG}), "mine.zip")
    monkeypatch.setattr(own_digits, "MAX_IMAGES", 0)
    with pytest.raises(DataError, match="at most 0 images, got 1"):
        own_digits.archive(packed(**{"7/a.png": SEVEN_PNG}), "mine.zip")


def test_among_others_ones_own_digits_are_a_twentieth() -> None:
    base, own = digits(), own_digits.drawn([(PIXELS, 3)])
    data = own_digits.mixed(base, own)
    assert len(data.train) == round(len(base.train) * 1.05)
    assert (data.train.inputs[len(base.train) :] == own.train.inputs).all()
    assert data.test is base.test
    assert data.name == "scikit-learn's digits and 1 drawings"
