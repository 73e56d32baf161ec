"""The file of ``inkgrad bench --json``: compact, exact enough, and the same when read back."""

import copy
import json
import subprocess
import sys

import pytest

from inkgrad_bench import results_file
from inkgrad_bench.results_file import LATEST


def test_a_line_for_each_row(document):
    lines = results_file.dumps(document).splitlines()
    start = lines.index('"results": [')
    for line, row in zip(lines[start + 1 :], document["results"], strict=False):
        assert json.loads(line.rstrip(","))["op"] == row["op"]


def test_it_is_json_and_is_read_back(document, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(results_file.dumps(document))
    assert results_file.load(path) == document


def test_floats_have_five_digits(document):
    document["results"][0]["seconds"]["ours"]["median"] = 1.23456789e-5
    document["results"][0]["flops"] = 123456789
    row = json.loads(results_file.dumps(document))["results"][0]
    assert row["seconds"]["ours"]["median"] == 1.2346e-5
    assert row["flops"] == 123456789


def test_numbers_that_json_does_not_have_are_refused(document):
    document["results"][0]["flops"] = float("nan")
    with pytest.raises(ValueError, match="not JSON compliant"):
        results_file.dumps(document)


def test_runs_are_joined(document):
    other = copy.deepcopy(document)
    document["peers"], other["peers"] = {"jax": "1"}, {"openvino": "2"}
    other["complete"] = False
    whole = results_file.joined([document, other])
    assert whole["results"] == document["results"] * 2
    assert whole["peers"] == {"jax": "1", "openvino": "2"}
    assert whole["warnings"] == document["warnings"]
    assert not whole["complete"]


def test_runs_of_different_kernels_are_not_joined(document):
    other = copy.deepcopy(document)
    other["environment"]["build"]["cpu_library_loaded"] = "avx2"
    with pytest.raises(ValueError, match=r"avx512, .*avx2, "):
        results_file.joined([document, other])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', '{"results": []}'])
def test_other_files_are_refused(text, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"other\.json"):
        results_file.load(path)


def test_the_committed_file():
    """In this format, one line per measurement, and without more digits than it keeps."""
    document = results_file.load(LATEST)
    assert LATEST.read_text() == results_file.dumps(document)
    assert len(document["results"]) > 250
    assert document["complete"]


def test_every_field_is_documented(document):
    """The module's docstring is the documentation of the format."""
    for name in (*document, *document["results"][0]):
        assert name in results_file.__doc__


def test_it_needs_neither_torch_nor_inkgrad():
    code = "import sys, inkgrad_bench.results_file; print({'torch', 'inkgrad'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
