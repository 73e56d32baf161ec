"""torch.library.opcheck: how the ops and their backward are registered."""

import pytest
import torch

from comparing import dtype_id, needs_extension
from inkgrad.check.checks import QUICK_UTILITIES, registered_calls, traced_utilities
from inkgrad.check.ops import DTYPES, OPS

CALLS = [(name, case) for name, op in OPS.items() for case in op.cases if case.small]


def opcheck(name, case, dtype, device, utilities):
    op = OPS[name]
    for overload, args in registered_calls(op, case, op.inputs(case, dtype, device)):
        torch.library.opcheck(overload, args, test_utils=utilities)


@needs_extension
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=dtype_id)
@pytest.mark.parametrize(
    ("name", "case"), CALLS, ids=[f"{name}-{case.name.replace(' ', '-')}" for name, case in CALLS]
)
def test_schema_autograd_and_fake_kernels(name, case, dtype, device):
    opcheck(name, case, dtype, device, QUICK_UTILITIES)


@needs_extension
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", OPS)
def test_tracing(name, number, device):
    """Two cases each, with and without a bias or with other settings: tracing is slow."""
    opcheck(name, OPS[name].cases[number], torch.float32, device, traced_utilities(name))


@needs_extension
@pytest.mark.parametrize("name", OPS)
def test_every_op_and_its_backward_are_checked(name):
    """Guards the test above: registered_calls skips what functional translates beforehand."""
    op = OPS[name]
    checked = {
        overload.name()
        for case in op.cases
        for overload, _ in registered_calls(op, case, op.inputs(case, torch.float32))
    }
    assert checked == {f"inkgrad::{name}", f"inkgrad::{name}_backward"}


@needs_extension
@pytest.mark.parametrize("name", OPS)
def test_tags(name):
    """PyTorch may call the op under any transform that traces it: it must say it is pure."""
    for suffix in ("", "_backward"):
        overload = getattr(torch.ops.inkgrad, name + suffix).default
        assert not overload._schema.is_mutable
        assert torch.Tag.pt2_compliant_tag in overload.tags
