"""The open tab in the address: ``?tab=lessons`` can be linked to and survives a reload.

Pages may keep more there (``&lesson=3``). (Not ``page``: Gradio takes that for the path of another
app.)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

_SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def keep(app: gr.Blocks, tabs: gr.Tabs, names: Sequence[str]) -> None:
    """Open the tab that the address names, and write the name of an opened tab to the address."""
    script = f"const names = {json.dumps(names)};\n{_SCRIPT}"
    app.load(None, outputs=tabs, js=f"() => {{ {script} return opened(); }}")
    for tab, name in zip(tabs.children, names, strict=True):
        assert isinstance(tab, gr.Tab)
        tab.select(None, js=f"() => {{ {script} remember({json.dumps(name)}); }}")
