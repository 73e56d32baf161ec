"""The unit tests of the app's JavaScript, which Node.js runs.

Without Node.js they skip; with INKGRAD_REQUIRE_NODE=1 they fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parents[1].rglob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_units(file: Path) -> None:
    node = shutil.which("node")
    if node is None:
        if os.environ.get("INKGRAD_REQUIRE_NODE") == "1":
            pytest.fail("Node.js is not installed, and INKGRAD_REQUIRE_NODE is 1")
        pytest.skip("Node.js is not installed")
    run = subprocess.run([node, "--test", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
