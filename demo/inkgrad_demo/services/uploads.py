"""Files that a page or a client of the API sends."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from inkgrad_demo.services.request_fields import Base64
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
