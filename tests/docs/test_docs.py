"""What README and the pages in docs/ show: links, pictures, code, commands and figures."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from PIL import Image

from inkgrad import cli
from strokes import ONE, raster

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(DOCS.rglob("*.md")),
]
MAX_README_LINES = 150

_FENCE = re.compile(
    r"^(?P<ticks>`{3,}|:{3,})(?P<info>[^\n]*)\n(?P<code>.*?)^(?P=ticks)$", re.M | re.S
)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    language: str
    code: str


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _blocks(page: Path, *languages: str) -> list[Block]:
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    blocks = [Block(page, match["info"].strip(), match["code"]) for match in found]
    return [block for block in blocks if block.language in languages]


def _prose(page: Path) -> str:
    """The text of a page without code."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MyST make them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    broken = []
    for match in _LINK.finditer(_prose(page)):
        path, _, anchor = match["target"].partition("#")
        if "://" in match["target"]:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(match["target"])
    assert broken == []


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_paths_in_code_spans_exist() -> None:
    """Paths in the repository's top folders; a pattern or a placeholder is no path."""
    path = re.compile(r"`((?:csrc|pyext|demo|benchmarks|tests|docs|\.ci)/[^`<*\s]*)`")
    spans = {
        (_name(page), span) for page in PAGES for span in path.findall(page.read_text("utf-8"))
    }
    assert spans
    assert [(page, span) for page, span in sorted(spans) if not (ROOT / span).exists()] == []


def test_quoted_messages_are_still_printed() -> None:
    """Headings of the troubleshooting page in code font; ``...`` and numbers stand for any text."""
    headings = re.findall(
        r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.M
    )
    assert len(headings) > 10
    folders = (".ci", "csrc", "pyext", "demo", "benchmarks")
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in [
            ROOT / "setup.py",
            *(p for folder in folders for p in (ROOT / folder).rglob("*")),
        ]
        if path.suffix in {".py", ".json", ".cpp", ".h"}
    )
    parts = {part.strip() for heading in headings for part in re.split(r"\.\.\.|\d[\d.]*", heading)}
    assert [part for part in parts if len(part) > 7 and part not in sources] == []


# ---------------------------------------------------------------- code


def _python_pages() -> list[Path]:
    return [page for page in PAGES if _blocks(page, "python")]


@pytest.mark.parametrize("page", _python_pages(), ids=_name)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order and in one namespace, as a reader would; clients of a running app only compile."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(255 - raster(ONE, 200)).save("one.png")
    blocks = _blocks(page, "python")
    needs_app = any("gradio_client" in block.code for block in blocks)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks:
        code = compile(block.code, _name(page), "exec")
        if not needs_app and not _is_fragment(block.code):
            exec(code, namespace)


def _is_fragment(code: str) -> bool:
    """Whether the block only shows a function of the package's own modules."""
    return all(isinstance(node, ast.FunctionDef) for node in ast.parse(code).body)


def _commands(*programs: str) -> Iterator[tuple[str, list[str]]]:
    """The commands in shell blocks and tables, without what a shell would do."""
    for page in PAGES:
        lines = [line for block in _blocks(page, "sh") for line in block.code.splitlines()]
        for block in _blocks(page, "console"):
            lines += re.findall(r"^\$ (.+)$", block.code, re.M)
        text = _FENCE.sub("", page.read_text(encoding="utf-8"))
        lines += re.findall(r"`([^`]+)`", re.sub(r"^#.*$", "", text, flags=re.M))
        for line in lines:
            if line.split(" ")[0].removeprefix(".venv/bin/") in programs and "..." not in line:
                yield _name(page), shlex.split(line, comments=True)


def test_inkgrad_commands_are_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    refused = []
    for page, (_, *argv) in _commands("inkgrad"):
        if len(argv) < 2:  # a command's name, as in a sentence
            assert set(argv) <= set(cli._COMMANDS), page
            continue
        parser = cli._parser(argv[0], import_module(cli._COMMANDS[argv[0]][0]))
        try:
            parser.parse_args(argv)
        except SystemExit:
            refused.append((page, argv))
    capsys.readouterr()
    assert refused == []


def test_modules_that_are_run_exist() -> None:
    named = {
        (_name(page), module)
        for page in PAGES
        for module in re.findall(r"-m (inkgrad\S*?)[`\s]", page.read_text(encoding="utf-8"))
    }
    assert named
    assert [each for each in sorted(named) if importlib.util.find_spec(each[1]) is None] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M)) | {".venv/browser"}
    asked = [
        (page, word) for page, (_, *words) in _commands("make") for word in words if "=" not in word
    ]
    assert asked
    assert [(page, target) for page, target in asked if target not in targets] == []


# ---------------------------------------------------------------- figures and pictures


def _script(name: str) -> ModuleType:
    """A script of the docs folder as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_shows_the_figures_of_the_results() -> None:
    """Otherwise run: python docs/figures.py"""
    figures = _script("figures")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert figures.updated(readme, figures.RESULTS.read_text(encoding="utf-8")) == readme
    assert len(figures.ROW.findall(readme)) == 10


def test_the_figures_script_replaces_values_of_the_rows_that_readme_has() -> None:
    readme = "| op | case |\n| `a` | 2x3 | fwd | 9 ms | 9 ms | 1.0 | 1.0 | 1.0 | 1.0 |\ntext\n"
    results = (
        "| `a` | 2x3 | fwd | 8 ms | 2 ms | **4.0** | 3.9 *(missed)* | 3.8 | 3.7 | 2 | 60 % |\n"
        "| `a` | 2x4 | fwd | 7 ms | 2 ms | 3.5 | 3.4 | 3.3 | 3.2 | 2 | 60 % |\n"
    )
    updated = _script("figures").updated(readme, results)
    old, new = "9 ms | 9 ms | 1.0 | 1.0 | 1.0 | 1.0", "8 ms | 2 ms | 4.0 | 3.9 | 3.8 | 3.7"
    assert updated == readme.replace(old, new)
    with pytest.raises(SystemExit, match="2x3"):
        _script("figures").updated(readme, results.splitlines()[1])


def test_every_picture_is_retaken_and_shown() -> None:
    pytest.importorskip("gradio")
    kept = {path.name for path in (DOCS / "images").iterdir()}
    by_benchmark = {"reader.webp"}  # inkgrad_bench.reader --pictures
    assert kept == set(_script("screenshots").PICTURES) | by_benchmark
    shown = {
        Path(match["target"]).name
        for page in PAGES
        for match in _LINK.finditer(_prose(page))
        if "images/" in match["target"]
    }
    assert shown == kept


def test_the_citation_has_the_version() -> None:
    import inkgrad

    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {inkgrad.__version__}\n" in citation


# ---------------------------------------------------------------- the site


class _Assets(HTMLParser):
    """Collects what a browser loads for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "poster", "data") or (tag == "link" and name == "href"):
                self.addresses.append(value or "")


def _external(addresses: list[str]) -> list[str]:
    return [address for address in addresses if re.match(r"\s*(https?:)?//", address)]


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_other_hosts(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    from sphinx.cmd.build import main

    assert main(["-W", "-q", "-b", "html", str(DOCS), str(tmp_path)]) == 0
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(DOCS.rglob("*.md")))
    external = []
    for page in pages:
        assets = _Assets()
        assets.feed(page.read_text(encoding="utf-8"))
        external += _external(assets.addresses)
    for sheet in tmp_path.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        external += _external(re.findall(r"url\(['\"]?([^'\")]+)", text))
        external += _external(re.findall(r"@import ['\"]([^'\"]+)", text))
    assert external == []
