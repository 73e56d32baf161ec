"""Every kernel launch is followed at once by the check that throws if it failed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CUDA = Path(__file__).parents[2] / "csrc" / "cuda"
LAUNCH = re.compile(r"<<<.*?>>>\s*\(.*?\);\s*(?P<next>[^\n]*)", re.DOTALL)


def unchecked(source):
    """The lines of the launches without a check."""
    return [
        source.count("\n", 0, launch.start()) + 1
        for launch in LAUNCH.finditer(source)
        if launch["next"] != "INKGRAD_LAUNCH_CHECK();"
    ]


@pytest.mark.parametrize("path", sorted(CUDA.rglob("*.cu*")), ids=lambda path: path.name)
def test_every_launch_is_checked(path):
    source = path.read_text()
    assert unchecked(source) == []
    assert len(LAUNCH.findall(source)) == source.count("<<<"), "a launch that was not understood"


def test_a_launch_without_a_check_is_found():
    good = "kernel<T>\n    <<<1, 2>>>(\n        a(b), c);\n    INKGRAD_LAUNCH_CHECK();\n"
    assert unchecked(good) == []
    assert unchecked(good + "other<<<1, 2>>>(a);\nreturn;\n" + good) == [5]
