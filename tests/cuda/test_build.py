"""Which libraries are built, and the message if CUDA's is not (setup.py, extension.py)."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path

import pytest
import setuptools
import torch
from torch.utils import cpp_extension

from comparing import needs_extension
from inkgrad import build, extension

ROOT = Path(__file__).parents[2]


@pytest.fixture
def setup(monkeypatch):
    """setup.py as a module that has built nothing, on a torch with CUDA 13.2."""
    for name in ("CUDA_HOME", "CUDA_PATH", "INKGRAD_CUDA", "TORCH_CUDA_ARCH_LIST"):
        monkeypatch.setenv(name, "")  # what setup.py sets is undone
    monkeypatch.setenv("INKGRAD_KERNELS", "0")
    monkeypatch.setenv("INKGRAD_ALL", "1")
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(cpp_extension, "CUDA_HOME", None)
    spec = importlib.util.spec_from_file_location("inkgrad_setup", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look it up
    spec.loader.exec_module(module)
    return module


def toolkit(folder, version, top=None):
    """A toolkit whose nvcc knows no more than its version and where it lies."""
    (folder / "bin").mkdir(parents=True)
    (folder / "include").mkdir()
    (folder / "include" / "cuda_runtime.h").touch()
    nvcc = folder / "bin" / "nvcc"
    nvcc.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = --version ] && echo "Cuda compilation tools, release {version}, V{version}.88"\n'
        f'[ "$1" = --dryrun ] && echo "#\\$ TOP={top or folder}/bin/.." >&2\n'
        "exit 0\n"
    )
    nvcc.chmod(0o755)
    return folder


def test_toolkit_of_the_same_major_version_is_taken(setup, tmp_path, monkeypatch):
    """A minor version apart too; the architectures are the project's own, not a visible GPU's."""
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, "13.0")))
    cuda = setup.choose_cuda()
    assert (cuda.home, cuda.toolkit, cuda.left_out) == (tmp_path, "13.0", "")
    assert str(tmp_path) == cpp_extension.CUDA_HOME
    facts = cuda.header()
    for fact in ('TOOLKIT "13.0"', 'OF_TORCH "13.2"', '"8.0;8.6;8.9+PTX;9.0a"', 'LEFT_OUT ""'):
        assert fact in facts


def test_architectures_of_the_user_are_kept(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, "13.0")))
    monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", "12.0")
    assert 'ARCHITECTURES "12.0"' in setup.choose_cuda().header()


def test_without_a_gpu_only_a_demand_builds_it(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, "13.0")))
    monkeypatch.setenv("INKGRAD_ALL", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "INKGRAD_CUDA=1" in setup.choose_cuda().left_out
    monkeypatch.setenv("INKGRAD_CUDA", "1")
    assert f'"{setup.ARCHITECTURES}"' in setup.choose_cuda().header()


def test_it_is_built_for_the_gpus_that_are_visible(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, "13.0")))
    monkeypatch.setenv("INKGRAD_ALL", "")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "get_device_capability", [(9, 0), (8, 6), (9, 0)].__getitem__)
    assert 'ARCHITECTURES "8.6;9.0a"' in setup.choose_cuda().header()


@pytest.mark.parametrize(
    ("processor", "everything", "libraries"),
    [
        ("AVX512", "", ["default", "avx512"]),
        ("AVX2", "", ["default", "avx2"]),
        ("DEFAULT", "", ["default"]),
        ("AVX2", "1", ["default", "avx2", "avx512"]),
    ],
)
def test_the_libraries_are_those_of_the_processor(
    setup, monkeypatch, processor, everything, libraries
):
    monkeypatch.setenv("INKGRAD_ALL", everything)
    monkeypatch.setattr(setup, "MACHINE", "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    assert list(setup.cpu_libraries()) == libraries


def test_nvcc_on_path_may_be_a_script(setup, tmp_path, monkeypatch):
    """It reports where the toolkit is; its parent folder is only a guess."""
    real = toolkit(tmp_path / "real", "13.1")
    script = toolkit(tmp_path / "script", "13.1", top=real)
    monkeypatch.setenv("PATH", str(script / "bin"), prepend=":")
    assert setup.choose_cuda().home == real


@pytest.mark.parametrize(
    ("version", "of_torch", "words"),
    [
        ("12.8", "13.2", ("12.8", "13.2", "major")),
        ("13.0", None, ("without CUDA",)),
    ],
)
def test_what_does_not_fit_is_left_out_or_fails_if_demanded(
    setup, tmp_path, monkeypatch, version, of_torch, words
):
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, version)))
    monkeypatch.setattr(torch.version, "cuda", of_torch)
    cuda = setup.choose_cuda()
    assert cuda.home is None
    assert all(word in cuda.left_out for word in words)
    assert cuda.left_out in cuda.header()
    monkeypatch.setenv("INKGRAD_CUDA", "1")
    with pytest.raises(SystemExit) as stopped:
        setup.choose_cuda()
    assert all(word in str(stopped.value) for word in ("INKGRAD_CUDA=1", *words))


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("torch", "no torch"),
        ("compiler", "C++ compiler: nosuch++"),
        ("global lock", "free-threaded Python"),
        ("Linux", "not ported to Windows"),
    ],
)
def test_without_requirements_the_kernels_are_left_out_or_demanded(
    setup, monkeypatch, missing, words
):
    monkeypatch.setenv("CXX", "nosuch++")
    if missing == "torch":
        monkeypatch.setattr(setup, "torch", None)
    if missing == "Linux":
        monkeypatch.setattr(sys, "platform", "win32")
    if missing == "global lock":
        monkeypatch.setattr(setup.sysconfig, "get_config_var", {"Py_GIL_DISABLED": 1}.get)
    monkeypatch.delenv("INKGRAD_KERNELS")
    reason, remedy = setup.left_out()
    assert words in reason
    assert remedy
    assert "\n" not in reason + remedy
    monkeypatch.setenv("INKGRAD_KERNELS", "1")
    with pytest.raises(SystemExit, match="INKGRAD_KERNELS=1") as ended:
        setup.left_out()
    assert "To fix: " in str(ended.value)


def test_a_folder_without_a_toolkit_is_named(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    assert str(tmp_path) in setup.choose_cuda().left_out


def test_no_toolkit_is_a_reason(setup, monkeypatch):
    monkeypatch.setattr(setup, "toolkit_home", lambda: None)
    assert "no CUDA toolkit" in setup.choose_cuda().left_out


def test_it_can_be_switched_off(setup, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(toolkit(tmp_path, "13.0")))
    monkeypatch.setenv("INKGRAD_CUDA", "0")
    assert setup.choose_cuda().left_out == "INKGRAD_CUDA=0"
    monkeypatch.setenv("INKGRAD_CUDA", "yes")
    with pytest.raises(SystemExit, match="yes"):
        setup.choose_cuda()


# ---- loading


@pytest.fixture
def not_refused(monkeypatch):
    monkeypatch.delenv(extension.CUDA_ENVIRONMENT, raising=False)


def built(**facts):
    """An extension that says so of its CUDA library."""
    usual = {
        "cuda_toolkit": "13.0",
        "cuda_of_torch": torch.version.cuda,
        "cuda_architectures": "9.0a",
        "cuda_left_out": "",
        "load_cuda_kernels": lambda path: None,
    }
    return types.SimpleNamespace(**{**usual, **facts})


def test_nothing_is_loaded_or_said_where_nothing_was_built():
    cuda = extension._load_cuda(built(cuda_left_out="no toolkit"))
    assert not cuda.loaded
    assert build._cuda_kernels(cuda) == "not built: no toolkit"


def test_nothing_is_loaded_that_is_refused(monkeypatch):
    monkeypatch.setenv(extension.CUDA_ENVIRONMENT, "0")
    cuda = extension._load_cuda(built(load_cuda_kernels=pytest.fail))
    assert not cuda.loaded
    assert "INKGRAD_CUDA=0" in build._cuda_kernels(cuda)


@pytest.mark.usefixtures("not_refused")
def test_kernels_for_another_cuda_are_not_loaded():
    with pytest.warns(RuntimeWarning, match=r"built for a torch with CUDA 9\.9"):
        cuda = extension._load_cuda(built(cuda_of_torch="9.9"))
    assert not cuda.loaded
    assert build._cuda_kernels(cuda).startswith("not loaded: ")
    assert cuda.architectures == "9.0a"


@pytest.mark.usefixtures("not_refused")
def test_library_that_does_not_load_is_a_warning(monkeypatch):
    def fail(path):
        raise RuntimeError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(Path, "glob", lambda self, pattern: iter([self / "_cuda.so"]))
    with pytest.warns(RuntimeWarning, match="libcudart"):
        cuda = extension._load_cuda(built(load_cuda_kernels=fail))
    assert "libcudart" in build._cuda_kernels(cuda)


@needs_extension
def test_what_was_built_is_loaded_without_a_gpu(python):
    """And the library of this build is what inkgrad info says it is."""
    code = "import inkgrad, json; print(json.dumps(inkgrad.build_config()))"
    run = python.run(code, env={extension.CUDA_ENVIRONMENT: "1"})
    assert run.returncode == 0, run.stderr
    config = json.loads(run.stdout)
    if extension.LOADED.module.cuda_left_out:
        assert config["cuda_kernels"] == f"not built: {extension.LOADED.module.cuda_left_out}"
        assert config["cuda_architectures"] is None
    else:
        assert config["cuda_kernels"] == "loaded"
        assert config["cuda_toolkit"].split(".")[0] == config["torch_cuda"].split(".")[0]
        assert config["cuda_architectures"]
