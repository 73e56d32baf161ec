"""Machine code of the CUDA kernels: registers, local memory, the instructions meant.

Read from the library that was built, whatever it was built for, by the cuobjdump that comes with
torch's triton or with a toolkit; no GPU.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

from inkgrad.extension import LOADED

BUDGETS = Path(__file__).parents[2] / "csrc" / "cuda" / "kernels" / "budgets.json"
# Those that read vectors of 16 bytes where memory is aligned, which their first flag says.
VECTORS = (
    "bce_sum", "bce_each", "bce_backward", "bias_activation", "activation_backward", "extremes",
    "split",
)  # fmt: skip
# Those that read so whatever their flags.
ALWAYS = ("to_channels_last", "from_channels_last", "conv_relu_pool")
PRODUCTS = ("float_gemm", "half_gemm", "half_panel")
# Those that read fours of elements: 16 bytes, but 8 of a half type.
FOURS = ("small_linear", "small_linear_backward")
# Those that add their sums in double.
SUMS = (
    "bce_sum", "add_parts", "add_partial_sums", "activation_backward_columns", "conv_weight_grad",
    "chain", "small_linear_backward",
)  # fmt: skip
ONLY_MEMORY = re.compile(r"^(LDL|STL)")  # local memory: spilled registers, indexed arrays
DOUBLE = re.compile(r"^(DADD|DMUL|DFMA|DSETP)|F64")


def architectures() -> list[str]:
    """As in ["sm_80", "sm_90a"]."""
    if LOADED.module is None or LOADED.module.cuda_left_out:
        return []
    numbers = re.findall(r"(\d+)\.(\d+)(a?)", LOADED.cuda.architectures)
    return [f"sm_{major}{minor}{suffix}" for major, minor, suffix in numbers]


every_architecture = pytest.mark.parametrize("architecture", architectures() or ["none"])


@pytest.fixture(scope="session")
def cuobjdump():
    if LOADED.module is None:
        pytest.skip("the extension is not loaded")
    if LOADED.module.cuda_left_out:
        pytest.skip(f"no CUDA kernels: {LOADED.module.cuda_left_out}")
    triton = find_spec("triton")
    places = [Path(os.environ.get("CUDA_HOME", "/usr/local/cuda")) / "bin"]
    if triton is not None and triton.origin is not None:
        places.insert(0, Path(triton.origin).parent / "backends" / "nvidia" / "bin")
    path = next((p / "cuobjdump" for p in places if (p / "cuobjdump").exists()), None)
    tool = path or shutil.which("cuobjdump")
    if tool is None:
        pytest.skip("no cuobjdump")
    (library,) = Path(LOADED.module.__file__).parent.glob("_cuda.*.so")

    def run(*options: str) -> str:
        command = [str(tool), *options, str(library)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


def kernel_of(mangled: str) -> tuple[str, str]:
    """The kernel's name and its template arguments, as they are mangled: "f" float, "Lb1E" true."""
    name, arguments = re.search(r"\d+([a-z_]+)_kernel(?:I(\w*?)EE|E)", mangled).groups()
    return name, arguments or ""


@pytest.fixture(scope="session")
def machine_code(cuobjdump):
    """The code for an architecture: {(kernel, template arguments): [instruction, ...]}."""
    found: dict[str, dict] = {}

    def of(architecture: str) -> dict:
        if architecture not in found:
            functions = re.split(r"\n\s*Function : ", cuobjdump("-sass", "-arch", architecture))
            found[architecture] = {
                kernel_of(text.split("\n", 1)[0]): re.findall(
                    r"/\*[0-9a-f]{4,5}\*/\s+(?:@!?U?P\w+ )?([A-Z][A-Z0-9_.x]*)", text
                )
                for text in functions[1:]
            }
        return found[architecture]

    return of


def test_library_holds_what_it_says(cuobjdump):
    """Code for every architecture of the list, and PTX for what came after them."""
    code = set(re.findall(r"\.(sm_\w+)\.cubin", cuobjdump("-lelf")))
    assert code == set(architectures())
    ptx = set(re.findall(r"\.(sm_\w+)\.ptx", cuobjdump("-lptx")))
    wanted = re.findall(r"(\d+)\.(\d+)(a?)\+PTX", LOADED.cuda.architectures)
    assert ptx == {f"sm_{major}{minor}{suffix}" for major, minor, suffix in wanted}


