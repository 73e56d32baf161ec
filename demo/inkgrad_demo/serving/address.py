"""The open tab in the address: ``?tab=lessons`` can be linked to, and a reload stays there.

What else a page keeps in the address (``&lesson=3``) is its own affair. (``page`` would be the
better word, but Gradio takes that for the path of another app.)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def keep(app: gr.Blocks, tabs: gr.Tabs, names: Sequence[str]) -> None:
    """Open the tab that the address names, and name there the one that is opened."""
    script = f"const names = {json.dumps(names)};\n{_SCRIPT}"
    app.load(None, outputs=tabs, js=f"() => {{ {script} return opened(); }}")
    for tab, name in zip(tabs.children, names, strict=True):
        tab.select(None, js=f"() => {{ {script} remember({json.dumps(name)}); }}")
