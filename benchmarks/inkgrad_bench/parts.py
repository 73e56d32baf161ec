"""Measure in processes of their own what one process cannot.

Libraries read their instruction set when they are loaded, and JAX its number of threads. Therefore
``inkgrad bench --avx2`` and JAX on several numbers of threads run ``inkgrad bench --part`` once for
each number of threads, and join the documents.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import inkgrad
from inkgrad_bench import results_file

# Ours, ATen, oneDNN and MKL. The peers have no such switch: XLA's (--xla_cpu_max_isa) holds the
# code that it generates, but not YNNPACK, which computes JAX's products and convolutions.
AVX2 = {
    "INKGRAD_CPU_CAPABILITY": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def needed(args: Namespace, threads: Sequence[int]) -> bool:
    """Whether these arguments cannot be measured in this process."""
    return not args.part and (args.avx2 or ("jax" in args.peers and len(threads) > 1))


def measure(args: Namespace, threads: Sequence[int]) -> dict[str, Any]:
    """Measure each number of threads in a process; return the document of them all.

    Exit with the code of a process that ends without results, since it has said why; ValueError for
    peers under ``--avx2``, or if inkgrad was built without kernels for it.
    """
    if args.avx2 and args.peers:
        raise ValueError(
            f"peers: {' and '.join(args.peers)} cannot be held to AVX2: "
            "measure without --avx2 on a processor that has no more"
        )
    if args.avx2 and "avx2" not in inkgrad.build_config()["cpu_libraries_built"]:
        raise ValueError(
            "avx2: inkgrad was built without kernels for AVX2, as it is by default where there is "
            "AVX-512; build it again with INKGRAD_ALL=1"
        )
    documents: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in threads:
            path = Path(folder) / f"{count}.json"
            code = _run([*_arguments(args), "--threads", str(count), "--json", str(path)], args)
            if not path.exists():
                sys.exit(code)
            documents.append(results_file.load(path))
            if not documents[-1]["complete"]:
                break
    return results_file.joined(documents)


def _arguments(args: Namespace) -> list[str]:
    """The command line that measures the same in one process."""
    found = ["--part", "--device", args.device, "--op", *args.op]
    found += ["--case", args.case] if args.case is not None else []
    found += ["--quick"] if args.quick else []
    found += ["--scaling"] if args.scaling else []
    found += ["--peers", *args.peers] if args.peers else []
    if args.compile is not None:
        found.append("--compile" if args.compile else "--no-compile")
    return found


def _run(arguments: Sequence[str], args: Namespace) -> int:
    command = [sys.executable, "-m", "inkgrad", "bench", *arguments]
    held = AVX2 if args.avx2 else {}
    with subprocess.Popen(command, env=os.environ | held) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the process has it too, and writes what it has measured
            return process.wait()
