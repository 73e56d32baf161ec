"""The ``inkgrad`` command: parse the arguments and run the chosen subcommand.

Every subcommand is a module with ``add_arguments(parser)`` and ``run(args) -> int``. It is imported
only when it is chosen, since some subcommands need packages that others do not.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from inkgrad import __version__

__all__ = ["main"]

# name: (module, help)
_COMMANDS = {
    "demo": ("inkgrad_demo.command", "open the app in the browser: draw, train, compare models"),
    "lesson": ("inkgrad.course.commands.lesson", "run a lesson of the course and save its plots"),
    "train": ("inkgrad.course.commands.train", "train a model of the course and save a checkpoint"),
    "predict": ("inkgrad.course.commands.predict", "recognize the digit in each image file"),
    "check": ("inkgrad.check", "compare the kernels' results and derivatives with torch's"),
    "bench": ("inkgrad_bench.command", "time the kernels and torch's own ops"),
    "info": ("inkgrad.info", "print versions and build configuration, for bug reports"),
}

# optional packages, and the extra that installs each
# The app begins with packages that gradio brings.
_OF_GRADIO = ("anyio", "fastapi", "httpx", "pydantic", "starlette", "uvicorn")
_EXTRAS = {
    **dict.fromkeys(("gradio", "torchvision", *_OF_GRADIO), "demo"),
    "matplotlib": "plots",
    "mcp": "mcp",
}

_FAILURE = 1
_USAGE = 2  # the code that argparse exits with
_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports a program ended by Ctrl-C
_BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: that of the process) and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    _replace_unencodable_characters()
    chosen = argv[0] if argv and argv[0] in _COMMANDS else None
    if not argv:
        _parser(None, None).print_help(sys.stderr)
        return _USAGE
    try:
        module = importlib.import_module(_COMMANDS[chosen][0]) if chosen else None
        args = _parser(chosen, module).parse_args(argv)
        code: int = args.run(args)
        if sys.stdout is not None:  # None: the process was started without one (>&-, pythonw)
            sys.stdout.flush()  # inside the try: a closed pipe raises here
        return code
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        # pip keeps the installed inkgrad and adds the packages of the extra. Double quotes work in
        # Windows' shells, too.
        remedy = f'{sys.executable} -m pip install "inkgrad[{extra}]"'
        print(f"inkgrad {chosen}: {error.name} is not installed; run: {remedy}", file=sys.stderr)
        return _FAILURE
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe (inkgrad train --json | head). The flush when the
        # interpreter exits must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:  # no such file, no permission, disk full: the message suffices
        print(f"inkgrad {chosen}: {error}", file=sys.stderr)
        return _FAILURE


def _replace_unencodable_characters() -> None:
    """Print a question mark for each character that the console's encoding (such as cp1252 or cp949
    on Windows) lacks, instead of raising UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _parser(chosen: str | None, module: ModuleType | None) -> argparse.ArgumentParser:
    """Return the parser of all subcommands; only the chosen one, in ``module``, has options."""
    parser = argparse.ArgumentParser(
        prog="inkgrad",
        description="Fused PyTorch kernels, the models of a first course, and a drawing app.",
        epilog="Run 'inkgrad COMMAND --help' for the options of a command.",
    )
    parser.add_argument("--version", action="version", version=f"inkgrad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (_, summary) in _COMMANDS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        command = commands.add_parser(
            name, help=summary, description=description, allow_abbrev=False
        )
        if name == chosen and module is not None:
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser
