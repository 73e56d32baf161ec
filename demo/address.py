"""The open tab in the address: ``?tab=lessons`` can be linked to, and a reload stays there.

What else a page keeps in the address (``&lesson=3``) is its own affair. (``page`` would be the
better word, but Gradio takes that for the path of another app.)
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def keep(app: gr.Blocks, tabs: gr.Tabs, names: Sequence[str]) -> None:
    """Open the tab that the address names, and name there the one that is opened."""
    app.load(None, outputs=tabs, js=f"() => {{ {_SCRIPT} return opened({list(names)}); }}")
    for tab, name in zip(tabs.children, names, strict=True):
        tab.select(None, js=f"() => {{ {_SCRIPT} remember({name!r}); }}")
