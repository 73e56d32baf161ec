"""`inkgrad demo`: its output, its port and its end."""

from __future__ import annotations

import argparse
import errno
import io
import signal
import socket
import subprocess
import sys

import pytest

pytest.importorskip("gradio")

import httpx

from inkgrad_demo import command
from inkgrad_demo.serving.passwords import is_right


def _parse(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(argv)


def test_by_default_it_listens_on_this_machine_only() -> None:
    args = _parse()
    assert (args.host, args.port, args.auth) == ("127.0.0.1", 7860, None)


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("--port", "0"), "expected 1 to 65535, got 0"),
        (("--port", "http"), "expected 1 to 65535, got http"),
        (("--threads", "0"), "expected 1 to 256, got 0"),
        (("--auth", "ada", "--mcp"), "argument --mcp: not allowed with argument --auth"),
        (("--auth", "ada", "--auth-file", "f"), "--auth-file: not allowed with argument --auth"),
    ],
)
def test_usage_errors(argv: tuple[str, ...], error: str, capsys) -> None:
    with pytest.raises(SystemExit) as end:
        _parse(*argv)
    assert end.value.code == 2
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("--auth", "ada"), "expected the password of ada in INKGRAD_PASSWORD"),
        (("--auth", ":secret"), "user: expected a name"),
        (("--auth-file", __file__), "test_command.py, line 1: expected NAME:scrypt"),
        (("--add-user", "ada"), "--add-user: expected --auth-file"),
        (("--ssl-keyfile", __file__), "expected both --ssl-certfile and --ssl-keyfile"),
        (("--ssl-certfile", __file__, "--ssl-keyfile", __file__), "test_command.py: "),
    ],
)
def test_logins_and_certificates_are_checked_before_the_start(
    argv: tuple[str, ...], error: str, monkeypatch, capsys
) -> None:
    monkeypatch.delenv("INKGRAD_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(SystemExit) as end:
        command.run(_parse(*argv))
    assert end.value.code == 2
    assert error in capsys.readouterr().err


def test_the_password_comes_from_the_environment(monkeypatch, capsys) -> None:
    monkeypatch.setenv("INKGRAD_PASSWORD", "a secret")
    users = command._users(_parse("--auth", "ada"))
    assert users is not None
    assert is_right("a secret", users(), "ada")
    assert capsys.readouterr().err == ""


def test_one_on_the_command_line_works_with_a_warning(monkeypatch, capsys) -> None:
    monkeypatch.delenv("INKGRAD_PASSWORD", raising=False)
    users = command._users(_parse("--auth", "ada:a:b"))
    assert users is not None
    assert is_right("a:b", users(), "ada")
    assert "shows the password to all users of this machine" in capsys.readouterr().err


def test_users_are_added_to_a_file(tmp_path, monkeypatch, capsys) -> None:
    file = str(tmp_path / "users")
    monkeypatch.setenv("INKGRAD_PASSWORD", "a longer secret")
    assert command.run(_parse("--auth-file", file, "--add-user", "ada")) == 0
    assert "user ada can log in" in capsys.readouterr().out
    users = command._users(_parse("--auth-file", file))
    assert users is not None
    assert is_right("a longer secret", users(), "ada")


@pytest.mark.parametrize(
    ("argv", "allowed"),
    [
        ((), True),
        (("--host", "localhost"), True),
        (("--host", "::1"), True),
        (("--host", "0.0.0.0"), False),
        (("--host", "192.168.1.7"), False),
        (("--host", "example.com"), False),
        (("--auth", "ada:a"), False),
        (("--allow-host", "class.example"), False),
        (("--host", "0.0.0.0", "--allow-code"), True),
    ],
)
def test_code_of_visitors_runs_only_where_nobody_else_can_connect(
    argv: tuple[str, ...], allowed: bool, monkeypatch
) -> None:
    from inkgrad_demo import app

    built = []
    monkeypatch.setattr(app, "build", lambda store, allow_code: built.append(allow_code))
    monkeypatch.setattr(app, "serve", lambda *_: "")
    monkeypatch.setattr(command, "_free_port", lambda host, port: port)
    monkeypatch.setattr(command, "_wait_for_ctrl_c", lambda: None)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    command.run(_parse(*argv))
    assert built == [allowed]


def test_mcp_without_its_package_prints_the_command_to_install_it(monkeypatch, capsys) -> None:
    from inkgrad.cli import main

    monkeypatch.setitem(sys.modules, "mcp", None)  # as if it were not installed
    assert main(["demo", "--mcp"]) == 1
    error = capsys.readouterr().err
    assert "mcp is not installed" in error
    assert 'pip install "inkgrad[mcp]"' in error


def test_an_address_of_another_machine_is_reported() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1"):  # for documentation only
        command.run(_parse("--host", "192.0.2.1"))


def test_a_port_that_windows_reserves_is_taken(monkeypatch) -> None:
    def refuse(address: tuple[str, int], **_: object) -> socket.socket:
        if address[1] < 7862:
            raise PermissionError(errno.EACCES, "An attempt was made to access a socket")
        return socket.socket()

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(OSError, match="cannot listen on"):
        command._free_port("127.0.0.1", 7860)
    monkeypatch.setattr(command, "_TAKEN", (errno.EADDRINUSE, errno.EACCES))
    assert command._free_port("127.0.0.1", 7860) == 7862


def test_it_serves_on_the_next_free_port_until_ctrl_c() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "inkgrad", "demo", "--port", str(port)],
            # A shell starts background jobs with Ctrl-C ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(f"Port {port} is taken; using ")
            served = int(line.rstrip(".\n").rsplit(maxsplit=1)[1])
            assert served > port
            assert process.stdout.readline() == "Starting ...\n"
            address = f"http://127.0.0.1:{served}/"
            assert process.stdout.readline().startswith(f"inkgrad is at {address}")
            assert "draw-pad" in httpx.get(address).text
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out.strip()) == (0, "")
    assert "Traceback" not in err
