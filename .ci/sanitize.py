"""Build the kernels with sanitizers in build/sanitize and fuzz them: ``make sanitize``.

AddressSanitizer and UndefinedBehaviorSanitizer watch `python -m inkgrad.check.fuzz`. torch itself
is not instrumented, but its allocations are intercepted, so an access beyond a tensor is found.

ThreadSanitizer watches tests/functional/test_threads.py with one OpenMP thread: several Python
threads call the ops at once. It does not see the barriers of an OpenMP runtime that is not
instrumented, and would report every parallel loop.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# The runtime to load before Python, and environment variables.
SANITIZERS = {
    "address,undefined": (
        "libasan.so",
        {
            # Python leaks by design, torch is linked in an order that asan dislikes, and where
            # there is not enough memory it raises an error.
            "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:detect_odr_violation=0"
            ":allocator_may_return_null=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        },
    ),
    "thread": (
        "libtsan.so",
        {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1:exitcode=66", "OMP_NUM_THREADS": "1"},
    ),
}


def build(sanitizers: str) -> Path:
    """Build the extension and the kernels of this processor; return the folder to import from."""
    base = ROOT / "build" / "sanitize" / sanitizers.replace(",", "-")
    settings = {"INKGRAD_SANITIZE": sanitizers, "INKGRAD_ALL": "0", "INKGRAD_CUDA": "0"}
    print(f"==> building with -fsanitize={sanitizers}", flush=True)
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--build-base", str(base)],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (folder,) = base.glob("lib*")
    return folder


def library(name: str) -> str:
    """Return the path of a library of the compiler."""
    command = [os.environ.get("CXX", "c++"), f"-print-file-name={name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run(sanitizers: str, command: list[str]) -> int:
    """Run a Python command with the libraries that were built with these sanitizers."""
    runtime, settings = SANITIZERS[sanitizers]
    # Python does not load libstdc++, in which the runtime looks for the functions that it replaces.
    preload = [library(name) for name in (runtime, "libstdc++.so.6")]
    environment = {
        **os.environ,
        **settings,
        "LD_PRELOAD": " ".join(preload),
        "PYTHONPATH": str(build(sanitizers)),
        "PYTHONMALLOC": "malloc",
    }
    print(f"==> {' '.join(command)}", flush=True)
    return subprocess.run([sys.executable, *command], cwd=ROOT, env=environment).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of fuzzing (default: 600)")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzzer (default: 0)")
    parser.add_argument(
        "--only", choices=list(SANITIZERS), help="these sanitizers (default: one after another)"
    )
    args = parser.parse_args()
    fuzz = ["-m", "inkgrad.check.fuzz", "--seconds", str(args.seconds), "--seed", str(args.seed)]
    threads = ["-m", "pytest", "-p", "no:cacheprovider", "tests/functional/test_threads.py"]
    # Instrumented frames are larger, and the second test starts OpenMP's threads.
    threads += ["-k", "not small_stack and not on_as_many_threads"]
    commands = {"address,undefined": fuzz, "thread": threads}
    chosen = [args.only] if args.only else list(commands)
    return max(run(sanitizers, commands[sanitizers]) for sanitizers in chosen)


if __name__ == "__main__":
    sys.exit(main())
