"""Measuring in processes of their own: when it is needed, and one document of all parts."""

import argparse
import copy
import json
import os
import subprocess
import sys

import pytest

import inkgrad
from inkgrad_bench import command, parts, results_file


def parse(*argv):
    parser = argparse.ArgumentParser(prog="inkgrad bench")
    command.add_arguments(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ("argv", "threads", "needed"),
    [
        ((), [1, 2], False),
        (("--avx2",), [1], True),
        (("--peers", "openvino"), [1, 2], False),
        (("--peers", "jax"), [1], False),
        (("--peers", "openvino", "jax"), [1, 2], True),
        (("--part", "--peers", "jax"), [1, 2], False),
    ],
)
def test_when_it_is_needed(argv, threads, needed):
    assert parts.needed(parse(*argv), threads) == needed


def test_a_part_measures_the_same():
    argv = ["--op", "train", "predict", "--case", "two words", "--quick", "--no-compile"]
    argv += ["--scaling", "--peers", "jax"]
    args = parse(*argv)
    part = parse(*parts._arguments(args))
    assert vars(part) | {"usage_error": args.usage_error} == vars(args) | {"part": True}


@pytest.fixture
def runs(document, monkeypatch):
    """The command lines and environments of the processes, each of which writes the document."""
    found = []

    def run(argv, env, **_):
        found.append((argv, env))
        each = copy.deepcopy(document)
        each["results"] = [{"threads": int(argv[argv.index("--threads") + 1])}]
        text = results_file.dumps(each)
        code = f"open({argv[argv.index('--json') + 1]!r}, 'w').write({text!r})"
        return popen([sys.executable, "-c", code])

    popen = subprocess.Popen
    monkeypatch.setattr(parts.subprocess, "Popen", run)
    return found


@pytest.fixture
def built(monkeypatch):
    """The libraries that inkgrad was built with, as far as the benchmark knows."""
    libraries = ["default", "avx2"]
    config = {"cpu_libraries_built": libraries}
    monkeypatch.setattr(parts.inkgrad, "build_config", lambda: config)
    return libraries


def test_one_process_for_each_number_of_threads(runs, built):
    document = parts.measure(parse("--avx2"), [1, 2])
    assert [row["threads"] for row in document["results"]] == [1, 2]
    assert len(document["rooflines"]) == 4
    assert document["warnings"] == ["the machine was busy"]
    assert all(env.items() >= parts.AVX2.items() for _, env in runs)


def test_without_avx2_the_environment_is_as_it_is(runs, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")
    parts.measure(parse("--peers", "jax"), [2])
    assert runs[0][1]["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE"


def test_a_build_without_avx2_cannot_be_held_to_it(runs, built):
    built.remove("avx2")
    with pytest.raises(ValueError, match=r"^avx2: .*INKGRAD_ALL=1"):
        parts.measure(parse("--avx2"), [1])
    assert not runs


def test_after_an_interrupted_part_none_begins(runs, built, document):
    document["complete"] = False
    assert not parts.measure(parse("--avx2"), [1, 2])["complete"]
    assert len(runs) == 1


def test_a_part_without_results_ends_the_run(capfd):
    with pytest.raises(SystemExit) as stopped:
        parts.measure(parse("--peers", "jax", "--case", "no such case"), [1, 2])
    assert stopped.value.code == 2
    assert "no case matches" in capfd.readouterr().err


def test_both_sides_are_held_to_avx2():
    code = (
        "import inkgrad, json, torch\n"
        "print(json.dumps([inkgrad.build_config()['cpu_library_loaded'],"
        " torch.backends.cpu.get_cpu_capability()]))"
    )
    if "avx2" not in inkgrad.build_config()["cpu_libraries_built"]:
        pytest.skip("built without AVX2")
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | parts.AVX2, capture_output=True
    )
    assert json.loads(run.stdout) == ["avx2", "AVX2"]
