"""`inkgrad check`: one table, exit code 1 on any failure, JSON of the same numbers."""

import argparse
import json

import pytest
import torch
from torch.autograd import Function

import inkgrad
from inkgrad import check, functional, reference


def run(*arguments):
    parser = argparse.ArgumentParser()
    check.add_arguments(parser)
    return check.run(parser.parse_args(arguments))


def test_table(capsys):
    """A row for each op and dtype, a column for each check; the numbers are errors."""
    assert run("--op", "linear_relu", "--dtype", "float64", "bfloat16") == 0
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if line.startswith("op ")]
    assert head.split() == ["op", "dtype", "gradcheck", "gradgradcheck", "opcheck", "parity"]
    rows = [line for line in lines if line.startswith("linear_relu ")]
    assert [row.split()[1] for row in rows] == ["float64", "bfloat16"]
    assert rows[0].split()[2] == "ok"
    assert float(rows[0].split()[3]) < 1e-5
    assert rows[1].split()[2:4] == ["-", "-"]  # finite differences need float64
    assert not any("FAIL" in line for line in lines)


def test_default_is_everything(monkeypatch, capsys):
    seen = []

    def record(op, dtype, device, name):
        seen.append((op.name, str(dtype).removeprefix("torch."), name))
        return check.Result(op.name, seen[-1][1], name, "passed", error=0.0)

    monkeypatch.setattr(check, "run_check", record)
    assert run() == 0
    ops, dtypes, checks = (set(column) for column in zip(*seen, strict=True))
    assert ops == set(functional.__all__)
    assert dtypes == {"float64", "float32", "bfloat16", "float16"}
    assert checks == {"gradcheck", "gradgradcheck", "opcheck", "parity"}
    assert len(seen) == len(ops) * len(dtypes) * len(checks)


def wrong_value(input, weight, bias=None):
    return reference.linear_relu(input, weight, bias) * (1 + 1e-4)


def nan_value(input, weight, bias=None):
    output = reference.linear_relu(input, weight, bias)
    return output * torch.where(
        torch.arange(output.shape[-1], device=output.device) == 2, torch.nan, 1
    )


def raises(input, weight, bias=None):
    raise RuntimeError("no kernel")


class Wrong(Function):
    """relu whose backward forgets half of the gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.relu()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0) * 0.5

    @staticmethod
    def jvp(ctx, tangent):
        return tangent * (ctx.saved_tensors[0] > 0)


def wrong_gradient(input, weight, bias=None):
    return Wrong.apply(torch.nn.functional.linear(input, weight, bias))


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        (wrong_value, {"parity"}),
        (nan_value, {"gradcheck", "gradgradcheck", "parity"}),
        (raises, {"gradcheck", "gradgradcheck", "opcheck", "parity"}),
        (wrong_gradient, {"gradcheck", "parity"}),
    ],
)
def test_a_broken_op_is_found(broken, failing, monkeypatch, capsys, tmp_path):
    """Exit code 1, the reason, and the command that repeats it; other checks still run."""
    monkeypatch.setattr(functional, "linear_relu", broken)
    file = tmp_path / "results.json"
    assert run("--op", "linear_relu", "--dtype", "float64", "--json", str(file)) == 1
    results = {r["check"]: r for r in json.loads(file.read_text())["results"]}
    assert {name for name, r in results.items() if r["status"] == "failed"} == failing
    shown = capsys.readouterr().out
    assert "FAIL" in shown
    assert "inkgrad check --op linear_relu --dtype float64" in shown
    for name in failing:
        assert results[name]["message"]
        assert results[name]["message"] in shown


def test_json(tmp_path):
    file = tmp_path / "results.json"
    assert run("--op", "binary_cross_entropy", "--dtype", "float32", "--json", str(file)) == 0
    document = json.loads(file.read_text())
    assert document["build"] == inkgrad.build_config()
    assert document["device"] == "cpu"
    results = {r["check"]: r for r in document["results"]}
    assert set(results) == set(check.CHECKS)
    parity = results["parity"]
    assert parity["op"] == "binary_cross_entropy"
    assert parity["dtype"] == "float32"
    assert parity["status"] == "passed"
    assert parity["error"] <= parity["limit"]
    assert results["gradcheck"]["status"] == "skipped"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]  # no temporary file


def test_json_into_a_folder_that_is_not_there(tmp_path, capsys):
    """Said before the checks run, not after."""
    missing = tmp_path / "missing"
    assert run("--op", "linear_relu", "--json", str(missing / "results.json")) == 2
    captured = capsys.readouterr()
    assert str(missing) in captured.err
    assert "linear_relu" not in captured.out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_device(capsys):
    assert run("--device", "cuda") == 2
    assert "CUDA" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--op", "matmul"], ["--dtype", "int8"], ["--device", "tpu"]]
)
def test_unknown_names(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        run(*arguments)
    assert raised.value.code == 2
    assert arguments[1] in capsys.readouterr().err
