"""``inkgrad bench`` as a command: its arguments, its errors, and the files it writes."""

import argparse
import json

import pytest

from inkgrad_bench import command, markdown, report, session
from inkgrad_bench.cases import BOTH, EPOCH, FORWARD, Case, Target
from inkgrad_bench.session import summarise

PNG = b"\x89PNG\r\n\x1a\n"


def parse(*argv):
    parser = argparse.ArgumentParser(prog="inkgrad bench")
    command.add_arguments(parser)
    return parser.parse_args(argv)


def made_up_document():
    """Of two thread counts, with every kind of row, as session.run would give it."""
    pooled = Case(
        "conv2d_relu_max_pool2d", "pooled", targets={FORWARD: Target(2, 4), BOTH: Target(9, 10)},
        compiled_target=Target(2, 4),
    )  # fmt: skip
    other = Case("linear_relu", "other")
    epoch = Case("train", "cnn", targets={EPOCH: Target(2, 3)})
    results = []
    for threads in (1, 2):
        for case, direction in ((pooled, FORWARD), (pooled, BOTH), (other, BOTH), (epoch, EPOCH)):
            samples = {"native": [5e-3, 5e-3], "compiled": [1.5e-3, 1.5e-3], "ours": [1e-3, 1e-3]}
            row = summarise(samples, case, direction, 1.0)
            is_op = case is not epoch
            error = {"output": {"native": 1e-7, "ours": 2e-7}}
            results.append(
                row
                | {
                    "threads": threads,
                    "device": "cpu",
                    "not_compiled": None,
                    "flops": 10**7 if is_op else None,
                    "bytes": 10**6 if is_op else None,
                    "bound": "arithmetic" if is_op else None,
                    "ceiling": {"native": 0.02, "compiled": 0.07, "ours": 0.1} if is_op else None,
                    "errors": error if is_op else None,
                    "accurate": False if is_op else None,
                    "peak_bytes": {"native": 3 * 10**6, "ours": None},
                }
            )
    seconds = {
        name: {"median": value, "lower": value, "upper": value, "least": value}
        for name, value in (("native", 2e-5), ("ours", 1e-5))
    }
    point = {
        "op": "conv2d", "direction": FORWARD, "threads": 1, "case": "x", "seconds": seconds,
        "ratio": seconds["ours"] | {"median": 2.0}, "skipped": None,
    }  # fmt: skip
    build = {"cpu_library_loaded": "avx512", "cpu_library_reason": "", "torch": "2.15"}
    gflops = dict.fromkeys(("float32", "float64", "bfloat16", "float16"), 100.0)
    ceilings = {"gflops": gflops, "source": "test", "copy": 20.0, "read": 18.0, "gbytes": 20.0}
    return {
        "schema": session.SCHEMA,
        "environment": {
            "date": "2030-01-02T03:04:05+00:00", "commit": "abc", "version": "0", "device": "cpu",
            "processor": "Some processor", "processors": 2, "gpu": None, "build": build,
        },
        "quick": False,
        "complete": True,
        "ceilings": [ceilings | {"threads": 1}, ceilings | {"threads": 2}],
        "results": results,
        "failures": [],
        "scaling": [point | {"batch": batch} for batch in (1, 4, 16)],
        "warnings": ["the machine was busy"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--threads", "0"], "threads: expected 1 to"),
        (["--threads", "1", "9999"], "got 9999"),
        (["--threads", "many"], "invalid int"),
        (["--op", "conv3d"], "invalid choice: 'conv3d'"),
        (["--case", "no such case"], "no case fits"),
        (["--json", "no/such/folder/x.json"], "json: there is no folder"),
        (["--markdown", "."], "markdown: . is a folder"),
        (["--from", "no-such-file.json"], "from: no-such-file.json cannot be read"),
    ],
)
def test_bad_arguments(argv, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "measure", lambda plan: pytest.fail("measured all the same"))
    with pytest.raises(SystemExit) as stopped:
        command.run(parse(*argv))
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_no_gpu(capsys, monkeypatch):
    monkeypatch.setattr(command.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit):
        command.run(parse("--device", "cuda"))
    assert "cuda is not available" in capsys.readouterr().err


