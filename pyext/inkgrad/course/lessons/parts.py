"""What a lesson has to show, in the order in which it is shown: notes, tables and pictures.

All words in them are translated already; whoever shows them (a terminal, a page) needs no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Note:
    """A sentence or two."""

    text: str


@dataclass(frozen=True)
class Table:
    """Numbers under a caption; a float is shown with four decimals."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float]]

    def cells(self) -> list[list[str]]:
        """The rows as they are shown."""
        return [
            [f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row]
            for row in self.rows
        ]


@dataclass(frozen=True)
class Picture:
    """A figure under a caption; ``name`` is that of its file. It is drawn when it is asked for.

    ``svg.svg`` writes it in any language; ``drawing.png`` in those that matplotlib has a font for.
    """

    name: str
    caption: str
    draw: Callable[[], Figure]


Part = Note | Table | Picture
