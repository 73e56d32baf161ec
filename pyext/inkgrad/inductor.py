"""Keep the ops in the graphs that inductor compiles.

Inductor decomposes every op that it finds a decomposition for. Ours have one, for FlopCounterMode,
DTensor and torch.export, so inductor would compile the formula instead of calling the kernels. It
collects decompositions when it is imported, which takes seconds and happens in the first
``torch.compile``: :func:`keep_ops` has its table edited right after that import.

torch (2.10 to 2.14) has no option for this. An op is left out of the table if it has no
decomposition or the tag ``maybe_aliasing_or_mutating``, which makes every compiler decompose it. A
decomposition written in Python cannot tell who calls it. The ``inkgrad`` backend could edit the
table in each call, but ``torch.compile(model)`` with a model that calls the ops does not go
through it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import copy
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["keep_ops"]

_TABLE = "torch._inductor.decomposition"


def keep_ops() -> None:
    """Let graphs that inductor compiles call the ops."""
    if _TABLE not in sys.modules:
        sys.meta_path.insert(0, _Finder())
    # Else the table was made before the ops were registered, and lacks them.


class _Finder(MetaPathFinder):
    """Finds the module as without it, and edits the table each time that its code has run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _TABLE:
            return None
        others = sys.meta_path[sys.meta_path.index(self) + 1 :]
        specs = (each.find_spec(fullname, path, target) for each in others)
        spec = next(filter(None, specs), None)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_edit(module: ModuleType) -> None:
            execute(module)
            for op in [each for each in module.decompositions if "inkgrad::" in each.name()]:
                del module.decompositions[op]

        spec.loader = copy(spec.loader)  # other modules may have the same
        spec.loader.exec_module = execute_and_edit  # type: ignore[method-assign]
        return spec
