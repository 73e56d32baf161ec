"""The blocks that show a lesson's results: notes, tables and plots.

Their texts are translated already, for a terminal or a page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Note:
    """A short text; ``is_warning``: something is not as it should be."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption; floats are shown with four decimals."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]

    def cells(self) -> list[list[str]]:
        """The cells of the rows, as text."""
        return [
            [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Plot:
    """A figure with a caption, drawn on demand; ``name`` becomes part of its file name.

    ``svg.svg`` renders it in any language; ``plotting.png`` in those that matplotlib has fonts for.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]


Block = Note | Table | Plot