@every_architecture
def test_registers_and_memory_stay_within_budget(cuobjdump, architecture):
    """budgets.json has a line for every kernel: registers a thread, of any of its variants. None
    has a stack or memory of its own, which is what spilled registers would need."""
    budgets = json.loads(BUDGETS.read_text())
    usage = re.findall(
        r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)",
        cuobjdump("-res-usage", "-arch", architecture),
    )
    most: dict[str, int] = defaultdict(int)
    for mangled, registers, stack, local in usage:
        name, arguments = kernel_of(mangled)
        assert (int(stack), int(local)) == (0, 0), (name, arguments)
        most[name] = max(most[name], int(registers))
    assert sorted(most) == sorted(budgets)
    assert {name: n for name, n in most.items() if n > budgets[name]} == {}


def reads_sixteen_bytes(name, arguments):
    """Whether that variant of a kernel reads 16 bytes at a time."""
    flag = re.search(r"Lb([01])", arguments)
    if name in VECTORS or (name in FOURS and arguments[0] in "fd"):
        return flag[1] == "1"
    if name == "activation_backward_columns":
        return not arguments.endswith("Li1")
    return name in ALWAYS


@every_architecture
def test_vectors_are_read_at_once(machine_code, architecture):
    """128 bits an instruction where memory is aligned; and never a local array for them."""
    code = machine_code(architecture)
    for (name, arguments), instructions in code.items():
        wide = sum(op.startswith("LDG.E.128") for op in instructions)
        if name not in PRODUCTS:
            assert (wide > 0) == reads_sixteen_bytes(name, arguments), (name, arguments)
        assert [op for op in instructions if ONLY_MEMORY.match(op)] == [], (name, arguments)


@every_architecture
def test_float_kernels_compute_in_float(machine_code, architecture):
    """An unsuffixed constant or function would quietly make a double of it, at 1/64 of the speed on
    some. Sums are in double at their end, and so are not looked at."""
    for (name, arguments), instructions in machine_code(architecture).items():
        is_double = arguments == "d" or arguments.startswith("dL")
        if not is_double and name not in SUMS:
            assert [op for op in instructions if DOUBLE.search(op)] == [], (name, arguments)


@every_architecture
@pytest.mark.parametrize("name", ["conv_relu_pool", "conv_input_grad"])
def test_products_of_the_convolution_are_unrolled(machine_code, architecture, name):
    """Four or five channels times four places times K x K multiply-adds; four weights are read at
    once, but for one tap, perhaps."""
    code = machine_code(architecture)
    for k in (3, 5):
        for channels in (4, 5):
            instructions = code[name, f"Li{k}ELi{channels}"]
            assert sum(op.startswith("FFMA") for op in instructions) >= 4 * channels * k * k
            assert sum(op.startswith("LDS.128") for op in instructions) >= k * k - 1


def test_products_of_matrices_are_the_tensor_cores(machine_code):
    """On sm_90a: products of a warpgroup, from tiles that one block copies for two."""
    if "sm_90a" not in architectures():
        pytest.skip("not built for sm_90a")
    code = machine_code("sm_90a")
    found = [key for key in code if key[0] in PRODUCTS]
    assert len(found) == 7
    for name, arguments in found:
        instructions = code[name, arguments]
        products = [op for op in instructions if op.startswith("HGMMA")]
        shape = "64x256x16" if name == "half_gemm" else "64x128x16"
        assert all(op.startswith(f"HGMMA.{shape}.F32") for op in products), (name, arguments)
        # Three products of two planes and six of three, each in four steps of the sum.
        assert len(products) >= (4 * (3 + 6) if name == "float_gemm" else 4), (name, arguments)
        assert any(op.startswith("UTMALDG") and "MULTICAST" in op for op in instructions)
        assert not any(op.startswith("HMMA") for op in instructions)


@every_architecture
def test_products_of_matrices_are_nothing_elsewhere(machine_code, architecture):
    if architecture == "sm_90a":
        pytest.skip("there they are something")
    for (name, _), instructions in machine_code(architecture).items():
        assert name not in PRODUCTS or "EXIT" in instructions[:8]
