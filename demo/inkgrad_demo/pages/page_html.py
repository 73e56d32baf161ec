"""A page as a Gradio component: the HTML, the modules and the server functions of its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from inkgrad_demo.i18n import i18n
from inkgrad_demo.serving import modules

_HERE = Path(__file__).parent


def page_html(page: str, server_functions: list[Callable[..., Any]], **props: Any) -> gr.HTML:
    """Return a page: ``page.html``, in which ``page.js`` mounts itself. Until then it is inert, so
    that nothing is clicked, or submitted by the browser, that no script listens to.

    The script gets ``props`` (see the pages' ``build`` for what is in them), whose ``value`` is the
    code of the language, and the ``server_functions``.
    """
    module = f"pages/{page}/page.js"
    return gr.HTML(
        value=i18n("app.language"),
        html_template=(_HERE / page / "page.html").read_text(encoding="utf-8"),
        head=modules.preload(module),
        js_on_load=modules.call(module, "mount", "{ element, props, server, watch }")
        + '.then(() => (element.querySelector(".ink").inert = false))',
        apply_default_css=False,
        server_functions=server_functions,
        **props,
    )