def test_a_foreign_file_is_no_document(tmp_path, capsys):
    path = tmp_path / "foreign.json"
    path.write_text('{"schema": -1}')
    with pytest.raises(SystemExit):
        command.run(parse("--from", str(path)))
    assert "was not written by this version" in capsys.readouterr().err


def test_plan(monkeypatch):
    monkeypatch.setattr(command.environment, "processors", lambda: 4)
    plan = command.make_plan(parse())
    assert plan.threads == [1, 4]
    assert plan.compiled
    assert not plan.scaling_ops
    assert {case.op for case in plan.cases} == set(command.cases.OPS)
    quick = command.make_plan(parse("--quick", "--threads", "2", "2", "--scaling"))
    assert quick.threads == [2]
    assert not quick.compiled
    assert all(case.targets for case in quick.cases)
    assert "conv2d" in quick.scaling_ops
    assert "train" not in quick.scaling_ops
    assert command.make_plan(parse("--quick", "--compile")).compiled
    assert not command.make_plan(parse("--no-compile")).compiled


def test_files_of_an_earlier_run(tmp_path, capsys):
    """--from draws table, markdown and plots anew, and takes what --json wrote."""
    pytest.importorskip("matplotlib")
    document = made_up_document()
    (tmp_path / "earlier.json").write_text(json.dumps(document))
    files = {name: str(tmp_path / name) for name in ("again.json", "table.md", "plots")}
    argv = ["--from", str(tmp_path / "earlier.json"), "--json", files["again.json"]]
    argv += ["--markdown", files["table.md"], "--plots", files["plots"]]
    assert command.run(parse(*argv)) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == document
    pictures = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert set(pictures) == {"speedup.png", "roofline.png", "scaling.png"}
    assert all(content.startswith(PNG) for content in pictures.values())
    printed = capsys.readouterr().out
    assert "Some processor" in printed
    assert "5.00" in printed


def test_exit_codes(monkeypatch):
    document = made_up_document()
    monkeypatch.setattr(command, "measure", lambda plan: document)
    assert command.run(parse()) == 0
    failure = {"op": "conv2d", "case": "x", "direction": FORWARD, "threads": 1, "error": "oh"}
    document["failures"] = [failure]
    assert command.run(parse()) == 1
    document["complete"] = False
    assert command.run(parse()) == command.INTERRUPTED


def test_summary_says_what_was_missed():
    text = report.summary(made_up_document())
    assert "Targets: 6 of 8 reached, 6 of them with the ratio hoped for" in text
    missed = "conv2d_relu_max_pool2d pooled, forward+backward, threads: 1: 5.00 against native, 9"
    assert missed in text
    assert "threads: 1: 1.50 against compiled, 2 asked for" in text
    assert "linear_relu other, output: 2.00e-07, native 1.00e-07" in text
    assert "the machine was busy" in text


def test_rows_of_the_table():
    rows = made_up_document()["results"]
    table = report.Table()
    first, second = table.lines(rows[0]), table.lines(rows[1])
    assert "conv2d_relu_max_pool2d" in first
    assert "conv2d_relu_max_pool2d" not in second
    assert "2 / 4 ++" in first
    assert "9 / 10 MISSED" in second
    assert "10.0 GFLOP/s" in first
    assert "WORSE" in first
    assert "3.0 -" in first


def test_markdown_of_the_main_cases():
    lines = markdown.table(made_up_document()).splitlines()
    rows = [line for line in lines if line.startswith("| ") and "---" not in line]
    assert len(rows) == 1 + 3  # head; the other case is in a sentence below
    assert all(line.count("|") == rows[0].count("|") for line in rows)
    assert "**5.00**" in rows[1]
    assert "5.00 *(missed)*" in rows[2]
    assert any("least 5.00 (linear_relu other, fwd+bwd, 1 thread)" in line for line in lines)
    assert lines[-1] == "Note: the machine was busy."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.5, "1.50 s"), (0.0123, "12.3 ms"), (345e-6, "345 us"), (0.9999e-3, "1.00 ms"),
     (20e-9, "20.0 ns"), (123.4, "123 s")],
)  # fmt: skip
def test_durations(seconds, text):
    assert report.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0.954, "0.95"), (9.996, "10.0"), (123.4, "123")])
def test_factors(value, text):
    assert report.factor(value) == text
