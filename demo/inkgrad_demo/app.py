"""Puts the pages together: what is common to them, and how the app is served."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.compare import page as compare
from inkgrad_demo.pages.draw import page as draw
from inkgrad_demo.pages.kernels import page as kernels
from inkgrad_demo.pages.lessons import page as lessons
from inkgrad_demo.pages.train import page as train
from inkgrad_demo.services.comparisons import Comparisons
from inkgrad_demo.services.confusion_images import CellImages
from inkgrad_demo.services.data_choices import Datasets
from inkgrad_demo.services.recognition import Readers
from inkgrad_demo.services.trainings import Trainings
from inkgrad_demo.services.workbench import Workbench
from inkgrad_demo.serving import address
from inkgrad_demo.serving.limits import MAX_BODY, BodyLimit
from inkgrad_demo.theme import THEME

_HERE = Path(__file__).parent
PAGES = (draw, lessons, train, compare, kernels)
_STYLES = (
    "web/style.css",
    "web/controls.css",
    "web/confusion.css",
    "web/widgets.css",
    *(f"pages/{page.NAME}/page.css" for page in PAGES),
)

# The app itself, most of whose size are its scripts and words; not the small answers to drawings.
_COMPRESSION = Middleware(GZipMiddleware, minimum_size=2**16, compresslevel=6)


def build(store: RunStore | None = None) -> gr.Blocks:
    """The app, which keeps the runs trained in it in ``store``.

    What its pages do not need at once is loaded in the background.
    """
    store = store or RunStore()
    readers = Readers(store)
    trainings = Trainings(store, Datasets())
    images = CellImages(store)
    needs = {
        draw: (readers,),
        lessons: (),
        train: (trainings, images),
        compare: (Comparisons(trainings), images),
        kernels: (Workbench(),),
    }
    with gr.Blocks(title="inkgrad") as app:
        gr.HTML(_header(), apply_default_css=False)
        with gr.Tabs() as tabs:
            for page in PAGES:
                with gr.Tab(i18n(f"{page.NAME}.title"), id=page.NAME):
                    page.build(*needs[page])
        address.keep(app, tabs, [page.NAME for page in PAGES])
    threading.Thread(target=readers.load_all, daemon=True).start()
    return app


def serve(
    app: gr.Blocks,
    host: str,
    port: int,
    auth: tuple[str, str] | None = None,
    mcp: bool = False,
) -> str:
    """Start serving in threads of its own; returns the address. OSError if the port is taken.

    ``mcp``: the API's endpoints are tools for MCP clients, too; needs the package ``mcp``.
    """
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
        mcp_server=mcp,
        footer_links=["api", "settings"],
        max_file_size=MAX_BODY,
        app_kwargs={"middleware": [Middleware(BodyLimit), _COMPRESSION]},
        i18n=i18n,
        theme=THEME,
        head=_head(),
    )
    return address


def _header() -> str:
    return (
        (_HERE / "web" / "header.html")
        .read_text(encoding="utf-8")
        .format(tagline=i18n("app.tagline"))
    )


def _head() -> str:
    """The styles as they are: Gradio's own `css` rewrites selectors, and loads later."""
    styles = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    return f"<style>\n{styles}\n</style>"
