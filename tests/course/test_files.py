"""Files are replaced in one step, also while somebody reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inkgrad.course import files


def _refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let os.replace fail as on Windows while the target is open elsewhere."""
    replace, refusals = os.replace, iter(range(times))

    def refuse(source: Path, target: Path) -> None:
        if next(refusals, None) is not None:
            raise PermissionError(13, "Access is denied", source, 5, target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(files, "_WAITS_FOR_READERS", (0, 0))


def _contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize("refusals", [0, 1, 2])
def test_a_file_that_is_being_read_is_replaced(
    refusals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "run.json"
    path.parent.mkdir()
    path.write_bytes(b"old")
    _refuse(monkeypatch, refusals)
    files.write_atomically(path, b"new")
    assert _contents(path.parent) == {"run.json": b"new"}


def test_a_file_that_stays_open_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run" / "run.json"
    path.parent.mkdir()
    path.write_bytes(b"old")
    _refuse(monkeypatch, 99)
    with pytest.raises(PermissionError):
        files.write_atomically(path, b"new")
    assert _contents(path.parent) == {"run.json": b"old"}
