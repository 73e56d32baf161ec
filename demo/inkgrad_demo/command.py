"""``inkgrad demo``: serve the app until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import threading
from collections.abc import Callable

_PORTS_TRIED = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``inkgrad demo``."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_whole_number(1, 65535),
        default=7860,
        help="if it is taken, the next free one is used (default: %(default)s)",
    )
    # MCP clients do not log in: their tools would be open to all.
    access = parser.add_mutually_exclusive_group()
    access.add_argument(
        "--auth",
        type=_credentials,
        metavar="USER:PASSWORD",
        help="ask for these before letting anyone in",
    )
    access.add_argument(
        "--mcp",
        action="store_true",
        help="also serve predict, check and bench as MCP tools (pip install 'inkgrad[mcp]')",
    )
    parser.add_argument(
        "--threads",
        type=_whole_number(1, 256),
        default=1,
        metavar="N",
        help="threads for one prediction; 1 suits several people at once (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C; the exit code. OSError where it cannot listen on that host or port."""
    if args.mcp:
        import mcp  # noqa: F401  # is missed now, and not after starting
    port = _free_port(args.host, args.port)
    print("Starting ...", flush=True)
    # Gradio asks its own server whether it is up: that must not go through a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = (os.environ.get(name), "127.0.0.1", "localhost", args.host)
        os.environ[name] = ",".join(filter(None, hosts))

    # Imported here: they take seconds, which --help and a mistyped option should not.
    import torch

    from inkgrad_demo import app

    torch.set_num_threads(args.threads)
    address = app.serve(app.build(), args.host, port, args.auth, args.mcp)
    try:
        print(f"inkgrad is at {address}  (Ctrl-C stops it)", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
    # Its threads end with the process: closing it would wait for pages that are open.
    return 0


def _free_port(host: str, wanted: int) -> int:
    """``wanted`` or, saying so, the next free port. OSError if there is none, or no such host."""
    for port in range(wanted, min(wanted + _PORTS_TRIED, 2**16)):
        if _is_free(host, port):
            if port != wanted:
                print(f"Port {wanted} is taken; using {port}.", flush=True)
            return port
    raise OSError(f"all ports from {wanted} to {port} are taken")


def _is_free(host: str, port: int) -> bool:
    # 127.0.0.1 too: Gradio wants the port there, whichever host it listens on.
    for address in (host, "127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            socket.create_server((address.strip("[]"), port), family=family).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise OSError(f"cannot listen on {address}: {error.strerror}") from error
    return True


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected {least} to {most}, got {text}")
        return int(text)

    return parse


def _credentials(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not user or not password:
        raise argparse.ArgumentTypeError("expected USER:PASSWORD, neither of them empty")
    return user, password
