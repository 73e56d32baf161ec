"""``inkgrad demo``: serve the app until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import getpass
import ipaddress
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from inkgrad_demo.serving import passwords
from inkgrad_demo.serving.visitors import Sharing

_Users = Callable[[], dict[str, str]]
_PORTS_TRIED = 50
# Windows reserves ranges of ports, and refuses those as it does the ports of other programs.
_TAKEN = (errno.EADDRINUSE, errno.EACCES) if os.name == "nt" else (errno.EADDRINUSE,)

# Environment variables: other users of the machine can read a command line.
PASSWORD, KEY_PASSWORD = "INKGRAD_PASSWORD", "INKGRAD_SSL_KEYFILE_PASSWORD"


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
        metavar="USER",
        help=f"require a login as USER, with the password in {PASSWORD} or entered at the start",
    )
    access.add_argument(
        "--auth-file",
        metavar="FILE",
        help="require a login as one of the users in FILE, which --add-user writes",
    )
    access.add_argument(
        "--mcp",
        action="store_true",
        help='also serve predict, check and bench as MCP tools (pip install "inkgrad[mcp]")',
    )
    parser.add_argument(
        "--allow-code",
        action="store_true",
        help="let visitors run code of their own on the Lessons page; it can do what you can do on "
        "this machine. Always on if only this machine can connect, without --auth and --allow-host",
    )
    parser.add_argument(
        "--add-user",
        metavar="USER",
        help="add a user to --auth-file, or change the password, and exit",
    )
    parser.add_argument("--ssl-certfile", metavar="FILE", help="serve HTTPS with this certificate")
    parser.add_argument(
        "--ssl-keyfile",
        metavar="FILE",
        help=f"private key of the certificate; {KEY_PASSWORD} has its password, if any",
    )
    parser.add_argument(
        "--threads",
        type=_whole_number(1, 256),
        default=1,
        metavar="N",
        help="threads per prediction; 1 is best with several users (default: %(default)s)",
    )
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C, SIGTERM or SIGHUP; return the exit code.

    Raises OSError if it cannot listen there.
    """
    if args.mcp:
        import mcp  # noqa: F401  # fails now instead of after the start
    try:
        if args.add_user is not None:
            return _add_user(args.auth_file, args.add_user)
        users = _users(args)
        tls = _tls(args)
    except ValueError as error:
        return args.usage_error(str(error))
    from inkgrad.course import interrupts

    with interrupts.handled_by(_interrupt):
        return _serve(args, users, tls)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM and SIGHUP end the server as Ctrl-C does: runs are saved."""
    raise KeyboardInterrupt


def _serve(args: argparse.Namespace, users: _Users | None, tls: dict[str, str]) -> int:
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
    is_private = users is None and _is_private(args)
    blocks = app.build(store, args.allow_code or is_private)
    sharing: Sharing = "users" if args.auth_file else "one" if is_private else "browsers"
    address = app.serve(blocks, args.host, port, users, args.mcp, args.allow_host, tls, sharing)
    try:
        print(f"inkgrad is at {address}  (press Ctrl-C to stop)", flush=True)
        _wait_for_ctrl_c()
    except KeyboardInterrupt:
        print()
    # No close(): it would wait for open pages. The threads end with the process.
    return 0


def _is_private(args: argparse.Namespace) -> bool:
    """Whether only this machine can connect, and under no other name."""
    host = args.host.strip("[]")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    return is_loopback and not args.allow_host


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
            if error.errno in _TAKEN:
                return False
            raise OSError(f"cannot listen on {address}: {error.strerror}") from error
    return True


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"expected {least} to {most}, got {text}")
        return int(text)

    return parse


def _users(args: argparse.Namespace) -> _Users | None:
    """Return a function for the users who may log in; None: no login. ValueError, OSError."""
    if args.auth_file is not None:
        users = passwords.UserFile(args.auth_file)  # fails now instead of at the first login
        if not users():
            print(f"{args.auth_file}: no users yet; add some by --add-user", file=sys.stderr)
        return users
    if args.auth is None:
        return None
    name, colon, password = args.auth.partition(":")
    if colon:
        print(
            "--auth USER:PASSWORD shows the password to all users of this machine: use --auth USER "
            f"and {PASSWORD}, or --auth-file.",
            file=sys.stderr,
        )
    passwords.check_name(name)
    one = {name: passwords.hashed(password or _password(name))}
    return lambda: one


def _add_user(file: str | None, name: str) -> int:
    if file is None:
        raise ValueError("--add-user: expected --auth-file, the file to write")
    passwords.check_name(name)
    passwords.add_user(file, name, _password(name))
    print(f"{file}: user {name} can log in.")
    return 0


def _password(name: str) -> str:
    """The password in the environment, or as it is entered twice. ValueError if there is none."""
    if given := os.environ.get(PASSWORD):
        return given
    if not sys.stdin.isatty():
        raise ValueError(f"expected the password of {name} in {PASSWORD}, or a terminal to ask on")
    entered = getpass.getpass(f"Password of {name}: ")
    if not entered or entered != getpass.getpass("Again: "):
        raise ValueError("password: expected the same one twice, not empty")
    return entered


def _tls(args: argparse.Namespace) -> dict[str, str]:
    """Return Gradio's arguments for HTTPS; none without a certificate. ValueError, OSError."""
    if (args.ssl_certfile is None) != (args.ssl_keyfile is None):
        raise ValueError("expected both --ssl-certfile and --ssl-keyfile, or neither")
    if args.ssl_certfile is None:
        return {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    password = os.environ.get(KEY_PASSWORD, "")
    try:  # fails now instead of in a thread of the server
        context.load_cert_chain(args.ssl_certfile, args.ssl_keyfile, password)
    except ssl.SSLError as error:
        raise ValueError(f"{args.ssl_certfile}, {args.ssl_keyfile}: {error}") from None
    options = {"ssl_certfile": args.ssl_certfile, "ssl_keyfile": args.ssl_keyfile}
    return options | ({"ssl_keyfile_password": password} if password else {})
