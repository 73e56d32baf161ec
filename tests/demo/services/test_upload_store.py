"""Files that were sent outlast the server, within a limit; damaged ones are not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from inkgrad.course.data.tables import TableOptions
from inkgrad_demo.services import upload_store
from inkgrad_demo.services.upload_store import UploadedFile, UploadStore

FILE = UploadedFile("mine.csv", b"1,2\n\n3,4", TableOptions(label="2", columns=("1",)))


def test_a_file_is_found_after_a_restart(tmp_path: Path) -> None:
    UploadStore(tmp_path / "uploads").add(FILE)
    assert UploadStore(tmp_path / "uploads").find(FILE.id) == FILE


def test_files_differ_by_how_they_are_read() -> None:
    assert FILE.id != FILE._replace(options=TableOptions()).id


def test_a_damaged_file_is_not_there(tmp_path: Path) -> None:
    store = UploadStore(tmp_path)
    store.add(FILE)
    for damaged in (b"", b"no header", b'{"name": 7}\nx', FILE.to_bytes()[:-1]):
        (tmp_path / FILE.id).write_bytes(damaged)
        assert store.find(FILE.id) is None


@pytest.mark.parametrize("id", ["", "../secret", "0123456789ABCDEF", "x" * 16])
def test_what_is_no_id_reaches_no_file(tmp_path: Path, id: str) -> None:
    assert UploadStore(tmp_path).find(id) is None


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_store, "MAX_FILES", 2)
    store = UploadStore(tmp_path)
    files = [UploadedFile("file", content) for content in (b"a", b"b", b"c")]
    for file in files:
        store.add(file)
    assert len(list(tmp_path.iterdir())) == 2
    assert store.find(files[-1].id)


def test_a_run_keeps_its_file(tmp_path: Path) -> None:
    store = UploadStore(tmp_path / "uploads")
    store.add(FILE)
    store.copy_to(FILE.id, tmp_path / "kept")
    shutil.rmtree(tmp_path / "uploads")
    store.take_back(FILE.id, tmp_path / "kept")
    assert store.find(FILE.id) == FILE
