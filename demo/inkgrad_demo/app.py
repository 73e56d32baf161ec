"""Builds the app from its pages and serves it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

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
from inkgrad_demo.services.code_service import CodeService
from inkgrad_demo.services.comparison_service import ComparisonService
from inkgrad_demo.services.confusion_service import ConfusionService
from inkgrad_demo.services.kernel_service import KernelService
from inkgrad_demo.services.lesson_service import LessonService
from inkgrad_demo.services.map_service import MapService
from inkgrad_demo.services.recognition_service import RecognitionService
from inkgrad_demo.services.recognizers import Recognizers
from inkgrad_demo.services.run_files import RunFiles
from inkgrad_demo.services.run_predictions import RunPredictions
from inkgrad_demo.services.runs import Runs
from inkgrad_demo.services.training_data import Datasets
from inkgrad_demo.services.training_service import TrainingService
from inkgrad_demo.services.upload_store import UploadStore
from inkgrad_demo.serving import address, modules
from inkgrad_demo.serving.guard import Guard
from inkgrad_demo.serving.limits import MAX_BODY, BodyLimit
from inkgrad_demo.serving.logins import Logins
from inkgrad_demo.serving.logout import OwnLogout
from inkgrad_demo.serving.visitors import Sharing, Visitors
from inkgrad_demo.texts import message
from inkgrad_demo.theme import THEME

_HERE = Path(__file__).parent
PAGES = (draw, lessons, train, compare, kernels)
_STYLES = (
    "web/style.css",
    "web/controls.css",
    "web/chart.css",
    "web/confusion.css",
    "web/matrices.css",
    "web/own_drawings.css",
    "web/widgets.css",
    *(f"pages/{page.NAME}/page.css" for page in PAGES),
)

# For the page itself, which Gradio sends uncompressed; small answers to drawings stay as they are.
_COMPRESSION = Middleware(GZipMiddleware, minimum_size=2**16, compresslevel=6)


def build(store: RunStore | None = None, allow_code: bool = False) -> gr.Blocks:
    """Build the app, which saves its runs in ``store``. Recognizers load in the background.

    ``allow_code``: visitors may change the programs of the lessons and run them on this machine.
    """
    store = store or RunStore.default()
    datasets = Datasets(UploadStore(store.folder.parent / "uploads"))
    runs, recognizers = Runs(store), Recognizers(store)
    training, confusion = TrainingService(runs, datasets), ConfusionService(store)
    services = {
        draw: (RecognitionService(recognizers), MapService(recognizers, datasets)),
        lessons: (LessonService(), CodeService(allow_code)),
        train: (training, RunPredictions(runs), RunFiles(store), datasets, confusion),
        compare: (ComparisonService(runs), training, confusion),
        kernels: (KernelService(),),
    }
    with gr.Blocks(title="inkgrad") as app:
        gr.HTML(_header(), apply_default_css=False)
        with gr.Tabs() as tabs:
            for page in PAGES:
                with gr.Tab(i18n(f"{page.NAME}.title"), id=page.NAME):
                    page.build(*services[page])
        address.keep(app, tabs, [page.NAME for page in PAGES])
    threading.Thread(target=recognizers.load_all, daemon=True).start()
    return app


def serve(
    app: gr.Blocks,
    host: str,
    port: int,
    users: Callable[[], dict[str, str]] | None = None,
    mcp: bool = False,
    names: Sequence[str] = (),
    tls: Mapping[str, Any] | None = None,
    sharing: Sharing = "one",
) -> str:
    """Serve in background threads; return the address. Raises OSError if the port is taken.

    ``names`` are names of the server beside ``host`` (:class:`~inkgrad_demo.serving.guard.Guard`).
    ``users`` returns the hashes of those who may log in (:mod:`.serving.passwords`); None is no
    login. ``tls`` are Gradio's arguments ``ssl_*``. ``mcp`` makes the API's endpoints tools for MCP
    clients; it needs the package ``mcp``. ``sharing``: among whom the server is shared.
    """
    _, address, _ = app.launch(
        server_name=host,
        server_port=port,
        auth=Logins(users).check if users else None,  # type: ignore[arg-type]  # it may be async
        auth_message=" / ".join(message("app.login").texts.values()),
        ssl_verify=False,  # of Gradio's own first request: the certificate may be the user's own
        **(tls or {}),
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,  # so that callers of the API get the reason
        share=False,
        inbrowser=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=mcp,
        footer_links=["api", "settings"],
        max_file_size=MAX_BODY,
        app_kwargs={
            "middleware": [
                Middleware(Guard, host=host, names=names),
                Middleware(OwnLogout),
                Middleware(Visitors, sharing=sharing),
                Middleware(BodyLimit),
                _COMPRESSION,
            ],
            "routes": [modules.ROUTE],
        },
        i18n=i18n,
        theme=THEME,
        head=_head(mcp),
    )
    return address


def _header() -> str:
    return (
        (_HERE / "web" / "header.html")
        .read_text(encoding="utf-8")
        .format(tagline=i18n("app.tagline"))
    )


def _head(mcp: bool) -> str:
    """Return the styles, links that load the modules of the first page ahead, and a script.

    The styles stand in the page: Gradio's own `css` rewrites selectors, and loads later.
    """
    styles = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _STYLES)
    first = modules.preload(f"pages/{PAGES[0].NAME}/page.js")
    tidying = modules.call("web/api_docs.js", "watchApiDocs", json.dumps(mcp))
    return (
        f"<style>\n{styles}\n</style>\n{modules.preload(address.MODULE)}\n{first}\n"
        f'<script type="module">{tidying}</script>'
    )
