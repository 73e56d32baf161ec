"""The data to train on: its names, uploads, drawings, and clear errors."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from PIL import Image

from inkgrad.course.data import datasets, own_digits
from inkgrad_demo.services import upload_store
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.training_data import DATA_NAMES, Datasets
from inkgrad_demo.services.training_requests import LabeledDrawing
from inkgrad_demo.services.upload_store import UploadStore
from inkgrad_demo.serving.exposed import call
from strokes import SEVEN, raster

TABLE = b"a,b,label\n" + b"1,2,0\n3,4,1\n" * 20
PIXELS = base64.b64encode(raster(SEVEN, 28).tobytes()).decode()


def _upload(datasets: Datasets, name: str, content: bytes) -> dict[str, Any]:
    file = {"name": name, "content": base64.b64encode(content).decode()}
    return call(datasets.upload, file)


def _load(source: Any) -> Any:
    return source.load(lambda message: None)


def test_the_courses_data_has_a_name_in_the_language_of_the_page() -> None:
    drawings = own_digits.drawn([(bytes(28 * 28), 1)])
    known = (datasets.digits(), datasets.hours_of_study(), datasets.breast_cancer(), drawings)
    assert {one.name for one in known} | {"MNIST", "diabetes"} == set(DATA_NAMES)


def test_a_data_set_is_loaded_once(datasets: Datasets) -> None:
    first = _load(datasets.source("cnn", "digits", None, None))
    assert _load(datasets.source("softmax", "digits", None, None)) is first


def test_an_uploaded_table(datasets: Datasets) -> None:
    sent = _upload(datasets, "C:\\mine\n.csv", TABLE)
    assert sent["name"] == "mine.csv"
    assert (sent["kind"], sent["examples"], sent["features"]) == ("table", 40, 2)
    source = datasets.source("diabetes", "table", sent["upload"], None)
    assert len(_load(source).train) == 32
    assert source.code == "datasets.table('mine.csv')"
    with pytest.raises(ValueError, match=r"data: mine\.csv does not contain images"):
        datasets.source("cnn", "images", sent["upload"], None)


def test_a_file_is_read_again_in_another_way_also_after_a_restart(tmp_path: Path) -> None:
    table = b"a;b;kind\n" + b"1,5;2;x\n3,5;;y\n4,5;4;y\n" * 20
    first = Datasets(UploadStore(tmp_path))
    sent = _upload(first, "mine.csv", table)
    assert (sent["examples"], sent["options"]) == (40, {})
    filled = call(first.uploaded, {"upload": sent["upload"], "missing": "fill"})
    assert (filled["examples"], filled["options"]) == (60, {"missing": "fill"})
    assert filled["upload"] != sent["upload"]
    later = Datasets(UploadStore(tmp_path))
    assert call(later.uploaded, {"upload": filled["upload"]}) == filled
    assert call(later.uploaded, {"upload": sent["upload"]}) == sent
    source = later.source("diabetes", "table", filled["upload"], None)
    expected = "datasets.table('mine.csv', options=datasets.TableOptions(missing='fill'))"
    assert source.code == expected
    with pytest.raises(ValueError, match="no longer on the server"):
        call(later.uploaded, {"upload": "0" * 16})


def test_what_a_table_leaves_open_is_shown_and_can_be_changed(datasets: Datasets) -> None:
    rows = "".join(f'"{i + 1},234",{7 * i % 40},g{i % 25}\n' for i in range(60))
    sent = _upload(datasets, "mine.csv", f"size,x,group\n{rows}".encode())
    assert sent["options"] == {"label": "3", "decimal": "."}
    assert "choose the column of the labels" in sent["understood"]
    assert "say which is the decimal separator" in sent["understood"]
    other = {"upload": sent["upload"], "label": "group", "decimal": ","}
    changed = call(datasets.uploaded, other)
    assert changed["options"] == {"label": "group", "decimal": ","}
    code = datasets.source("logistic", "table", sent["upload"], None).code
    assert "label='3', decimal='.'" in code
    with pytest.raises(ValueError, match="no column looks like labels"):
        _upload(
            datasets,
            "mine.csv",
            b"a,b\n" + b"".join(b"%d.5,%d.25\n" % (i, 7 * i) for i in range(300)),
        )


def test_an_uploaded_archive_of_pictures(datasets: Datasets) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for label in (3, 7):
            picture = io.BytesIO()
            Image.fromarray(raster(SEVEN, 60 + label)).save(picture, "PNG")
            archive.writestr(f"{label}/a.png", picture.getvalue())
    sent = _upload(datasets, "mine.zip", stream.getvalue())
    assert (sent["kind"], sent["examples"]) == ("images", 2)
    assert len(_load(datasets.source("cnn", "images", sent["upload"], None)).train) == 2


def test_only_the_latest_uploads_are_kept(
    datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_store, "MAX_FILES", 16)
    uploads = [_upload(datasets, "a.csv", TABLE + b"1,2,0\n" * n)["upload"] for n in range(17)]
    with pytest.raises(ValueError, match="data: the file is no longer on the server"):
        datasets.source("diabetes", "table", uploads[0], None)
    assert datasets.source("diabetes", "table", uploads[1], None)


def test_drawings_alone_or_beside_other_digits(datasets: Datasets) -> None:
    drawing = parse(LabeledDrawing, {"label": 3, "pixels": PIXELS})
    alone = datasets.source("cnn", "drawings", None, [drawing])
    assert _load(alone).train.targets.tolist() == [3]
    assert alone.code == f"own_digits.drawn([(b64decode({PIXELS!r}), 3)])"
    mixed = datasets.source("cnn", "digits", None, [drawing])
    assert _load(mixed).name == "scikit-learn's digits and 1 drawings"
    assert mixed.code == f"own_digits.mixed(datasets.digits(), {alone.code})"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("diabetes", "data: expected one of mnist, digits, drawings, images, got 'diabetes'"),
        ("images", "data: the file is no longer on the server"),
        ("drawings", "there are no drawings to train on"),
    ],
)
def test_data_that_a_model_cannot_learn_from_is_refused(
    datasets: Datasets, name: str, error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        datasets.source("cnn", name, None, None)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "mine: the file is empty"),
        (b"1,2,7\n", "mine: the labels in column 3 are all '7'"),
        (b"\x00\xff", "mine, row 1: a control character"),
        (b"PK junk", "mine: not a readable zip archive"),
    ],
)
def test_a_bad_file_is_refused(datasets: Datasets, content: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        _upload(datasets, "mine", content)
