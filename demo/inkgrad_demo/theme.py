"""Gradio's own widgets in the colours of style.css, and in fonts that need no download."""

from __future__ import annotations

import gradio as gr

# Inter where it is installed, else what the reader's system has.
_TEXT = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Noto Sans CJK SC", "sans-serif")
_CODE = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")

# Each variable has a value for light and one for dark, so both modes of a setting name the same.
_COLOURS = {
    "body_background_fill": "var(--ink-ground)",
    "body_text_color": "var(--ink-text)",
    "body_text_color_subdued": "var(--ink-quiet)",
    "background_fill_primary": "var(--ink-card)",
    "background_fill_secondary": "var(--ink-ground)",
    "block_background_fill": "var(--ink-card)",
    "block_border_color": "var(--ink-line)",
    "border_color_primary": "var(--ink-line)",
    "border_color_accent": "var(--ink-accent)",
    "color_accent": "var(--ink-accent)",
    "color_accent_soft": "var(--ink-accent-soft)",
}


def _theme() -> gr.themes.Base:
    theme = gr.themes.Base(font=_TEXT, font_mono=_CODE)
    dark = {f"{name}_dark" for name in _COLOURS if hasattr(theme, f"{name}_dark")}
    return theme.set(**_COLOURS, **{name: _COLOURS[name.removesuffix("_dark")] for name in dark})


THEME = _theme()
