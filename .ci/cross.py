"""Test the CPU kernels on another machine and by another compiler: ``make cross``.

tests/cross/kernels.cpp checks every kernel without torch. It is compiled with the flags of setup.py
for aarch64 by GCC and by clang, and run by QEMU; and for this machine by clang, once for each
instruction set of its processor.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import setuptools  # noqa: F401  (has distutils, which Python 3.12 lacks)
import torch

from distutils.core import run_setup  # isort: skip

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "cross"
DRIVER = "tests/cross/kernels.cpp"
OLDEST_CLANG = 16
CLANGS = ["clang++", *(f"clang++-{version}" for version in range(40, OLDEST_CLANG - 1, -1))]
GCC = "aarch64-linux-gnu-g++"
EMULATORS = ["qemu-aarch64-static", "qemu-aarch64"]


@dataclass(frozen=True)
class Target:
    """One library of kernels, compiled into a program with the driver."""

    name: str
    compiler: list[str]
    flags: list[str]
    emulator: list[str]


def is_new_enough(clang: str) -> bool:
    run = subprocess.run([clang, "-dumpversion"], capture_output=True, text=True)
    return run.returncode == 0 and int(run.stdout.split(".")[0]) >= OLDEST_CLANG


def first(commands: Sequence[str], fits: Callable[[str], bool] = bool) -> str | None:
    return next((each for each in commands if shutil.which(each) and fits(each)), None)


def tools() -> list[str]:
    """Return clang, GCC for aarch64 and the emulator; exit with what is missing."""
    wanted = {
        f"clang {OLDEST_CLANG} or newer": (first(CLANGS, is_new_enough), "clang-19"),
        GCC: (first([GCC]), "g++-aarch64-linux-gnu"),
        EMULATORS[0]: (first(EMULATORS), "qemu-user-static"),
    }
    missing = {name: package for name, (found, package) in wanted.items() if not found}
    if missing:
        sys.exit(
            f"missing: {', '.join(missing)}\n  to fix: apt-get install {' '.join(missing.values())}"
        )
    return [found for found, _ in wanted.values() if found]


def libraries() -> tuple[list[str], dict[str, list[str]]]:
    """Return the sources of the kernels, and the flags of each instruction set of setup.py."""
    os.environ.update(INKGRAD_KERNELS="1", INKGRAD_ALL="1", INKGRAD_CUDA="0")
    os.chdir(ROOT)
    prefix = "inkgrad._cpu_"
    built = {
        each.name.removeprefix(prefix): each
        for each in run_setup("setup.py", stop_after="init").ext_modules
        if each.name.startswith(prefix)
    }
    flags = {name: each.extra_compile_args["cxx"] for name, each in built.items()}
    return built["default"].sources, flags


def targets(flags: dict[str, list[str]]) -> list[Target]:
    clang, gcc, emulator = tools()
    names = list(flags)  # in ascending order: a processor with one set has those before it
    best = torch.backends.cpu.get_cpu_capability().lower()
    here = names[: names.index(best) + 1] if best in names else names[:1]
    for_arm = [clang, "--target=aarch64-linux-gnu"]
    static = ["-static"]  # needs no libraries of that machine
    return [
        Target("aarch64-gcc", [gcc, *static], flags["default"], [emulator]),
        Target("aarch64-clang", [*for_arm, *static], flags["default"], [emulator]),
        *(Target(f"{name}-clang", [clang], flags[name], []) for name in here),
    ]


def compile_object(target: Target, source: str) -> str:
    result = BUILD / target.name / f"{source}.o"
    result.parent.mkdir(parents=True, exist_ok=True)
    command = [*target.compiler, "-std=c++20", *target.flags, "-Werror"]
    subprocess.run([*command, "-c", source, "-o", str(result)], check=True)
    return str(result)


def test(target: Target, objects: list[Future[str]]) -> bool:
    program = str(BUILD / target.name / "kernels")
    names = [each.result() for each in objects]
    subprocess.run([*target.compiler, "-pthread", *names, "-o", program], check=True)
    start = time.perf_counter()
    run = subprocess.run([*target.emulator, program], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    told = (run.stdout + run.stderr).strip()
    print(f"{target.name}: {told} ({seconds:.0f} s, exit code {run.returncode})", flush=True)
    return run.returncode == 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="targets such as aarch64-gcc; default: all")
    args = parser.parse_args(argv)
    sources, flags = libraries()
    chosen = [each for each in targets(flags) if not args.names or each.name in args.names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = {
            target.name: [
                pool.submit(compile_object, target, source) for source in (*sources, DRIVER)
            ]
            for target in chosen
        }
        results = [test(target, objects[target.name]) for target in chosen]
    return 0 if all(results) and results else 1


if __name__ == "__main__":
    sys.exit(main())
