"""Gradio's components in the colors of style.css, with fonts that need no download."""

from __future__ import annotations

import gradio as gr

# Inter if it is installed, else a font of the system.
_TEXT = ("Inter", "system-ui", "-apple-system", "Segoe UI", "Noto Sans CJK SC", "sans-serif")
_CODE = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")

# Each CSS variable has a light and a dark value, so both modes of a setting use the same one.
_COLORS = {
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
    dark = {f"{name}_dark" for name in _COLORS if hasattr(theme, f"{name}_dark")}
    return theme.set(**_COLORS, **{name: _COLORS[name.removesuffix("_dark")] for name in dark})


THEME = _theme()
