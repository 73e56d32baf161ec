"""Which kernels are loaded, why, and what happens without any."""

import json
import os
import subprocess
import sys

import pytest
import torch

import inkgrad
from comparing import needs_extension
from inkgrad import extension


def run(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        text=True,
        capture_output=True,
    )


WITHOUT_EXTENSION = """
import sys, warnings
sys.modules["inkgrad._C"] = None  # as if it had never been built
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import inkgrad
ours = [str(w.message) for w in caught if "inkgrad" in str(w.message)]
assert len(ours) == 1, ours
assert "plain torch" in ours[0] and "To build the kernels" in ours[0], ours
import torch
from inkgrad import functional as F, nn
x = torch.rand(2, 1, 8, 8, requires_grad=True)
layers = torch.nn.Sequential(
    nn.ConvReluMaxPool2d(1, 2, 3), torch.nn.Flatten(), nn.LinearReLU(18, 4), nn.LinearSigmoid(4, 1)
)
nn.BCELoss()(layers(x), torch.ones(2, 1)).backward()
assert x.grad.isfinite().all()
assert inkgrad.build_config()["cpu_library_loaded"] == "reference"
"""


def test_without_the_extension_everything_works_after_one_warning():
    result = run(WITHOUT_EXTENSION)
    assert result.returncode == 0, result.stderr


@needs_extension
def test_kernel_libraries_that_are_gone_are_no_more_than_a_warning():
    """As after a build that was interrupted."""
    gone = "from pathlib import Path\nPath.glob = lambda self, pattern: iter(())\n"
    result = run(gone + WITHOUT_EXTENSION.replace('sys.modules["inkgrad._C"] = None', "pass"))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'inkgrad._C'"), "were not built"),
        (ImportError("_C.so: undefined symbol: _ZN5torch8autograd"), torch.__version__),
        (ImportError("libgomp.so.1: cannot open shared object file"), "libgomp"),
    ],
)
def test_the_warning_says_why(error, reason):
    assert reason in extension._reason_of(error)


@needs_extension
def test_unknown_instruction_set_is_an_error_that_names_the_choices():
    result = run("import inkgrad", INKGRAD_CPU_CAPABILITY="sse9")
    assert result.returncode != 0
    last = result.stderr.strip().splitlines()[-1]
    for part in ("INKGRAD_CPU_CAPABILITY", "sse9", "default", "reference"):
        assert part in last


@needs_extension
def test_instruction_set_that_the_processor_lacks_is_refused(monkeypatch):
    """Loading it would end in an illegal instruction, much later."""
    monkeypatch.setenv("INKGRAD_CPU_CAPABILITY", "avx512")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    libraries = dict.fromkeys(extension.LEVELS)
    with pytest.raises(ValueError, match=r"avx2.*avx512"):
        extension._choose(libraries)


@pytest.mark.parametrize(
    ("processor", "built", "chosen"),
    [
        ("AVX512", ("default", "avx2", "avx512"), "avx512"),
        ("AVX2", ("default", "avx2", "avx512"), "avx2"),
        ("DEFAULT", ("default", "avx2", "avx512"), "default"),
        ("NO AVX", ("default", "avx2", "avx512"), "default"),
        ("AVX512", ("default", "avx2"), "avx2"),
    ],
)
def test_the_best_that_runs_is_chosen(processor, built, chosen, monkeypatch):
    monkeypatch.delenv("INKGRAD_CPU_CAPABILITY", raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    name, reason = extension._choose(dict.fromkeys(built))
    assert name == chosen
    assert chosen in reason


def test_build_config_can_be_pasted():
    config = inkgrad.build_config()
    assert json.loads(json.dumps(config)) == config
    assert config["torch"] == torch.__version__
    assert config["cpu_library_loaded"] in (*extension.LEVELS, "reference")
    assert config["cpu_library_reason"]
    assert config["cuda_kernels"]
