"""Peak memory of a call."""

import pytest
import torch

from inkgrad_bench import memory


@pytest.mark.skipif(
    memory.peak_bytes(lambda: None, "cpu") is None, reason="not known on this system"
)
def test_peak_memory_is_of_the_call_alone():
    kept = torch.ones(2**22)

    def step():
        return (kept + 1).sum()  # 16 MB, temporarily

    assert 2**24 <= memory.peak_bytes(step, "cpu") < 2**24 + 2**23
