"""Which kernels are loaded, why, and what happens without any."""

import json
import shutil
import sys
from types import SimpleNamespace
from warnings import catch_warnings, simplefilter

import pytest
import torch

import inkgrad
from comparing import needs_extension
from inkgrad import extension


@pytest.fixture
def run(python):
    """Runs a script in a process that has not imported inkgrad."""

    def start(script, **environment):
        return python.run(script, env={extension._WARNED: "", **environment})

    return start


WITHOUT_EXTENSION = f"""
import sys, warnings
sys.modules[{extension.MODULE!r}] = None  # as if it had never been built
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


def test_without_the_extension_everything_works_after_one_warning(run):
    result = run(WITHOUT_EXTENSION)
    assert result.returncode == 0, result.stderr


def test_other_processes_do_not_repeat_the_warning(run):
    child = f"import sys; sys.modules['{extension.MODULE}'] = None; import inkgrad"
    script = (
        f"{child}; import subprocess; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    result = run(script)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("Falling back") == 1


@pytest.mark.parametrize(
    ("recorded", "platform", "warnings"),
    [
        ("INKGRAD_KERNELS=0", "linux", 0),
        ("a C++ compiler: c++ was not found", "linux", 1),
        ("they are not ported to Windows", "win32", 0),
    ],
)
def test_only_missing_kernels_that_were_wanted_are_a_warning(
    recorded, platform, warnings, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(extension, "_FOLDER", tmp_path)
    monkeypatch.setitem(sys.modules, extension.MODULE, None)
    monkeypatch.setenv(extension._WARNED, "")
    monkeypatch.delenv(extension.ENVIRONMENT, raising=False)
    (tmp_path / "without_kernels.txt").write_text(recorded)
    with catch_warnings(record=True) as caught:
        simplefilter("always")
        loaded = extension.load()
    assert loaded.reason.endswith(recorded)
    assert len(caught) == warnings


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        ('{{"url": "{url}", "dir_info": {{"editable": true}}}}', "--editable '{folder}'"),
        ('{{"url": "{url}", "dir_info": {{}}}}', "--no-deps '{folder}'"),
        ('{{"url": "https://host/inkgrad.whl"}}', "--no-deps FOLDER_OF_ITS_SOURCE"),
        (None, "--no-deps FOLDER_OF_ITS_SOURCE"),
    ],
    ids=["editable", "folder", "wheel", "index"],
)
def test_the_command_is_that_of_the_installation(origin, command, tmp_path, monkeypatch):
    folder = tmp_path / "a source"
    folder.mkdir()
    text = origin and origin.format(url=folder.as_uri())
    installed = SimpleNamespace(read_text=lambda name: text)
    monkeypatch.setattr(extension.metadata, "distribution", lambda name: installed)
    assert extension._command_that_builds().endswith(command.format(folder=folder))


def test_free_threaded_python_is_told_no_command(monkeypatch):
    monkeypatch.setattr(extension.sysconfig, "get_config_var", {"Py_GIL_DISABLED": 1}.get)
    assert "pip" not in extension._remedy()


@needs_extension
def test_kernel_libraries_that_are_gone_are_no_more_than_a_warning(run):
    """As after a build that was interrupted."""
    gone = "from pathlib import Path\nPath.glob = lambda self, pattern: iter(())\n"
    result = run(gone + WITHOUT_EXTENSION.replace("sys.modules[", "{}["))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModuleNotFoundError("No module named 'inkgrad._C_torch2_14'"), "were not built"),
        (ImportError("_C.so: undefined symbol: _ZN5torch8autograd"), "undefined symbol"),
        (ImportError("libgomp.so.1: cannot open shared object file"), "libgomp"),
    ],
)
def test_the_warning_says_why(error, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(extension, "_FOLDER", tmp_path)
    assert reason in extension._reason_of(error)


def test_an_extension_for_another_torch_is_named_and_not_loaded(run, tmp_path):
    """Loading it may crash. Here it would: the files are no libraries."""
    package = tmp_path / "inkgrad"
    others = shutil.ignore_patterns("*.so", "course", "__pycache__")
    shutil.copytree(extension._FOLDER, package, ignore=others)
    for version in ("2_9", "2_10"):
        (package / f"_C_torch{version}{extension._SUFFIX}").write_text("not loaded")
    # The finder of an editable installation would go on to the extension in the source tree.
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.meta_path = [each for each in sys.meta_path if '__editable__' not in repr(each)]\n"
        "import inkgrad"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
    message = f"the kernels were built for torch 2.9, 2.10, not for {torch.__version__}\n"
    assert result.stderr.count(message) == 1
    assert "not loaded" not in result.stderr


@needs_extension
def test_unknown_instruction_set_is_an_error_that_names_the_choices(run):
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
