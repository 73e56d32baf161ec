"""The app's JavaScript modules: complete, without doubles, and served so that they can be kept."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

pytest.importorskip("gradio")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from inkgrad_demo.serving import modules

ENTRIES = {"mount"}  # what every page and every widget exports
EXPORT = re.compile(
    r"^export (?:async )?(?:function|const|let|class) (\w+)|^export \{([^}]*)\}", re.MULTILINE
)
IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)"', re.MULTILINE)
NAMES = sorted(modules.FILES)
UNIT_TESTS = sorted(Path(__file__).parents[1].rglob("*.test.mjs"))


def _text(name: str) -> str:
    return modules.FILES[name].decode()


def _exports(name: str) -> list[str]:
    found = (one or several for one, several in EXPORT.findall(_text(name)))
    return [each.strip() for names in found for each in names.split(",") if each.strip()]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_module_imports_exists(name: str) -> None:
    statements = IMPORT.findall(_text(name))
    assert len(statements) == len(re.findall(r"^import\b", _text(name), re.MULTILINE))
    for (imported, _), other in zip(statements, modules.imports_of(name), strict=True):
        wanted = {each.split(" as ")[0].strip() for each in imported.split(",")} - {""}
        assert wanted <= set(_exports(other)), other


def test_no_name_is_exported_twice() -> None:
    counts = Counter(each for name in NAMES for each in _exports(name))
    assert {each for each, count in counts.items() if count > 1} <= ENTRIES


def test_no_two_modules_have_one_name() -> None:
    counts = Counter(PurePosixPath(name).name for name in NAMES)
    assert {name for name, count in counts.items() if count > 1} <= {"page.js", "widget.js"}


def test_every_module_is_used() -> None:
    """From a page, a widget (which the Lessons page imports by its name) or the app itself."""
    entries = {name for name in NAMES if re.match(r"(pages|widgets)/\w+/(page|widget)\.js", name)}
    used = entries | {"serving/address.js", "web/api_docs.js"}
    used |= {other for name in NAMES for other in modules.imports_of(name)}
    assert used == set(NAMES)


def test_every_export_is_used() -> None:
    """By another module, Gradio or a unit test."""
    texts = [_text(name) for name in NAMES] + [path.read_text() for path in UNIT_TESTS]
    imported = [names for text in texts for names, _ in IMPORT.findall(text)]
    wanted = {each.split(" as ")[0].strip() for names in imported for each in names.split(",")}
    called_by_gradio = {"openTab", "rememberTab", "watchApiDocs"}
    exported = {each for name in NAMES for each in _exports(name)}
    unused = exported - wanted - ENTRIES - called_by_gradio
    assert unused == set()


def test_preloading_names_the_module_and_all_that_it_needs() -> None:
    html = modules.preload("pages/train/page.js")
    names = re.findall(r'<link rel="modulepreload" href="modules/\w+/([^"]+)">', html)
    assert names[0] == "pages/train/page.js"
    assert {"web/chart.js", "web/scales.js", "web/strokes.js"} <= set(names)
    assert len(names) == len(set(names))
    assert not any(name.startswith("widgets/") for name in names)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=[modules.ROUTE]))


def _address(name: str) -> str:
    found = re.search(r'href="([^"]+)"', modules.preload(name))
    assert found is not None
    return found[1]


def test_a_module_is_served_as_it_is_and_may_be_kept(client: TestClient) -> None:
    answer = client.get(f"/{_address('web/scales.js')}")
    assert answer.status_code == 200
    assert answer.content == modules.FILES["web/scales.js"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "web/none.js",
        "app.py",
        "serving/modules.py",
        "../app.py",
        "%2e%2e/app.py",
        "locales/en.json",
    ],
)
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    base = _address("web/page.js").removesuffix("web/page.js")
    assert client.get(f"/{base}{path}").status_code == 404


def test_modules_of_another_version_are_not_served(client: TestClient) -> None:
    assert client.get("/modules/000000000000/web/page.js").status_code == 404


def test_addresses_are_relative_for_apps_below_a_path() -> None:
    call = modules.call("serving/address.js", "openTab", "[]")
    assert re.fullmatch(
        r'import\(new URL\("modules/\w+/serving/address\.js", document\.baseURI\)\)'
        r"\.then\(\(module\) => module\.openTab\(\[\]\)\)",
        call,
    )
