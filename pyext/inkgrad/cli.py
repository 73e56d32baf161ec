"""The ``inkgrad`` command: reads the arguments and hands over to the part that does the work.

Every subcommand is a module with ``add_arguments(parser)`` and ``run(args) -> int``, imported only
when it was asked for, since some need packages that others do without.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from inkgrad import __version__

__all__ = ["main"]

# name: (module, what it does)
_COMMANDS = {
    "demo": ("inkgrad_demo.command", "open the app in the browser: draw digits, train, compare"),
    "lesson": ("inkgrad.course.commands.lesson", "run a lesson of the course, save its pictures"),
    "train": ("inkgrad.course.commands.train", "train a model of the course, write a checkpoint"),
    "predict": ("inkgrad.course.commands.predict", "read the digit in each of some image files"),
    "check": ("inkgrad.check", "check the kernels' results and derivatives against torch's"),
    "bench": ("inkgrad_bench.command", "time the kernels against torch's own"),
    "info": ("inkgrad.info", "print versions and build, as a bug report needs them"),
}

# packages that not every installation has, and the extra that brings them
_EXTRAS = {"gradio": "demo", "torchvision": "demo", "matplotlib": "plots", "mcp": "mcp"}

_FAILURE = 1
_USAGE = 2  # as argparse has it
_INTERRUPTED = 130  # 128 + SIGINT, what a shell reports for a program ended by Ctrl-C
_BROKEN_PIPE = 141  # 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code is 0, or what the subcommand made of a failure."""
    argv = sys.argv[1:] if argv is None else argv
    chosen = argv[0] if argv and argv[0] in _COMMANDS else None
    if not argv:
        _parser(None, None).print_help(sys.stderr)
        return _USAGE
    try:
        module = importlib.import_module(_COMMANDS[chosen][0]) if chosen else None
        args = _parser(chosen, module).parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()  # here, where a reader who has gone is noticed
        return code
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        # pip takes the installed inkgrad as it is and adds what the extra asks for
        remedy = f"{sys.executable} -m pip install 'inkgrad[{extra}]'"
        print(f"inkgrad {chosen}: {error.name} is not installed; run: {remedy}", file=sys.stderr)
        return _FAILURE
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has what they wanted (inkgrad train --json | head); the
        # interpreter's last flush must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:  # no such file, no permission, disk full: the message says it all
        print(f"inkgrad {chosen}: {error}", file=sys.stderr)
        return _FAILURE


def _parser(chosen: str | None, module: ModuleType | None) -> argparse.ArgumentParser:
    """The parser of all subcommands; only the chosen one, whose module is given, has arguments."""
    parser = argparse.ArgumentParser(
        prog="inkgrad",
        description="Fused PyTorch kernels, the models of a first course, and an app on top.",
        epilog="'inkgrad COMMAND --help' tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"inkgrad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (_, what) in _COMMANDS.items():
        description = f"{what[0].upper()}{what[1:]}."
        command = commands.add_parser(name, help=what, description=description, allow_abbrev=False)
        if name == chosen and module is not None:
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser
