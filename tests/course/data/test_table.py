"""Tables are read as they stand, and a mistake in one is shown by file, row and column."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch

from inkgrad.course.data.table import DataError, read_table

GOOD = b"1,2.5,0\n-3,4e-1,1\n"
# Without the time, which would give every worker of pytest-xdist other tests.
GZIPPED = gzip.compress(GOOD, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GZIPPED,
        b"\xef\xbb\xbf" + GOOD,
        b"height,weight,ill\n" + GOOD,
        GOOD.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        b'"1", 2.5 ,0.0\n\n-3,0.4,1',
    ],
    ids=["plain", "gzip", "byte order mark", "header", "Windows", "quotes and blanks"],
)
def test_reading(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    features, labels = read_table(path)
    assert torch.equal(features, torch.tensor([[1, 2.5], [-3, 0.4]]))
    assert torch.equal(labels, torch.tensor([[0.0], [1.0]]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "expected rows of numbers, found none"),
        ("t.csv", b"a,b,c\n", "expected rows of numbers, found none"),
        ("t.csv", b"1,2,0\n1,0\n", "row 2: expected 3 columns.* got 2"),
        ("t.csv", b"a,b,c\n1,2,0\n1,2,3,0\n", "row 3: expected 3 columns.* got 4"),
        ("t.csv", b"1;2;0\n", "expected rows of numbers, found none"),
        ("t.csv", b"1\n0\n", "row 1: expected features and a label"),
        ("t.csv", b"1,2,0\n1,two,0\n", "row 2, column 2: expected a number, got 'two'"),
        ("t.csv", b"a,b,c\n1,,0\n", r"row 2, column 2 \(b\): expected a number, got ''"),
        ("t.csv", b"1,1_0,0\n", "row 1, column 2: expected a number, got '1_0'"),
        ("t.csv", b"1,two,0\n1,2,0\n", "row 1, column 2: expected a number"),
        ("t.csv", b"1,2,0\n\nnan,2,0\n", "row 3, column 1: expected a finite number, got 'nan'"),
        ("t.csv", b"1,inf,0\n", "row 1, column 2: expected a finite number"),
        ("t.csv", b"1,1e39,0\n", "row 1, column 2: expected a finite number"),
        ("t.csv", b"1,2,0\n1,2,2\n", "row 2, column 3: expected a label of 0 or 1, got '2'"),
        ("t.csv", b'1,2,0\n1,"2,0\n', "row 2: unexpected end of data"),
        ("t.csv", b"1,2,0\n\xff,2,0\n", "not a text file: byte 6"),
        ("t.csv.gz", GOOD, "not a gzip file"),
        ("t.csv.gz", GZIPPED[:-3], "damaged gzip file"),
        ("t.csv.gz", GZIPPED[:-8] + bytes(8), "damaged gzip file"),
        ("t.csv.gz", GZIPPED[:10] + b"\xff" * 20, "damaged gzip file"),
    ],
)
def test_mistakes_are_located(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}[:,] {message}"):
        read_table(path)
