"""Distributed wrappers around a patched model, on the CPU (gloo), native beside ours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import checkpoint
from torch.distributed.checkpoint.state_dict import get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import Shard, distribute_module, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

import inkgrad
from side_by_side import Make, beside_native, cnn, images, mlp, rows, trained
from warm_python import WarmPython

pytestmark = [
    pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_process"),
]


@pytest.fixture(scope="module")
def one_process() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def mesh() -> DeviceMesh:
    return init_device_mesh("cpu", (1,))


def kinds(model: nn.Module) -> list[str]:
    return [type(module).__name__.replace("Patched", "") for module in model.modules()]


@beside_native
def test_data_parallel(make: Make) -> object:
    inner = DistributedDataParallel(make(cnn()), find_unused_parameters=True).eval()
    outer = make(DistributedDataParallel(cnn(), static_graph=True)).eval()
    results = [trained(model, model(images())) for model in (inner, outer)]
    inkgrad.unpatch(outer)
    return results, outer(images()), kinds(outer)


@beside_native
def test_fully_sharded(make: Make) -> object:
    model = make(cnn()).eval()
    for part in (model.features, model.classifier.fc1, model):
        fully_shard(part, mesh=mesh())
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    results = trained(model, model(images()))
    sharded = kinds(model)
    inkgrad.unpatch(model)
    return results, sharded, kinds(model), trained(model, model(images()))


@beside_native
def test_sharded_before_patching(make: Make) -> object:
    model = cnn().eval()
    fully_shard(model.features, mesh=mesh())
    fully_shard(model, mesh=mesh())
    make(model)
    first = trained(model, model(images()))
    inkgrad.unpatch(model)
    return first, trained(model, model(images())), kinds(model)


@beside_native
def test_tensor_parallel(make: Make) -> object:
    model = make(nn.Sequential(nn.LayerNorm(4), *mlp()))
    plan = {"0": SequenceParallel(), "1": ColwiseParallel(), "3": RowwiseParallel()}
    parallelize_module(model, mesh(), plan)
    first = trained(model, model(torch.rand(1, 3, 4)))
    inkgrad.unpatch(model)
    return first, trained(model, model(torch.rand(1, 3, 4)))


@beside_native
def test_distributed_tensors(make: Make) -> object:
    model = distribute_module(make(mlp()), mesh())
    input = distribute_tensor(rows(), mesh(), [Shard(0)])
    loss = make(nn.BCELoss())
    return model(input), loss(input, input)


@beside_native
def test_distributed_checkpoint(make: Make) -> object:
    """Saved by a sharded model, loaded by a native one."""
    model = make(cnn()).eval()
    fully_shard(model, mesh=mesh())
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save({"model": get_model_state_dict(model)}, checkpoint_id=folder)
        loaded = cnn().eval()
        state = {"model": get_model_state_dict(loaded)}  # the parameters themselves
        checkpoint.load(state, checkpoint_id=folder)
    input = images()
    assert_close(loaded(input), model(input))
    return list(state["model"]), loaded(input)


# One of two processes: the gradients, averaged over both, of a native and of a patched model. Where
# parameters are sharded, each process has and prints those of the whole.
RANK = """
import sys
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

import inkgrad
from side_by_side import cnn, images, native, trained

rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)


def sharded(model):
    fully_shard(model.features)
    return fully_shard(model)


wrap = {"replicated": DistributedDataParallel, "sharded": sharded}[sys.argv[3]]
results = []
for make in (native, inkgrad.patch):
    torch.manual_seed(0)
    model = wrap(make(cnn())).eval()
    torch.manual_seed(rank)
    each = trained(model, model(images()))
    results.append([x.full_tensor() if isinstance(x, DTensor) else x for x in each])
assert_close(*results)
print(float(results[0][0].sum()), float(results[0][1].sum()))
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.parametrize("parameters", ["replicated", "sharded"])
def test_two_processes(python: WarmPython, tmp_path: Path, parameters: str) -> None:
    file = str(tmp_path / "store")
    here = Path(__file__).parents[1]
    one = {"OMP_NUM_THREADS": "1"}
    programs = [
        python.start(RANK, str(rank), file, parameters, cwd=here, env=one) for rank in range(2)
    ]
    ends = [program.finish() for program in programs]
    assert [end.returncode for end in ends] == [0, 0], ends[0].stderr + ends[1].stderr
    (output, gradient), (other, same_gradient) = (end.stdout.split() for end in ends)
    assert output != other
    assert gradient == same_gradient
