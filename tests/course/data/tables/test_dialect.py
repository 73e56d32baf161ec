"""The layout of a text is found from its rows."""

from __future__ import annotations

import pytest

from inkgrad.course.data.tables.dialect import detect, looks_like_titles, without_comments


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("1,5;2,5;0\n3,5;4,5;1\n", ";"),
        ("a b,c d,y\nx y,z w,1\nx y,z w,0\n", ","),
        ("when;n;y\n2020-01-01 10:00;5;1\n2020-01-02 11:00;6;0\n", ";"),
        ("name;comment;y\nAnna;hello, dear;1\nBen;one, two, three;0\n", ";"),
        ("a\tb c\ty\n1\tx y\t0\n2\tz w\t1\n", "\t"),
        ("1 2 0\n3 4 1\n", " "),
        ("身高，体重，标签\n1.5，2，0\n2.5，3，1\n", "，"),
    ],
)
def test_the_delimiter(text: str, delimiter: str) -> None:
    found = detect(text, "t", header=None)[1]
    assert (" " if found.is_spaced else found.delimiter) == delimiter


@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [
        (["a", "b"], [["1", "2"]], True),
        (["1", "2"], [["3", "4"]], False),
        (["year", "2020"], [["1", "5"], ["2", "6"]], False),
        (["name", "age", "2020"], [["x", "1", "5"], ["y", "2", "6"]], False),
        (["name", "age", "y"], [["x", "1", "5"]], True),
        (["sunny", "no"], [["rain", "no"], ["sunny", "yes"]], False),
        (["weather", "play"], [["rain", "no"], ["sunny", "yes"]], True),
        (["?", "2"], [["3", "4"], ["5", "6"]], False),
        (["a", "b"], [], True),
        (["0", "1", "2"], [["0.5", "7", "1"], ["1.5", "8", "1"]], True),
        (["", "0", "1", "2"], [["0", "1.5", "7", "a"], ["1", "2.5", "8", "a"]], True),
        (["2000", "2005", "2010", "kind"], [["1", "2", "3", "a"], ["4", "5", "6", "a"]], True),
        (["1.5", "7", "2.5", "y"], [["1", "2", "3", "0"], ["4", "5", "6", "1"]], True),
        (["1.5", "7", "2.5", "a"], [["1", "2", "3", "a"], ["4", "5", "6", "b"]], False),
        (["1", "2", "3"], [["4", "5", "6"], ["7", "8", "9"]], False),
        (["0", "1", "2"], [["5", "1", "2"], ["6", "1", "2"]], False),
        (["", "1", "2"], [["3", "4", "0"], ["5", "6", "0"]], False),
    ],
)
def test_the_first_row_has_titles_or_not(
    first: list[str], others: list[list[str]], expected: bool
) -> None:
    assert looks_like_titles(first, others) == expected


def test_comments_keep_their_lines_and_quotes_their_content() -> None:
    text, comments = without_comments('# one\na,"b\n# no comment\n"\n # two\nc,d#e')
    assert text == '\na,"b\n# no comment\n"\n\nc,d#e'
    assert comments == ["# one", "# two"]
