"""Tables of every kind become the same numbers, and a mistake in one is shown by file, row and
column."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
import torch

from inkgrad.course.data.tables import DataError, Limits, TableOptions, parse, read

GOOD = "a,b,y\n1,2.5,0\n-3,0.4,1\n5,1000,1\n"
BARE = GOOD.partition("\n")[2]
# Without the time, which would give every worker of pytest-xdist other tests.
GZIPPED = gzip.compress(GOOD.encode(), mtime=0)


def zipped(**files: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


READ = {
    "plain": GOOD,
    "no titles": BARE,
    "gzip": GZIPPED,
    "two gzip members": gzip.compress(b"a,b,y\n1,2.5,0\n", mtime=0)
    + gzip.compress(b"-3,0.4,1\n5,1000,1\n", mtime=0),
    "zip": zipped(**{"folder/t.csv": GOOD, "__MACOSX/t.csv": "x", "readme.md": "x"}),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-be"),
    "Windows": GOOD.replace("\n", "\r\n") + "\r\n\r\n",
    "old Macintosh": GOOD.replace("\n", "\r"),
    "quotes and blanks": '"a", b ,"y"\n"1", 2.5 ,0.0\n\n   \n-3,0.4,1\n"5",1e3,1',
    "semicolons": GOOD.replace(",", ";"),
    "decimal commas": GOOD.replace(",", ";").replace(".", ","),
    "decimal commas and points for thousands": "a;b;y\n1;2,5;0\n-3;0,4;1\n5;1.000;1\n",
    "decimal commas in quotes": 'a,b,y\n1,"2,5",0\n-3,"0,4",1\n5,"1.000,0",1\n',
    "commas for thousands": 'a,b,y\n1,2.5,0\n-3,0.4,1\n5,"1,000",1\n',
    "apostrophes for thousands": "a;b;y\n1;2.5;0\n-3;0.4;1\n5;1'000;1\n",
    "tabs": GOOD.replace(",", "\t"),
    "spaces": "  a   b  y\n  1   2.5  0\n -3 \t 0.4  1\n  5  1000  1\n",
    "spaces and quotes": 'a "the\nb" y\n1 2.5 "0"\n-3 "0.4" 1\n5 1000 1\n',
    "bars": GOOD.replace(",", "|"),
    "sep=": "sep=;\n" + GOOD.replace(",", ";"),
    "any sep=": "sep=:\n" + GOOD.replace(",", ":"),
    "comments": "# by me\n" + GOOD.replace("-3", "# of the second row\n-3"),
    "titles in a comment": "# a,b,y\n" + BARE,
    "a title line": "A report of 2020\n\n" + GOOD,
    "delimiters at the end": GOOD.replace("\n", ",\n"),
    "delimiters at the end of values only": GOOD.replace("0\n", "0,\n").replace("1\n", "1,\n"),
    "rows of delimiters": GOOD + ",,\n,,\n",
    "label first": "y,a,b\n0,1,2.5\n1,-3,0.4\n1,5,1000\n",
    "row numbers": ",a,b,y\n0,1,2.5,0\n1,-3,0.4,1\n2,5,1000,1\n",
    "row names as in R": "a,b,y\none,1,2.5,0\ntwo,-3,0.4,1\nthree,5,1000,1\n",
    "yes and no": GOOD.replace(",0\n", ",no\n").replace(",1\n", ",yes\n"),
    "True and False": GOOD.replace(",0\n", ",False\n").replace(",1\n", ",True\n"),
    "-1 and 1": GOOD.replace(",0\n", ",-1\n"),
    "1 and 2": "a,b,y\n1,2.5,1\n-3,0.4,2\n5,1000,2\n",
    "words": GOOD.replace(",0\n", ",cat\n").replace(",1\n", ",dog\n"),
    "Chinese": "身高,体重,标签\n".encode("gbk")
    + BARE.replace(",0\n", ",否\n").replace(",1\n", ",是\n").encode("gbk"),
    "notes below": GOOD + "\n\nSource: WHO 2020\n* of the second row,,\n",
    "no end": GOOD.rstrip("\n"),
    "Ctrl-Z": GOOD + "\x1a",
}


@pytest.mark.parametrize("kind", READ)
def test_reading(tmp_path: Path, kind: str) -> None:
    content = READ[kind]
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = read(path)
    assert torch.equal(table.inputs, torch.tensor([[1, 2.5], [-3, 0.4], [5, 1000]]))
    assert torch.equal(table.targets, torch.tensor([[0.0], [1.0], [1.0]]))


FOUR = b"1,2,0\n3,4,1\n5,6,0\n"


MISTAKES = [
    ("t.csv", b"", "t.csv: expected rows of values, found none"),
    ("t.csv", b" \n\n", "t.csv: expected rows of values, found none"),
    ("t.csv", b'""\n', "t.csv: expected rows of values, found none"),
    ("t.csv", b"1,2,0\n3,4,inf\n5,6,0\n", "row 2, column 3: expected a finite number"),
    ("t.csv", b"a,b,c\n", "t.csv: expected rows of values, found none"),
    ("t.csv", b"a,b\n,\n,\n", "t.csv: expected rows of values, found none"),
    ("t.csv", FOUR + b"1,0\n", "t.csv, row 4: expected 3 columns, got 2"),
    ("t.csv", FOUR + b"\n1,2,3,0\n", "t.csv, row 5: expected 3 columns, got 4"),
    ("t.csv", b"1,2,3,4\n" + FOUR, "t.csv, row 1: expected 3 columns, got 4"),
    ("t.csv", b"1\n0\n", "t.csv, row 1: expected features and a label in columns"),
    ("t.csv", FOUR + b"\n1,two,0\n", "t.csv, row 5, column 2: expected a number, got 'two'"),
    ("t.csv", FOUR + b"1,1_0,0\n", "t.csv, row 4, column 2: expected a number, got '1_0'"),
    ("t.csv", FOUR + b"1,inf,0\n", "t.csv, row 4, column 2: expected a finite number"),
    ("t.csv", FOUR + b"1,1e31,0\n", "t.csv, row 4, column 2: expected a finite number"),
    ("t.csv", FOUR + b"1,1e999,0\n", "row 4, column 2: expected a finite number.*, got '1e999'"),
    ("t.csv", FOUR + b'1,"2,0\n3,4,1\n', "t.csv, row 4: unexpected end of data"),
    ("t.csv", b"a,b,y\n1,2,0\n3,4,0\n", "the labels in column 'y' are all '0'"),
    ("t.csv", b"1,2,7\n", "the labels in column 3 are all '7'"),
    ("t.csv", b"a,b\n.5,2.5\n.25,3.5\n.75,1.5\n", "no column looks like labels; column 'b' has 3"),
    (
        "t.csv",
        b'p,n,y\n"1,234",2,0\n"2,000",3,1\n',
        "row 2, column 1 .p.: '1,234' has a decimal or",
    ),
    ("t.csv", b"a,y\n,0\n,1\n", "no column to learn from is left"),
    ("t.csv", b"a,b,y\n,2,0\n1,,1\n,3,0\n2,,1\n", "t.csv: every row has missing values"),
    ("t.csv", b"a,b,y\n1,2,0\n3,4\x00,1\n", "row 3: a control character .U.0000.: not a text"),
    ("t.csv", b'{"a": 1}', "t.csv: expected CSV .*, got JSON"),
    ("t.csv", b"<!DOCTYPE html><table>", "t.csv: expected CSV .*, got HTML / XML"),
    ("t.csv", b"%PDF-1.7 ...", "t.csv: expected CSV .*, got PDF"),
    ("t.csv.gz", GOOD.encode(), "not a gzip file"),
    ("t.csv.gz", GZIPPED[:-3], "damaged gzip file"),
    ("t.csv.gz", GZIPPED[:-8] + bytes(8), "damaged gzip file"),
    ("t.csv.gz", GZIPPED[:10] + b"\xff" * 20, "damaged gzip file"),
    ("t.csv.gz", gzip.compress(GZIPPED, mtime=0), "an archive within an archive"),
    ("t.zip", zipped(**{"a.csv": GZIPPED}), "t.zip, a.csv: an archive within an archive"),
    ("t.zip", zipped(**{"a.csv": GOOD, "b.csv": GOOD}), "expected one table in the archive, got a"),
    ("t.zip", b"PK\x03\x04 nothing", "t.zip: not a readable zip archive"),
    ("t.zip", zipped(**{"a.csv": "1,2,0\n1,two,0\n3,4,1\n"}), "t.zip, a.csv, row 2, column 2"),
]


@pytest.mark.parametrize(("name", "content", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_located(name: str, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(content, name)


def test_three_classes_and_more() -> None:
    table = parse(b"a,b,kind\n1,2,dog\n3,4,cat\n5,6,owl\n1,1,cat\n2,2,owl\n3,3,dog\n", "t.csv")
    assert table.schema.classes == ("cat", "dog", "owl")
    assert torch.equal(table.targets, torch.tensor([1, 0, 2, 0, 2, 1]))


GAPS = b"a,city,y\n1,Rome,0\n,Rome,1\n4,?,0\n7,Bern,1\n9,Bern,\n"


def test_rows_with_missing_values_are_dropped_and_counted() -> None:
    table = parse(GAPS, "t.csv")
    assert torch.equal(table.inputs, torch.tensor([[1.0, 1.0], [7.0, 0.0]]))
    assert "1 row without a label dropped" in table.facts.lines
    assert "2 rows with missing values dropped" in table.facts.lines


def test_missing_values_are_filled_from_the_given_rows() -> None:
    table = parse(GAPS, "t.csv", TableOptions(missing="fill"))
    assert table.inputs.isnan().sum() == 2
    filled = table.filled(torch.tensor([0, 3]))  # median 4; Bern as often as Rome, and first
    assert torch.equal(filled.inputs, torch.tensor([[1.0, 1], [4, 1], [4, 0], [7, 0]]))
    assert [feature.fill for feature in filled.schema.features] == [4, 0]
    assert "Missing values in 2 rows filled" in table.facts.lines[-1]


def test_columns_are_chosen_by_title_or_number() -> None:
    content = b"a,b,c,d\n1,0,x,4\n2,1,y,5\n3,0,x,9\n4,1,y,1\n"
    table = parse(content, "t.csv", TableOptions(label="b", columns=("d", "3")))
    assert table.schema.inputs == ("c = y", "d")
    assert table.targets.flatten().tolist() == [0, 1, 0, 1]
    assert parse(content, "t.csv", TableOptions(label="-3", columns=("1",))).schema.label == 1
    with pytest.raises(
        DataError, match="label: expected the title or number of one of 4 columns, a, b"
    ):
        parse(content, "t.csv", TableOptions(label="e"))
    with pytest.raises(DataError, match="columns 1, 2 are all called 'a'"):
        parse(b"a,a,y\n1,2,0\n3,4,1\n", "t.csv", TableOptions(columns=("a",)))


def test_options_decide_what_is_ambiguous() -> None:
    content = b'p,n,y\n"1,234",2,0\n"2,000",3,1\n'
    for decimal, expected in ((".", 1234.0), (",", 1.234)):
        table = parse(content, "t.csv", TableOptions(decimal=decimal))  # type: ignore[arg-type]
        assert table.inputs[0, 0].item() == pytest.approx(expected)
    numbers = b"1,2,0\n3,4,1\n5,6,0\n"
    assert len(parse(numbers, "t.csv", TableOptions(header=True)).targets) == 2


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(unpacked=10), "expected at most 10 bytes when unpacked"),
        (Limits(columns=2), "expected at most 2 columns, got 3"),
        (Limits(cells=6), "expected at most 6 cells, got 9"),
        (Limits(cell=5), r"row 4, column 2 \(b\): expected at most 5 characters in a cell, got 6"),
    ],
    ids=str,
)
def test_limits(limits: Limits, message: str) -> None:
    content = gzip.compress(GOOD.replace("1000", "a text").encode())
    with pytest.raises(DataError, match=message):
        parse(content, "t.csv", limits=limits)
