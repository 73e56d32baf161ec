"""The app's JavaScript: ES modules, served as the files they are, without a build step.

Their address names the version of all of them together, so that browsers may keep them for good
and never mix two versions. Modules import each other by relative paths, which keep the version.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ROOT = Path(__file__).parents[1]
FILES: dict[str, bytes] = {
    path.relative_to(_ROOT).as_posix(): path.read_bytes() for path in sorted(_ROOT.rglob("*.js"))
}
_VERSION = hashlib.sha256(repr(FILES).encode()).hexdigest()[:12]
# Relative: the app may be served below a path. Resolved against the page's <base>.
_BASE = f"modules/{_VERSION}/"
_IMPORT = re.compile(r'^(?:import|export)\b[^"]*?\bfrom "([^"]+)"', re.MULTILINE)
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


async def _serve(request: Request) -> Response:
    content = FILES.get(request.path_params["name"])
    if content is None:
        return Response(status_code=404)
    return Response(content, media_type="text/javascript", headers=_FOR_GOOD)


ROUTE = Route(f"/{_BASE}{{name:path}}", _serve)


def imports_of(name: str) -> list[str]:
    """The modules that the module imports, by their names in ``FILES``."""
    found = _IMPORT.findall(FILES[name].decode())
    return [normpath(join(dirname(name), path)) for path in found]


@cache
def preload(name: str) -> str:
    """HTML for the head: the module and all that it imports are fetched at once."""
    needed = [name]
    for each in needed:
        needed += [other for other in imports_of(each) if other not in needed]
    return "\n".join(f'<link rel="modulepreload" href="{_BASE}{each}">' for each in needed)


def call(name: str, function: str, arguments: str) -> str:
    """JavaScript that calls a function of the module; a promise of what it returns."""
    address = f"new URL({json.dumps(_BASE + name)}, document.baseURI)"
    return f"import({address}).then((module) => module.{function}({arguments}))"
