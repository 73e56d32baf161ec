"""``inkgrad bench`` as a command: its arguments, its errors, its exit codes and its files."""

import argparse

import pytest

from inkgrad_bench import command, results_file
from inkgrad_bench.suite import FORWARD


def parse(*argv):
    parser = argparse.ArgumentParser(prog="inkgrad bench")
    command.add_arguments(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--threads", "0"], "threads: expected 1 to"),
        (["--threads", "1", "9999"], "got 9999"),
        (["--threads", "many"], "invalid int"),
        (["--op", "conv3d"], "invalid choice: 'conv3d'"),
        (["--case", "no such case"], "no case matches"),
        (["--json", "no/such/folder/x.json"], "json: there is no folder"),
        (["--markdown", "."], "markdown: expected a file, got the folder ."),
        (["--from", "no-such-file.json"], "from: no-such-file.json cannot be read"),
        (["--avx2", "--peers", "jax", "openvino"], "peers: jax and openvino cannot be held"),
    ],
)
def test_bad_arguments(argv, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "run_plan", lambda plan: pytest.fail("measured all the same"))
    with pytest.raises(SystemExit) as stopped:
        command.run(parse(*argv))
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_no_gpu(capsys, monkeypatch):
    monkeypatch.setattr(command.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        command.run(parse("--device", "cuda"))
    assert "cuda is not available" in capsys.readouterr().err


def test_plan(monkeypatch):
    monkeypatch.setattr(command.environment, "processors", lambda: 4)
    plan = command.make_plan(parse())
    assert plan.threads == [1, 4]
    assert plan.compiled
    assert not plan.scaling_ops
    assert {case.op for case in plan.cases} == set(command.suite.OPS)
    quick = command.make_plan(parse("--quick", "--threads", "2", "2", "--scaling"))
    assert quick.threads == [2]
    assert not quick.compiled
    assert all(case.targets for case in quick.cases)
    assert "conv2d" in quick.scaling_ops
    assert "train" not in quick.scaling_ops
    assert command.make_plan(parse("--quick", "--compile")).compiled
    assert not command.make_plan(parse("--no-compile")).compiled


def test_files_of_an_earlier_run(document, tmp_path, capsys):
    """--from makes table, markdown and plots again from the file of --json."""
    pytest.importorskip("matplotlib")
    earlier = tmp_path / "earlier.json"
    earlier.write_text(results_file.dumps(document))
    files = {name: str(tmp_path / name) for name in ("again.json", "table.md", "plots")}
    argv = ["--from", str(earlier), "--json", files["again.json"]]
    argv += ["--markdown", files["table.md"], "--plots", files["plots"]]
    assert command.run(parse(*argv)) == 0
    assert (tmp_path / "again.json").read_text() == earlier.read_text()
    assert "pooled" in (tmp_path / "table.md").read_text()
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "speedup.svg", "roofline.svg", "scaling.svg",
    }  # fmt: skip
    printed = capsys.readouterr().out
    assert "Some processor" in printed
    assert "5.00" in printed


def test_exit_codes(document, monkeypatch):
    monkeypatch.setattr(command, "run_plan", lambda plan: document)
    assert command.run(parse()) == 0
    failure = {"op": "conv2d", "case": "x", "direction": FORWARD, "threads": 1, "error": "oh"}
    document["failures"] = [failure]
    assert command.run(parse()) == 1
    document["complete"] = False
    assert command.run(parse()) == command.INTERRUPTED
