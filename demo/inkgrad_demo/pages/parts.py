"""The files of a page as text."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).parents[1]


def text_of(*names: str) -> str:
    """The text of the package's files of these names, one after the other.

    Of a page's scripts Gradio makes the body of one function: what uses the others comes last.
    """
    return "\n".join((_ROOT / name).read_text(encoding="utf-8") for name in names)
