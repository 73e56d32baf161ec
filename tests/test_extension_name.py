"""The compiled extension is named after the torch that may load it."""

import pytest

from inkgrad.extension_name import extension_name, torch_of


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2.14.1", "_C_torch2_14"),
        ("2.10.0+cu128", "_C_torch2_10"),
        ("2.13.0+cpu", "_C_torch2_13"),
        ("2.16.0a0+git1a2b3c", "_C_torch2_16_0a0_git1a2b3c"),
        ("2.16.0.dev20261201+cpu", "_C_torch2_16_0_dev20261201_cpu"),
        ("2.15.0rc2", "_C_torch2_15_0rc2"),
    ],
)
def test_releases_of_one_minor_version_share_an_extension(version, name):
    assert extension_name(version) == name
    assert name.isidentifier()


def test_the_name_tells_the_version():
    assert torch_of(extension_name("2.14.1+cu130")) == "2.14"
