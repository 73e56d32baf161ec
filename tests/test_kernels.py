"""inkgrad.kernels.record() and INKGRAD_VERBOSE=1."""

import os
import re
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from comparing import needs_extension
from inkgrad import functional, kernels

IMAGES, WEIGHT = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)


@needs_extension
def test_a_call_says_what_ran():
    with kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT)
    (call,) = calls
    assert (call.op, call.direction, call.kernel) == ("conv2d", "forward", "direct")
    assert call.shapes == ((2, 3, 8, 8), (4, 3, 3, 3))
    assert call.dtype == "float32"
    assert 0 < call.microseconds < 1e6


@needs_extension
def test_calls_outside_are_not_recorded():
    functional.conv2d(IMAGES, WEIGHT)
    with kernels.record() as calls:
        pass
    functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


@needs_extension
def test_contexts_nest():
    with kernels.record() as outer:
        functional.conv2d(IMAGES, WEIGHT)
        with kernels.record() as inner:
            functional.conv2d(IMAGES, WEIGHT)
        functional.conv2d(IMAGES, WEIGHT)
    assert len(outer) == 3
    assert inner == outer[1:2]


@needs_extension
def test_calls_of_all_threads_are_recorded():
    with kernels.record() as calls:
        threads = [
            threading.Thread(target=functional.conv2d, args=(IMAGES, WEIGHT)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(calls) == 4


@needs_extension
def test_an_error_is_no_call_and_ends_the_recording():
    with pytest.raises(RuntimeError, match="channels"), kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT[:, :2])
    assert calls == []
    functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


def test_without_the_extension_nothing_is_recorded(monkeypatch):
    monkeypatch.setattr(kernels, "LOADED", SimpleNamespace(module=None))
    with kernels.record() as calls:
        functional.conv2d(IMAGES, WEIGHT)
    assert calls == []


@needs_extension
def test_verbose():
    script = """
import torch
from inkgrad import functional
functional.conv2d(torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3))
functional.linear_relu(torch.ones(3, 8), torch.ones(5, 8))
"""
    for value, lines in {"1": 2, "0": 0, "": 0}.items():
        run = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "INKGRAD_VERBOSE": value},
            capture_output=True,
            text=True,
            check=True,
        )
        logged = [line for line in run.stderr.splitlines() if line.startswith("inkgrad,")]
        assert len(logged) == lines, run.stderr
        if logged:
            pattern = r"inkgrad,conv2d,forward,2x3x8x8:4x3x3x3,float32,direct,\d+\.\d"
            assert re.fullmatch(pattern, logged[0])
            assert logged[1].startswith("inkgrad,linear_relu,forward,3x8:5x8,float32,narrow,")
