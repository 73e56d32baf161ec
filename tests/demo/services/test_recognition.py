"""What the app asks the recognizers: right answers to drawings, clear errors to anything else."""

from __future__ import annotations

import base64
import io
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.recognition import BACKENDS, MODELS, RASTER_SIDE, Readers
from saved_runs import record
from strokes import SEVEN, raster


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Readers:
    return Readers(RunStore(tmp_path_factory.mktemp("runs")))


def _question(drawing: np.ndarray, model: str = "strong", backend: str = "fused") -> dict[str, Any]:
    return {"pixels": _base64(drawing.tobytes()), "model": model, "backend": backend}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


def _file(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("model", MODELS)
def test_a_drawing_is_read_as_the_recognizer_reads_it(readers, model: str, backend: str) -> None:
    drawing = raster(SEVEN, RASTER_SIDE)
    answer = readers.read(_question(drawing, model, backend))
    expected = Recognizer.load(model, backend).explain(drawing)
    assert answer["label"] == expected.prediction.label == 7
    assert answer["probabilities"] == pytest.approx(expected.prediction.probabilities, abs=1e-6)
    picture = _bytes(answer["picture"], 28, 28) / 255
    np.testing.assert_allclose(picture, expected.prediction.image, atol=0.5 / 255 + 1e-6)
    assert [layer["name"] for layer in answer["layers"]] == [m.layer for m in expected.feature_maps]
    for layer, maps in zip(answer["layers"], expected.feature_maps, strict=True):
        sent = _bytes(layer["maps"], layer["channels"], layer["height"], layer["width"]) / 255
        np.testing.assert_allclose(sent, maps.maps, atol=0.5 / 255 + 1e-6)
    assert _bytes(answer["saliency"], 28, 28).max() == 255


def test_an_empty_pad_is_no_digit(readers) -> None:
    answer = readers.read(_question(np.zeros((RASTER_SIDE, RASTER_SIDE), np.uint8)))
    assert answer["label"] is None
    assert not any(answer["probabilities"])
    assert len(answer["layers"]) == len(
        readers.read(_question(raster(SEVEN, RASTER_SIDE)))["layers"]
    )


def test_much_ink_is_not_taken_for_paper(readers) -> None:
    angles = np.linspace(0, 2 * np.pi, 60)
    zero = raster(
        [[(0.5 + 0.33 * np.cos(a), 0.5 + 0.33 * np.sin(a)) for a in angles]], RASTER_SIDE, 0.3
    )
    assert (zero > 0).mean() > 0.55
    picture = _bytes(readers.read(_question(zero))["picture"], 28, 28)
    assert picture[14, 14] < 50  # the hole
    assert picture[14, 7] > 200  # the ink around it


def test_a_race_is_run_by_both_on_the_same_drawing(readers) -> None:
    result = readers.race(_question(raster(SEVEN, RASTER_SIDE)))
    assert set(result["seconds"]) == set(BACKENDS)
    assert all(seconds > 0 for seconds in result["seconds"].values())
    assert 0 <= result["max_difference"] < 1e-4


def test_a_deleted_run_reads_no_more(tmp_path) -> None:
    store = RunStore(tmp_path)
    run = record(1, "cnn")
    store.save(run)
    shutil.copy(Recognizer.load("cnn").path, store.weights(run.id))
    readers, question = Readers(store), _question(raster(SEVEN, RASTER_SIDE), run.id)
    assert readers.read(question)["label"] == 7
    store.delete(run.id)
    for ask in (readers.read, readers.race):
        assert ask(question) == {"model": run.id, "gone": True}
    with pytest.raises(ValueError, match="has no weights"):
        readers.get(run.id, "fused")


PIXELS = _base64(bytes(RASTER_SIDE**2))


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        (None, "expected an object"),
        ([PIXELS], "expected an object"),
        ({}, "pixels: expected base64 text, got None"),
        ({"pixels": 7}, "pixels: expected base64 text, got 7"),
        ({"pixels": "?"}, "pixels: not base64"),
        ({"pixels": "é"}, "pixels: not base64"),
        ({"pixels": PIXELS[4:]}, "pixels: expected 140 x 140 bytes, got 19597"),
        ({"pixels": PIXELS}, "model: expected one of strong, cnn, softmax, got None"),
        ({"pixels": PIXELS, "model": ["strong"]}, r"model: .* got \['strong'\]"),
        ({"pixels": PIXELS, "model": "x" * 10**6}, r"model: .* got 'x+\.\.\.$"),
        ({"pixels": PIXELS, "model": "/etc/passwd"}, "model: expected one of"),
        ({"pixels": PIXELS, "model": "cnn", "backend": "gpu"}, "backend: expected one of fused"),
    ],
)
def test_a_bad_question_is_named(readers, question: Any, complaint: str) -> None:
    for ask in (readers.read, readers.race):
        if ask == readers.race and complaint.startswith("backend"):
            continue
        with pytest.raises(ValueError, match=complaint):
            ask(question)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_picture_file_is_read(readers, kind: str) -> None:
    page = Image.fromarray(255 - raster(SEVEN, 300))  # dark ink on white paper
    data = _file(page, kind)
    wrapped = base64.encodebytes(data).decode()  # in lines, as `base64 FILE` prints it
    for text in (_base64(data), wrapped, f"data:image/{kind.lower()};base64,{_base64(data)}"):
        assert readers.predict(text, "strong", "fused")["label"] == 7


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (3, "image: expected base64 text, got 3"),
        ("", "image: not an image file"),
        ("data:,", "image: not an image file"),
        ("%%%%", "image: not base64"),
        (_base64(b"hello"), "image: not an image file"),
        (_base64(_file(Image.new("L", (64, 64), 9))[:60]), "image: damaged or too large"),
        (_base64(_file(Image.new("1", (5001, 5000)))), "image: expected at most 24000000 pixels"),
        (_base64(_file(Image.new("1", (30000, 30000)))), "image: damaged or too large"),
    ],
)
def test_a_bad_picture_file_is_named(readers, text: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        readers.predict(text, "strong", "fused")
