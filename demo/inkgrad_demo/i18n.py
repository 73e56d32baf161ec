"""The texts of the app as Gradio's components take them."""

from __future__ import annotations

import gradio as gr

from inkgrad_demo.texts import CATALOGUES

# i18n("key") is the text in the language of the browser, or the one chosen in the settings.
i18n = gr.I18n(**CATALOGUES)
