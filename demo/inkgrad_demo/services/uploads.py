"""Files that a page or a client of the API sends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from inkgrad.course.data.tables import ENCODINGS, TableOptions
from inkgrad_demo.services.request_fields import Base64, OneOf
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.texts import message


def _without_folders(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last))[:80] or "file"


class FileRequest(Request):
    name: Annotated[str, Field(max_length=1000), AfterValidator(_without_folders)] = Field(
        description="the file's name"
    )
    content: Base64 = Field(description="the file's content in base64")

    @model_validator(mode="after")
    def _is_not_empty(self) -> FileRequest:
        if not self.content:
            raise ValueError(message("problem.empty_file", name=self.name))
        return self


class TableFields(Request):
    """Choices for reading a table; null: as the table looks."""

    label: str | None = Field(
        None,
        max_length=200,
        description="the column of the labels: its title, or its number from 1, from -1 at the end",
    )
    columns: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, max_length=4000, description="the columns to learn from, by title or number"
    )
    missing: Literal["drop", "fill"] = Field(
        "drop", description="drop rows with missing values, or fill these in"
    )
    text: Literal["categories", "drop"] = Field(
        "categories", description="use text columns with few values as categories, or drop them"
    )
    header: bool | None = Field(None, description="whether the first row has titles")
    decimal: Literal[".", ","] | None = Field(None, description="the decimal separator")
    encoding: Annotated[str, OneOf(ENCODINGS)] | None = Field(
        None, description="the encoding of a text without a byte order mark"
    )
    sheet: str | None = Field(None, max_length=200, description="the sheet of an Excel file")

    def options(self) -> TableOptions:
        """Return these fields."""
        names = TableFields.model_fields.keys() - {"columns"}
        chosen = self.model_dump(include=names)
        return TableOptions(columns=None if self.columns is None else tuple(self.columns), **chosen)


class UploadRequest(TableFields, FileRequest):
    """A file to train on. Fields beside the file are for tables."""


class UploadedRequest(TableFields):
    """A file that was sent before. Without other fields it is read as it was then."""

    upload: str = Field(max_length=60, description="the answer of /train_upload")

    @property
    def has_options(self) -> bool:
        """Whether a field beside the file is given."""
        return bool(self.model_fields_set - {"upload"})
