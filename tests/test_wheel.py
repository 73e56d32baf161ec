"""The wheel for several versions of torch: its requirement, and that it works with each of them.

INKGRAD_WHEEL=dist/inkgrad-*.whl INKGRAD_WHEEL_TORCHES="2.10 2.15" installs it into an environment
for each version, which downloads gigabytes.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[1] / ".ci" / "wheel.py"
WHEEL = os.environ.get("INKGRAD_WHEEL", "")
TORCHES = os.environ.get("INKGRAD_WHEEL_TORCHES", "").split()


@pytest.fixture
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("inkgrad_wheel", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("versions", "requirement"),
    [
        (["2.10", "2.11", "2.12"], "torch>=2.10,<2.13"),
        (["2.15", "2.9", "2.14.1", "2.10"], "torch>=2.9,!=2.11.*,!=2.12.*,!=2.13.*,<2.16"),
        (["2.14"], "torch>=2.14,<2.15"),
    ],
)
def test_the_requirement_admits_the_versions_and_no_other(builder, versions, requirement) -> None:
    assert builder.requirement(versions) == requirement


def test_versions_of_two_major_versions_are_refused(builder) -> None:
    with pytest.raises(SystemExit, match=r"2\.15 3\.0"):
        builder.requirement(["2.15", "3.0"])


@pytest.mark.parametrize("machine", [platform.machine(), "another"])
def test_only_what_a_build_needs_is_unpacked(builder, machine, tmp_path, monkeypatch) -> None:
    needed = ("torch/version.py", "torch/include/c10/macros/Macros.h", "torch/lib/libtorch_cpu.so")
    other = (
        "torch/lib/libtorch_cuda.so",
        "torch/nn/functional.py",
        "torch-2.15.0.dist-info/RECORD",
    )

    def download(*command: str) -> None:
        assert command[-1] == "torch==2.15.0"
        assert ("manylinux_2_28_another" in command) == (machine == "another")
        folder = Path(command[command.index("--dest") + 1])
        with zipfile.ZipFile(folder / "torch-2.15.0-cp311.whl", "w") as wheel:
            for name in (*needed, *other):
                wheel.writestr(name, "")

    monkeypatch.setattr(builder, "run", download)
    monkeypatch.setattr(builder, "TORCHES", tmp_path)
    folder = builder.unpacked("2.15", machine)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(folder.parent / name for name in needed)
    monkeypatch.setattr(builder, "run", None)
    assert builder.unpacked("2.15", machine) == folder


def test_a_missing_cross_compiler_is_named(builder, monkeypatch) -> None:
    monkeypatch.setattr(builder.shutil, "which", lambda command: None)
    assert builder.cross_compilation(platform.machine()) == {}
    with pytest.raises(SystemExit, match="apt-get install g\\+\\+-another-linux-gnu"):
        builder.cross_compilation("another")


def test_another_machine_has_its_own_compiler_and_names(builder, monkeypatch) -> None:
    monkeypatch.setattr(builder.shutil, "which", lambda command: command)
    monkeypatch.setattr(builder, "EXT_SUFFIX", f".cpython-311-{platform.machine()}-linux-gnu.so")
    environment = builder.cross_compilation("another")
    assert environment["CC"] == "another-linux-gnu-gcc"
    assert environment["SETUPTOOLS_EXT_SUFFIX"] == ".cpython-311-another-linux-gnu.so"


TRAIN = """
import torch
import inkgrad
from inkgrad import nn

assert inkgrad.build_config()["cpu_library_loaded"] != "reference", inkgrad.build_config()
torch.manual_seed(0)
layers = torch.nn.Sequential(
    nn.ConvReluMaxPool2d(1, 8, 3), torch.nn.Flatten(), nn.LinearReLU(8 * 13 * 13, 1),
)
model = torch.nn.Sequential(*layers, nn.LinearSigmoid(1, 1))
images, targets = torch.rand(32, 1, 28, 28), torch.randint(0, 2, (32, 1)).float()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
for _ in range(5):
    loss = nn.BCELoss()(model(images), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0], losses
print("losses", losses)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (WHEEL and TORCHES), reason="installs torch; INKGRAD_WHEEL and INKGRAD_WHEEL_TORCHES run it"
)
@pytest.mark.parametrize("version", TORCHES or ["none"])
def test_it_works_in_an_environment_of_its_own(version: str, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    outside = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    inside = {"PYTHONWARNINGS": "error::RuntimeWarning", "INKGRAD_DATA": str(tmp_path)}

    def run(*command: str | Path) -> str:
        ended = subprocess.run(
            [environment / "bin" / command[0], *command[1:]],
            cwd=tmp_path,
            env={**outside, **inside},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        print(f"$ {' '.join(map(str, command))}\n{ended.stdout}")
        return ended.stdout

    run("pip", "install", "--quiet", f"torch=={version}.*", Path(WHEEL).resolve())
    image = Image.new("L", (60, 60), 255)
    image.paste(0, (27, 8, 33, 52))
    image.save(tmp_path / "one.png")
    run("pip", "check")
    assert f"torch {version}." in run("inkgrad", "check")
    assert "one.png" in run("inkgrad", "predict", "one.png")
    run("python", "-c", TRAIN)
    run("inkgrad", "train", "logistic", "--epochs", "1", "--out", "model.safetensors")
    shutil.rmtree(environment)  # gigabytes


def test_the_script_tells_its_arguments() -> None:
    ended = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "VERSION" in ended.stdout
