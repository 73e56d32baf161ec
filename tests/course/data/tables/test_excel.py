"""Excel files: their sheets, formulas, merged cells and dates."""

from __future__ import annotations

import datetime
import io
import sys
from typing import Any

import pytest

from inkgrad.course.data.tables import DataError, TableOptions, parse


@pytest.fixture
def openpyxl() -> Any:
    return pytest.importorskip("openpyxl")


def saved(book: Any) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def fill(sheet: Any, rows: list[list[Any]]) -> None:
    for row in rows:
        sheet.append(row)


def test_the_first_sheet_with_data(openpyxl: Any) -> None:
    book = openpyxl.Workbook()
    rows = [["A report"], [], ["when", "a", "sex", "y"]]
    rows += [[datetime.date(2020, 1, i), i + 0.5, "mf"[i % 2], i % 3 > 1] for i in range(1, 9)]
    fill(book.create_sheet("Data"), rows)
    fill(book.create_sheet("More"), [["x", "y"], [1, 0], [2, 1], [3, 0]])
    content = saved(book)
    table = parse(content, "t.xlsx")
    assert [column.role for column in table.facts.columns] == [
        "date",
        "number",
        "categories",
        "label",
    ]
    assert table.schema.classes == ("False", "True")
    assert table.inputs[0].tolist() == [1.5, 0]
    assert "sheet Data" in table.facts.lines[0]
    assert "the first of 3 sheets" in table.facts.lines[0]
    chosen = parse(content, "t.xlsx", TableOptions(sheet="More"))
    assert chosen.inputs.tolist() == [[1], [2], [3]]
    assert "the first of" not in chosen.facts.lines[0]
    with pytest.raises(DataError, match="sheet: expected one of Sheet, Data, More, got 'No'"):
        parse(content, "t.xlsx", TableOptions(sheet="No"))


@pytest.mark.parametrize("gap", ["#N/A", "NA", "n/a", "NaN", "#DIV/0!", "-", " "])
def test_what_stands_for_a_missing_value(openpyxl: Any, gap: str) -> None:
    book = openpyxl.Workbook()
    fill(book.active, [["x", "y"], [1, 0], [gap, 1], [2, 1], [3, 0]])
    assert parse(saved(book), "t.xlsx").inputs.tolist() == [[1], [2], [3]]


def test_notes_below_a_table_are_skipped_and_counted(openpyxl: Any) -> None:
    book = openpyxl.Workbook()
    rows = [["x", "z", "y"], [1, 5, 0], [2, 4, 1], [3, 6, 0], [], ["Source: WHO"], [None, "2020a"]]
    fill(book.active, rows)
    table = parse(saved(book), "t.xlsx")
    assert table.inputs.tolist() == [[1, 5], [2, 4], [3, 6]]
    assert "2 comment lines skipped" in table.facts.lines[0]


def test_a_sheet_with_one_column_is_passed_over(openpyxl: Any) -> None:
    book = openpyxl.Workbook()
    fill(book.active, [["Read me"], ["See the next sheet"]])
    fill(book.create_sheet("Data"), [["x", "y"], [1, 0], [2, 1], [3, 0]])
    assert parse(saved(book), "t.xlsx").inputs.tolist() == [[1], [2], [3]]
    book.remove(book["Data"])
    with pytest.raises(DataError, match=r"sheet Sheet, row 1: .*got one column"):
        parse(saved(book), "t.xlsx")


def test_merged_cells_formulas_and_places(openpyxl: Any) -> None:
    book = openpyxl.Workbook()
    fill(book.active, [["a", "g", "y"], [1, "u", 0], [2, None, 1], [4, "v", 0], [5, None, 1]])
    book.active.merge_cells("B2:B3")
    book.active.merge_cells("B4:B5")
    assert parse(saved(book), "t.xlsx").inputs.tolist() == [[1, 0], [2, 0], [4, 1], [5, 1]]
    book.active["A4"] = "=A2+1"  # Excel never computed it
    assert "1 row with missing values dropped" in parse(saved(book), "t.xlsx").facts.lines
    book.active["A4"] = "four"
    with pytest.raises(DataError, match=r"t\.xlsx, sheet Sheet, row 4, column 1 \(a\): .* 'four'"):
        parse(saved(book), "t.xlsx")


def test_a_cell_far_away_costs_nothing(openpyxl: Any) -> None:
    book = openpyxl.Workbook()
    fill(book.active, [["a", "y"], [1, 0], [2, 1], [4, 0]])
    book.active.cell(100_000, 16_000).font = openpyxl.styles.Font(bold=True)
    assert len(parse(saved(book), "t.xlsx").targets) == 3


def test_damaged_and_empty_files(openpyxl: Any) -> None:
    with pytest.raises(DataError, match=r"t\.xlsx: expected rows of values, found none"):
        parse(saved(openpyxl.Workbook()), "t.xlsx")
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        packed.writestr("xl/workbook.xml", "<nonsense")
    with pytest.raises(DataError, match=r"t\.xlsx: not a readable Excel file"):
        parse(stream.getvalue(), "t.xlsx")


def test_without_openpyxl_the_command_that_installs_it_is_named(
    openpyxl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = saved(openpyxl.Workbook())
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r'pip install "inkgrad\[excel\]"'):
        parse(content, "t.xlsx")
