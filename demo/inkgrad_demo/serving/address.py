"""The open tab in the address: ``?tab=lessons`` can be linked to and survives a reload.

Pages may keep more there (``&lesson=3``). (Not ``page``: Gradio takes that for the path of another
app.)
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import gradio as gr

from inkgrad_demo.serving import modules

MODULE = "serving/address.js"


def keep(app: gr.Blocks, tabs: gr.Tabs, names: Sequence[str]) -> None:
    """Open the tab that the address names, and write the name of an opened tab to the address."""
    opening = modules.call(MODULE, "openTab", json.dumps(names))
    app.load(None, outputs=tabs, js=f"() => {opening}")
    for tab, name in zip(tabs.children, names, strict=True):
        assert isinstance(tab, gr.Tab)
        remembering = modules.call(
            MODULE, "rememberTab", f"{json.dumps(name)}, {json.dumps(names[0])}"
        )
        tab.select(None, js=f"() => {remembering}")
