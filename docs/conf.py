"""Configuration of the documentation site (Sphinx); `make docs` builds it.

The pages are Markdown (MyST). Nothing is fetched at build time and nothing by a reader's browser:
no web fonts, no CDN, and formulas become MathML instead of a script.
"""

from __future__ import annotations

from typing import Any

import latex2mathml.converter
from docutils import nodes
from sphinx.application import Sphinx

import inkgrad

project = "inkgrad"
author = "inkgrad authors"
copyright = "inkgrad authors"
version = release = inkgrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
# changelog.md and contributing.md include these files.
exclude_patterns = ["README.md"]
nitpicky = False
suppress_warnings = ["myst.strikethrough"]

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"inkgrad {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False


def _visit_math(translator: Any, node: nodes.math) -> None:
    translator.body.append(latex2mathml.converter.convert(node.astext()))
    raise nodes.SkipNode


def _visit_math_block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(latex2mathml.converter.convert(node.astext(), display="block"))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the MathML renderer."""
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_math_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
