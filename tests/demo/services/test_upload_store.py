"""Files that were sent outlast the server, within a limit; damaged ones are not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services import upload_store
from inkgrad_demo.services.upload_store import UploadStore


def test_a_file_is_found_after_a_restart(tmp_path: Path) -> None:
    UploadStore(tmp_path / "uploads").add("mine.csv", b"1,2\n\n3,4")
    found = UploadStore(tmp_path / "uploads").find(UploadStore.id_of(b"1,2\n\n3,4"))
    assert found == ("mine.csv", b"1,2\n\n3,4")


@pytest.mark.parametrize("content", [b"", b"no header", b'{"name": 7}\nx', b'{"name": "a"}\nother'])
def test_a_damaged_file_is_not_there(tmp_path: Path, content: bytes) -> None:
    upload = UploadStore.id_of(b"x")
    (tmp_path / upload).write_bytes(content)
    assert UploadStore(tmp_path).find(upload) is None


@pytest.mark.parametrize("upload", ["", "../secret", "0123456789ABCDEF", "x" * 16])
def test_what_is_no_id_reaches_no_file(tmp_path: Path, upload: str) -> None:
    assert UploadStore(tmp_path).find(upload) is None


def test_the_oldest_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_store, "MAX_FILES", 2)
    store = UploadStore(tmp_path)
    for content in (b"a", b"b", b"c"):
        store.add("file", content)
    assert len(list(tmp_path.iterdir())) == 2
    assert store.find(UploadStore.id_of(b"c"))


def test_a_run_keeps_its_file(tmp_path: Path) -> None:
    store, upload = UploadStore(tmp_path / "uploads"), UploadStore.id_of(b"a")
    store.add("file", b"a")
    store.copy_to(upload, tmp_path / "kept")
    shutil.rmtree(tmp_path / "uploads")
    store.take_back(upload, tmp_path / "kept")
    assert store.find(upload) == ("file", b"a")
