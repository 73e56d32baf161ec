"""``inkgrad demo``: serve the app until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_PORTS_TRIED = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``inkgrad demo``."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines in (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_whole_number(1, 65535),
        default=7860,
        help="port to listen on; if it is in use, the next free one (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-host",
        nargs="+",
        default=[],
        metavar="NAME",
        help="other names that browsers reach this server by, such as that of a reverse proxy",
    )
    # MCP clients do not log in, so the tools would be open to everyone.
    access = parser.add_mutually_exclusive_group()
    access.add_argument(
        "--auth",
        type=_credentials,
        metavar="USER:PASSWORD",
        help="require this login",
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
        help="threads per prediction; 1 is best with several users (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP; return the exit code.

    Raises OSError if it cannot listen there.
    """
    if args.mcp:
        import mcp  # noqa: F401  # fails now instead of after the start
    from inkgrad.course import interrupts

    with interrupts.handled_by(_interrupt):
        return _serve(args)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM and SIGHUP end the server as Ctrl-C does: runs are saved."""
    raise KeyboardInterrupt


def _serve(args: argparse.Namespace) -> int:
    port = _free_port(args.host, args.port)
    print("Starting ...", flush=True)
    # Gradio polls its own server at the start: not through a proxy.
    for name in ("NO_PROXY", "no_proxy"):
        hosts = (os.environ.get(name), "127.0.0.1", "localhost", args.host)
        os.environ[name] = ",".join(filter(None, hosts))

    # Imported here, since they take seconds: --help and usage errors stay fast.
    import torch

    from inkgrad.course.training.run_store import RunStore
    from inkgrad_demo import app

    torch.set_num_threads(args.threads)
    store = RunStore.default()
    if store.notice:
        print(store.notice, flush=True)
    address = app.serve(app.build(store), args.host, port, args.auth, args.mcp, args.allow_host)
    try:
        print(f"inkgrad is at {address}  (press Ctrl-C to stop)", flush=True)
        _wait_for_ctrl_c()
    except KeyboardInterrupt:
        print()
    # No close(): it would wait for open pages. The threads end with the process.
    return 0


def _wait_for_ctrl_c() -> NoReturn:
    never = threading.Event()
    while True:  # Windows does not interrupt a wait without a timeout
        never.wait(0.5)


def _free_port(host: str, wanted: int) -> int:
    """Return ``wanted`` or, with a message, the next free port. Raises OSError if there is none."""
    for port in range(wanted, min(wanted + _PORTS_TRIED, 2**16)):
        if _is_free(host, port):
            if port != wanted:
                print(f"Port {wanted} is taken; using {port}.", flush=True)
            return port
    raise OSError(f"all ports from {wanted} to {port} are taken")


def _is_free(host: str, port: int) -> bool:
    # 127.0.0.1 too: Gradio needs the port there, whatever the host.
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
        raise argparse.ArgumentTypeError("expected USER:PASSWORD, both not empty")
    return user, password
