"""setuptools installs every package and every data file of the tree."""

from __future__ import annotations

import sys
from fnmatch import fnmatch
from pathlib import Path, PurePath

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS = {
    "inkgrad": "pyext/inkgrad",
    "inkgrad_demo": "demo/inkgrad_demo",
    "inkgrad_bench": "benchmarks/inkgrad_bench",
}


def test_every_folder_with_code_is_a_package() -> None:
    for folder in FOLDERS.values():
        for file in (ROOT / folder).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), file.parent


def test_every_file_beside_the_code_is_installed() -> None:
    left_out = []
    for package, folder in FOLDERS.items():
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".pyc", ".so"} or file.is_dir():
                continue
            # patterns start from the folder of their package, and every package above is asked
            path = PurePath(package, file.relative_to(ROOT / folder))
            patterns = [
                f"{owner.replace('.', '/')}/{pattern}"
                for owner, patterns in SETUPTOOLS["package-data"].items()
                for pattern in patterns
            ]
            if not any(fnmatch(str(path), pattern.replace("**/", "*")) for pattern in patterns):
                left_out.append(str(file.relative_to(ROOT)))
    assert left_out == []
