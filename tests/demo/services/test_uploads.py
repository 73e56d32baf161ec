"""Files that are sent: their names lose folders and control characters."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.uploads import FileRequest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mine.csv", "mine.csv"),
        ("C:\\folder\\mine\n.csv", "mine.csv"),
        ("../../etc/passwd", "passwd"),
        ("folder/", "file"),
        ("x" * 200, "x" * 80),
    ],
)
def test_the_name_of_a_file(name: str, expected: str) -> None:
    file = parse(FileRequest, {"name": name, "content": "YQ=="})
    assert (file.name, file.content) == (expected, b"a")


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"content": "YQ=="}, "name: expected a string of at most 1000 characters, got None"),
        ({"name": "a", "content": b"YQ=="}, "content: expected base64 text, got b'YQ=='"),
        ({"name": "a", "content": "YQ"}, "content: not base64"),
        ({"name": "dir/a", "content": ""}, "^a: the file is empty$"),
    ],
)
def test_a_bad_file_is_refused(request_: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        parse(FileRequest, request_)
