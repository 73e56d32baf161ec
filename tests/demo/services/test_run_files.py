"""Runs as files: exported, imported again, and nothing from a file without weights."""

from __future__ import annotations

import base64

import pytest

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.serving.exposed import call


@pytest.fixture
def files(run_store: RunStore) -> RunFiles:
    return RunFiles(run_store)


def test_the_formats_of_an_export(files, finish, quick, run_store: RunStore) -> None:
    run = finish(quick)

    def content(format: str) -> bytes:
        return base64.b64decode(call(files.export, {"run": run, "format": format})["content"])

    assert content("weights") == run_store.weights(run).read_bytes()
    assert run.encode() in content("record")
    assert b"return datasets.digits()" in content("script")
    with pytest.raises(ValueError, match="format: expected one of weights, onnx, script, record"):
        content("exe")
    with pytest.raises(ValueError, match="run: expected the id of a run"):
        call(files.export, {"run": "../../etc/passwd", "format": "record"})


def test_a_run_that_learned_nothing_has_no_weights(files, run_store: RunStore) -> None:
    record = Run(course_settings("cnn"), lambda report: digits(), run_store).record()
    run_store.save(record)
    for format in ("weights", "onnx"):
        with pytest.raises(ValueError, match="it has no weights"):
            call(files.export, {"run": record.id, "format": format})


def test_exported_weights_can_be_imported(files, finish, quick, run_store: RunStore) -> None:
    run = finish(quick)
    file = call(files.export, {"run": run, "format": "weights"})
    imported = call(files.import_weights, file)["run"]
    assert imported != run
    assert run_store.load(imported).test == run_store.load(run).test
    assert run_store.load(imported).settings == run_store.load(run).settings
    assert run_store.weights(imported).read_bytes() == run_store.weights(run).read_bytes()


@pytest.mark.parametrize("content", [b"no weights", b""])
def test_a_file_without_weights_is_refused(files, run_store: RunStore, content: bytes) -> None:
    file = {"name": "mine", "content": base64.b64encode(content).decode()}
    with pytest.raises(ValueError, match=r"^mine: "):
        call(files.import_weights, file)
    assert run_store.summaries() == ([], [])
