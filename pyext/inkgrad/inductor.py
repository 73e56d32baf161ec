"""Keep the ops in the graphs that inductor compiles.

Inductor decomposes every op that it finds a decomposition for. Ours have one, for FlopCounterMode,
DTensor and torch.export, so inductor would compile the formula instead of calling the kernels. It
collects decompositions when it is imported, which takes seconds and happens in the first
``torch.compile``: :func:`keep_ops` has its table edited right after that import.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["keep_ops"]

_TABLE = "torch._inductor.decomposition"


def keep_ops() -> None:
    """Let graphs that inductor compiles call the ops."""
    if _TABLE not in sys.modules:
        sys.meta_path.insert(0, _AfterImport())
    # Else the table was made before the ops were registered, and lacks them.


class _AfterImport(MetaPathFinder):
    """Finds the module once, as without it, and edits the table after its code has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _TABLE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_edit(module: ModuleType) -> None:
            execute(module)
            for op in [each for each in module.decompositions if "inkgrad::" in each.name()]:
                del module.decompositions[op]

        spec.loader.exec_module = execute_and_edit  # type: ignore[method-assign]
        return spec
