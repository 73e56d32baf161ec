"""The inkgrad command: arguments, exit codes, and what happens on errors."""

from __future__ import annotations

import argparse
import subprocess
import sys
import types
from collections.abc import Callable

import pytest

import inkgrad
from inkgrad import cli


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces the ``train`` subcommand by a function."""

    def install(run: Callable[[argparse.Namespace], int]) -> None:
        module = types.ModuleType("a_command")
        module.add_arguments = lambda parser: parser.add_argument("--epochs", type=int, default=3)
        module.run = run
        monkeypatch.setitem(sys.modules, "a_command", module)
        monkeypatch.setitem(cli._COMMANDS, "train", ("a_command", "train a model"))

    return install


@pytest.fixture
def no_module_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_COMMANDS", dict.fromkeys(cli._COMMANDS, ("no.such.module", "do")))


def test_the_subcommand_gets_its_arguments_and_gives_the_exit_code(command) -> None:
    command(lambda args: args.epochs)
    assert cli.main(["train"]) == 3
    assert cli.main(["train", "--epochs", "7"]) == 7


@pytest.mark.parametrize("argv", [["--help"], ["--version"]])
@pytest.mark.usefixtures("no_module_loads")
def test_what_needs_no_subcommand_imports_none(argv: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "usage: inkgrad" if argv == ["--help"] else f"inkgrad {inkgrad.__version__}"
    )


@pytest.mark.usefixtures("no_module_loads")
def test_without_a_command_the_help_is_shown(capsys) -> None:
    assert cli.main([]) == 2
    shown = capsys.readouterr().err
    assert all(name in shown for name in cli._COMMANDS)


@pytest.mark.parametrize("argv", [["trian"], ["--nonsense"], ["train", "--ep", "7"]])
def test_usage_errors(argv: list[str], command, capsys) -> None:
    command(lambda args: 0)
    with pytest.raises(SystemExit) as end:
        cli.main(argv)
    assert end.value.code == 2
    assert "usage: inkgrad" in capsys.readouterr().err


def test_a_missing_extra_is_named_with_what_installs_it(command, capsys) -> None:
    def run(args: argparse.Namespace) -> int:
        raise ModuleNotFoundError("No module named 'matplotlib.pyplot'", name="matplotlib.pyplot")

    command(run)
    assert cli.main(["train"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "matplotlib.pyplot is not installed" in line
    assert line.endswith('-m pip install "inkgrad[plots]"')


def test_the_app_names_its_extra_whichever_package_is_missed_first(python) -> None:
    pytest.importorskip("gradio")
    hidden = "gradio", *cli._OF_GRADIO
    program = f"""
import sys
sys.modules.update(dict.fromkeys({hidden!r}))
from inkgrad import cli
sys.exit(cli.main(["demo"]))
"""
    ended = python.run(program)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.endswith('-m pip install "inkgrad[demo]"')


def test_any_other_missing_module_is_a_bug_and_keeps_its_traceback(command) -> None:
    def run(args: argparse.Namespace) -> int:
        import inkgrad.no_such_module  # noqa: F401

        return 0

    command(run)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["train"])


def test_ctrl_c_ends_quietly(command, capsys) -> None:
    def run(args: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    command(run)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "\n"


def test_a_file_that_cannot_be_opened_is_one_line(command, tmp_path, capsys) -> None:
    command(lambda args: open(tmp_path / "absent" / "file").close() or 0)
    assert cli.main(["train"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("inkgrad train: ")
    assert str(tmp_path) in line


def test_a_reader_who_leaves_early_causes_no_traceback() -> None:
    program = """if True:
        import sys, types
        from inkgrad import cli
        module = types.ModuleType("a_command")
        module.add_arguments = lambda parser: None
        module.run = lambda args: [print("x" * 1000) for _ in range(10_000)] and 0
        sys.modules["a_command"] = module
        cli._COMMANDS["train"] = ("a_command", "train")
        sys.exit(cli.main(["train"]))
    """
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (141, "")


def test_a_process_without_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert cli.main(["info"]) == 0
