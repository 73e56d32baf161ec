"""Drawings are read right, the same way by every path, and nothing outside is disturbed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

from drawings import drawing
from inkgrad.course import models, weights_file
from inkgrad.course.data.datasets import data_root, mnist
from inkgrad.course.data.styles import STYLES, styled_examples
from inkgrad.course.models import PIXEL_MEAN, PIXEL_STD
from inkgrad.course.recognition.recognizer import SHIPPED, Recognizer
from inkgrad.course.texts import probability_text
from strokes import FOUR, ONE, SEVEN, Stroke, raster

MNIST_ROOT = data_root()  # of this machine: the tests themselves see another


@pytest.fixture(scope="module")
def recognizers() -> dict[tuple[str, str], Recognizer]:
    return {
        (name, backend): Recognizer.load(name, backend)
        for name in SHIPPED
        for backend in ("fused", "native")
    }


@pytest.fixture(scope="module")
def strong(recognizers: dict[tuple[str, str], Recognizer]) -> Recognizer:
    return recognizers["strong", "fused"]


@pytest.fixture(scope="module")
def drawings() -> list[np.ndarray]:
    """One of each style, of many sizes."""
    images, _ = styled_examples(1, seed=5)
    return [np.kron(one, np.ones((1 + n % 7,) * 2, np.uint8)) for n, one in enumerate(images[:, 0])]


# -- predictions --


def test_a_drawing_is_read(strong: Recognizer) -> None:
    prediction = strong.predict(drawing())
    assert prediction.label == 4
    assert prediction.probabilities.shape == (10,)
    assert prediction.probabilities.dtype == np.float32
    assert 0.99 < prediction.probabilities.sum() <= 1 + 1e-6
    assert prediction.probabilities.argmax() == 4
    assert prediction.confidence == pytest.approx(prediction.probabilities.max())
    assert (prediction.kind, prediction.text, prediction.reason) == ("digit", "4", None)
    assert prediction.image.shape == (28, 28)
    assert prediction.seconds > 0
    assert str(prediction) == f"4 ({probability_text(prediction.confidence)})"


def test_pens_sizes_and_places_do_not_change_the_answer(strong: Recognizer) -> None:
    drawings = [
        drawing(side, width, height, center)
        for side, width, height, center in [
            (280, 0.02, 0.85, (0.5, 0.5)),
            (560, 0.02, 0.3, (0.2, 0.8)),
            (400, 0.12, 0.85, (0.5, 0.5)),
            (90, 0.03, 0.3, (0.7, 0.3)),
        ]
    ]
    assert [one.label for one in strong.predict_batch(drawings)] == [4] * 4


LETTERS = {
    "A": [[(0.2, 0.9), (0.5, 0.1), (0.8, 0.9)], [(0.32, 0.6), (0.68, 0.6)]],
    "H": [[(0.2, 0.1), (0.2, 0.9)], [(0.8, 0.1), (0.8, 0.9)], [(0.2, 0.5), (0.8, 0.5)]],
    "square": [[(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)]],
}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_is_no_digit_for_any_network(
    letter: str, name: str, recognizers: dict[tuple[str, str], Recognizer]
) -> None:
    prediction = recognizers[name, "fused"].predict(raster(LETTERS[letter], 280, 0.05))
    assert (prediction.kind, prediction.label, prediction.digits) == ("other", None, ())
    assert prediction.nearest in range(10)
    assert f"nearest is {prediction.nearest}" in str(prediction)
    assert prediction.probabilities.sum() < 0.5


def _side_by_side(*digits: list[Stroke]) -> np.ndarray:
    rasters = [raster(strokes, 200, 0.05) for strokes in digits]
    return np.pad(np.concatenate(rasters, 1), ((100, 100), (20, 20)))


def test_digits_side_by_side_are_a_number(strong: Recognizer) -> None:
    image = _side_by_side(FOUR, SEVEN, ONE)
    prediction = strong.predict(image)
    assert (prediction.kind, prediction.text, prediction.label) == ("number", "471", None)
    lefts = [digit.box[0] for digit in prediction.digits]
    assert lefts == sorted(lefts)
    for number, digit in enumerate(prediction.digits):
        left, top, right, bottom = digit.box
        assert (20 + 200 * number) / image.shape[1] <= left < right
        assert right <= (20 + 200 * (number + 1)) / image.shape[1]
        assert 0 < top < bottom < 1
    assert 0.8 < prediction.confidence <= min(digit.confidence for digit in prediction.digits)
    explained = strong.explain(image)
    assert explained.prediction.text == "471"
    one = strong.predict(raster(ONE, 200, 0.05)).image
    columns = [np.ptp(np.flatnonzero(each.any(0))) for each in (explained.shown, one)]
    assert columns[0] == pytest.approx(columns[1], abs=1)  # the last digit, which is narrow


def test_a_ring_around_a_digit_does_not_hide_it(strong: Recognizer) -> None:
    image = Image.fromarray(np.pad(raster(SEVEN, 200, 0.05), 40))
    ImageDraw.Draw(image).ellipse([10, 10, 270, 270], outline=255, width=8)
    prediction = strong.predict(image)
    assert prediction.label == 7
    left, top, right, bottom = prediction.digits[0].box
    assert (left, top, right, bottom) == pytest.approx((0.3, 0.27, 0.7, 0.75), abs=0.03)


def test_a_sheet_on_a_table_is_read(strong: Recognizer) -> None:
    image = Image.new("RGB", (600, 420), (90, 60, 40))
    image.paste((240, 238, 230), (150, 40, 520, 400))
    image.paste((30, 30, 90), (190, 70), Image.fromarray(raster(SEVEN, 280, 0.05)))
    assert strong.predict(image).label == 7


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_drawn_is_no_digit(
    name: str, recognizers: dict[tuple[str, str], Recognizer]
) -> None:
    prediction = recognizers[name, "fused"].predict(np.zeros((280, 280)))
    assert prediction.label is None
    assert prediction.probabilities.tolist() == [0] * 10
    assert prediction.confidence == 0
    assert str(prediction) == "no digit: nothing is drawn"


# Least accuracy of each: "cnn" and "softmax" are the course's own, and see nothing but MNIST's
# hands.
@pytest.mark.parametrize(("name", "least"), [("strong", 0.975), ("cnn", 0.9), ("softmax", 0.8)])
def test_digits_scanned_elsewhere_are_read(
    name: str, least: float, recognizers: dict[tuple[str, str], Recognizer]
) -> None:
    scans = load_digits()
    read = recognizers[name, "fused"].predict_batch([image / 16 for image in scans.images])
    assert (
        np.mean([one.label == label for one, label in zip(read, scans.target, strict=True)])
        >= least
    )


def test_styles_that_mnist_lacks_are_read(strong: Recognizer) -> None:
    images, labels = styled_examples(3, seed=999)
    read = strong.predict_batch(list(images[:, 0].numpy()))
    missed = [
        style
        for style, label, one in zip(np.repeat(list(STYLES), 3), labels.tolist(), read, strict=True)
        if one.label != label
    ]
    assert len(missed) <= 2, missed


@pytest.mark.skipif(not (MNIST_ROOT / "MNIST" / "raw").exists(), reason="needs MNIST")
@pytest.mark.parametrize(("name", "least"), [("strong", 0.99), ("cnn", 0.985), ("softmax", 0.97)])
def test_mnist_is_read_and_preparing_it_costs_nothing(
    name: str, least: float, recognizers: dict[tuple[str, str], Recognizer]
) -> None:
    sample = mnist(MNIST_ROOT).test[::20]
    labels = sample.targets.numpy()
    read = recognizers[name, "fused"].predict_batch(list(sample.inputs[:, 0].numpy()))
    right = np.mean([one.label for one in read] == labels)
    assert right >= least
    model, _ = weights_file.load(recognizers[name, "fused"].path)
    with torch.inference_mode():
        unprepared = model(sample.as_float()).argmax(1).numpy()
    # Some are so badly written that they are told to be no digit.
    assert right >= np.mean(unprepared == labels) - 0.006


# -- the same answer by every path --


@pytest.mark.parametrize("name", SHIPPED)
def test_both_backends_agree(
    name: str,
    recognizers: dict[tuple[str, str], Recognizer],
    drawings: list[np.ndarray],
) -> None:
    fused, native = (recognizers[name, backend] for backend in ("fused", "native"))
    assert (fused.backend, native.backend) == ("fused", "native")
    for ours, theirs in zip(
        fused.predict_batch(drawings), native.predict_batch(drawings), strict=True
    ):
        np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)
    ours, theirs = fused.explain(drawings[0]), native.explain(drawings[0])
    np.testing.assert_allclose(ours.saliency, theirs.saliency, atol=1e-4)
    for mine, other in zip(ours.feature_maps, theirs.feature_maps, strict=True):
        np.testing.assert_allclose(mine.maps, other.maps, atol=1e-5)


def test_a_batch_is_read_as_each_alone(strong: Recognizer, drawings: list[np.ndarray]) -> None:
    drawings = [np.zeros((50, 50)), *drawings]
    together = strong.predict_batch(drawings)
    for one, alone in zip(together, map(strong.predict, drawings), strict=True):
        assert one.label == alone.label
        np.testing.assert_allclose(one.probabilities, alone.probabilities, atol=1e-5)
        np.testing.assert_array_equal(one.image, alone.image)
    assert together[0].label is None
    assert strong.predict_batch([]) == []


def test_more_images_than_go_through_at_once_keep_their_order(strong: Recognizer) -> None:
    four, none = drawing(60), np.zeros((60, 60))
    read = strong.predict_batch([four, none] * 200)
    assert [one.label for one in read] == [4, None] * 200


def test_an_image_of_a_batch_that_cannot_be_read_is_named(strong: Recognizer) -> None:
    with pytest.raises(ValueError, match=r"images\[1\]: .*got shape \(5,\)"):
        strong.predict_batch([drawing(), np.zeros(5)])


def test_threads_do_not_disturb_each_other(strong: Recognizer, drawings: list[np.ndarray]) -> None:
    expected = [strong.explain(one) for one in drawings]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            found = pool.map(strong.explain, drawings)
            read = pool.map(strong.predict, drawings)
            for want, got, prediction in zip(expected, found, read, strict=True):
                assert prediction.label == want.prediction.label
                np.testing.assert_allclose(got.saliency, want.saliency, atol=1e-5)


# -- what led to it --


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        (
            "strong",
            {
                "conv1": (32, 14, 14),
                "conv2": (48, 14, 14),
                "conv3": (64, 7, 7),
                "conv4": (96, 5, 5),
            },
        ),
        ("cnn", {"conv1": (10, 12, 12), "conv2": (20, 4, 4)}),
        ("softmax", {}),
    ],
)
@pytest.mark.parametrize("image", [drawing(), np.zeros((9, 9))], ids=["drawn", "empty"])
def test_feature_maps_of_each_convolution(
    name: str,
    shapes: dict[str, tuple[int, ...]],
    image: np.ndarray,
    recognizers: dict[tuple[str, str], Recognizer],
) -> None:
    explanation = recognizers[name, "fused"].explain(image)
    assert {one.layer: one.maps.shape for one in explanation.feature_maps} == shapes
    for one in explanation.feature_maps:
        assert one.maps.dtype == np.float32
        assert one.maps.min() >= 0
        assert one.maps.max() == pytest.approx(1)


def test_feature_maps_are_what_the_layers_put_out(strong: Recognizer) -> None:
    explanation = strong.explain(drawing())
    model, _ = weights_file.load(strong.path, "native")
    x = (torch.from_numpy(explanation.prediction.image)[None, None] - PIXEL_MEAN) / PIXEL_STD
    with torch.no_grad():
        conv1 = model.conv1(x)
        conv2 = torch.relu(model.conv2(conv1))
    for maps, layer in zip(explanation.feature_maps[:2], (conv1, conv2), strict=True):
        expected = (layer[0] / layer.max()).numpy()
        np.testing.assert_allclose(maps.maps, expected, atol=1e-5)


def test_saliency_is_the_gradient_of_the_labels_logit(strong: Recognizer) -> None:
    explanation = strong.explain(drawing())
    assert explanation.prediction.label == strong.predict(drawing()).label
    model, _ = weights_file.load(strong.path, "native")
    pixels = torch.from_numpy(explanation.prediction.image)[None, None].requires_grad_()
    model(pixels)[0, 4].backward()
    expected = pixels.grad[0, 0].abs()
    np.testing.assert_allclose(explanation.saliency, (expected / expected.max()).numpy(), atol=1e-4)
    assert not strong.explain(np.zeros((9, 9))).saliency.any()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_callers_grad_mode_and_random_numbers_stay(strong: Recognizer, mode: type) -> None:
    before = torch.get_rng_state()
    with mode():
        modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        strong.warm_up()
        strong.predict(drawing())
        assert strong.explain(drawing()).saliency.max() == 1
        assert modes == (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    assert torch.equal(before, torch.get_rng_state())


# -- loading --


def test_a_file_of_ones_own_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    model = models.build("cnn", "native", generator=torch.Generator().manual_seed(0))
    weights_file.save(path, model, {"model": "cnn", "model_kwargs": {}})
    for file in (path, str(path)):
        mine = Recognizer.load(file)
        assert mine.name == "cnn"
        assert mine.metadata["model"] == "cnn"
        with torch.inference_mode():
            logits = model(torch.from_numpy(mine.predict(drawing()).image)[None, None])
        expected = torch.softmax(logits, 1)[0].numpy()
        read = mine.predict(drawing()).probabilities
        np.testing.assert_allclose(read / read.sum(), expected, atol=1e-5)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"strong, cnn, softmax or a weights file, got 'wrong'"):
        Recognizer.load("wrong")


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'fused' or 'native', got 'cuda'"):
        Recognizer.load("strong", "cuda")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["none.safetensors", os.path.join("no", "folder")])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none|folder"):
        Recognizer.load(tmp_path / name)


def test_files_that_read_no_digits_are_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no weights in here")
    with pytest.raises(weights_file.WeightsFileError, match=r"damaged\.safetensors"):
        Recognizer.load(damaged)
    diabetes = tmp_path / "diabetes.safetensors"
    weights_file.save(diabetes, models.build("diabetes", "native"), {"model": "diabetes"})
    with pytest.raises(weights_file.WeightsFileError, match="'diabetes' does not recognize digits"):
        Recognizer.load(diabetes)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_say_how_they_came_about(
    name: str, recognizers: dict[tuple[str, str], Recognizer]
) -> None:
    metadata = recognizers[name, "fused"].metadata
    assert metadata["data"]["name"] == "MNIST"
    assert metadata["settings"]["seed"] is not None
    assert metadata["results"]["test"]["examples"] == 10_000
    goal = {"strong": 0.995, "cnn": 0.99, "softmax": 0.98}[name]
    assert metadata["results"]["test"]["accuracy"] >= goal
