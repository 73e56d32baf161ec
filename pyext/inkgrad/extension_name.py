"""The file name of the compiled extension for a torch. setup.py reads this file, too, so it imports
nothing."""

from __future__ import annotations

import re


def extension_name(torch_version: str) -> str:
    """Return the module name, such as ``_C_torch2_14``, of the extension compiled for a torch.

    torch's C++ interface changes with each minor version, and loading an extension into another
    version may crash. The interface is the same for all patches and builds (``+cpu``, ``+cu130``)
    of a release. A version before the release, such as ``2.16.0a0+git1a2b3c``, fits only itself.
    """
    release = re.fullmatch(r"(\d+)\.(\d+)\.\d+(\+.*)?", torch_version)
    tag = f"{release[1]}_{release[2]}" if release else re.sub(r"\W", "_", torch_version)
    return f"_C_torch{tag}"


def torch_of(name: str) -> str:
    """Return the torch that :func:`extension_name` named the extension for, such as ``2.14``."""
    return name.removeprefix("_C_torch").replace("_", ".")
