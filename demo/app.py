"""Puts the pages together: what is common to them, and how the app is served."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware

from inkgrad_demo import address
from inkgrad_demo.i18n import i18n
from inkgrad_demo.limits import MAX_BODY, BodyLimit
from inkgrad_demo.pages import draw, lessons
from inkgrad_demo.reading import Readers
from inkgrad_demo.theme import THEME

_HERE = Path(__file__).parent
PAGES = (draw, lessons)
_STYLES = ("style.css", "pages/draw.css", "pages/lessons.css", "playthings/playthings.css")


def build() -> gr.Blocks:
    """The app. What its pages do not need at once is loaded in the background."""
    readers = Readers()
    with gr.Blocks(title="inkgrad") as app:
        gr.HTML(_header(), apply_default_css=False)
        with gr.Tabs() as tabs:
            for page in PAGES:
                with gr.Tab(i18n(f"{page.NAME}.title"), id=page.NAME):
                    page.build(readers)
        address.keep(app, tabs, [page.NAME for page in PAGES])
    threading.Thread(target=readers.load_all, daemon=True).start()
    return app


def serve(app: gr.Blocks, host: str, port: int, auth: tuple[str, str] | None = None) -> str:
    """Start serving in threads of its own; returns the address. OSError if the port is taken."""
    _, address, _ = app.launch(
        server_name=host,
        server_port=port,
        auth=auth,
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,  # to callers of the API too: what was wrong with their request
        share=False,
        inbrowser=False,
        ssr_mode=False,
        enable_monitoring=False,
        footer_links=["api", "settings"],
        max_file_size=MAX_BODY,
        app_kwargs={"middleware": [Middleware(BodyLimit)]},
        i18n=i18n,
        theme=THEME,
        head=_head(),
    )
    return address


def _header() -> str:
    return (_HERE / "header.html").read_text(encoding="utf-8").format(tagline=i18n("app.tagline"))


def _head() -> str:
    """The styles as they are: Gradio's own `css` rewrites selectors, and loads later."""
    styles = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    return f"<style>\n{styles}\n</style>"
