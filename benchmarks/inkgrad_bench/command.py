"""``inkgrad bench``: the arguments, the run, and the files it writes."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from inkgrad.course.files import write_atomically
from inkgrad_bench import (
    console,
    environment,
    markdown,
    networks,
    parts,
    peers,
    results_file,
    runner,
    suite,
)
from inkgrad_bench.peers import PEERS
from inkgrad_bench.runner import Callbacks, Plan

INTERRUPTED = 128 + signal.SIGINT  # a shell's exit code for a program ended by Ctrl-C


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Time the kernels against native torch, eager and compiled."
    parser.epilog = (
        "Run it on a quiet machine. Ctrl-C ends the run early and keeps the results so far. "
        "Exit code 1 if a case fails to run."
    )
    parser.add_argument(
        "--op", nargs="+", choices=suite.OPS, default=list(suite.OPS), metavar="NAME",
        help=f"run only these: {', '.join(suite.OPS)}",
    )  # fmt: skip
    parser.add_argument("--case", metavar="TEXT", help="run only cases with TEXT in their name")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N", help="default: 1 and all processors"
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="run the main cases with few samples, without torch.compile (one to two minutes)",
    )  # fmt: skip
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=None,
        help="also time torch.compile in the main cases (minutes; needs a C++ compiler)",
    )  # fmt: skip
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=[], metavar="NAME",
        help=f"also time the models in other libraries: {', '.join(PEERS)} (the extra [peers])",
    )  # fmt: skip
    parser.add_argument(
        "--avx2", action="store_true",
        help="hold inkgrad and torch to AVX2, the instruction set of most laptops",
    )  # fmt: skip
    parser.add_argument(
        "--scaling", action="store_true", help="also time every op at batch 1 to 65536 (minutes)"
    )
    parser.add_argument(
        "--networks", nargs="*", choices=networks.NAMES, metavar="NAME",
        help="time whole networks instead, native, patched and compiled, on the CPU; without a "
        f"name all of them: {', '.join(networks.NAMES)}",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a table of main cases")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write plots (SVG) to a folder")
    parser.add_argument(
        "--from", type=Path, nargs="+", metavar="FILE", dest="earlier",
        help="measure nothing; make table and plots from earlier --json files, the table with the "
        "ratios of all of them side by side. With --json: one file of all their rows",
    )  # fmt: skip
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)  # of parts.py
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """Return 0, 1 if a case failed, or 130 after Ctrl-C."""
    if args.plots is not None:
        import inkgrad_bench.plots  # noqa: F401  # a missing matplotlib is reported before the run
    try:
        check_outputs(args)
        if args.networks is not None:
            return run_networks(args)
        earlier = [show(read(path)) for path in args.earlier or ()]
        if args.json is not None and len(earlier) > 1:
            earlier = [results_file.joined(earlier)]
        documents = earlier or [measure(args)]
    except ValueError as error:
        return int(args.usage_error(str(error)))
    if not args.part:
        print("\n\n".join(map(console.summary, documents)))
    write(documents, args)
    document = documents[0]
    if not document["complete"]:
        return INTERRUPTED
    return 1 if document["failures"] else 0


def run_networks(args: argparse.Namespace) -> int:
    """Measure whole networks; the exit codes are those of :func:`run`."""
    if args.device != "cpu":
        raise ValueError("device: --networks are timed on the CPU only")
    document = networks.run(
        args.networks or networks.NAMES,
        _threads(args),
        quick=args.quick,
        compiled=bool(args.compile),
    )
    if args.json is not None:
        write_atomically(args.json, json.dumps(document, indent=1).encode())
        print(f"Wrote {args.json}")
    if not document["complete"]:
        return INTERRUPTED
    return 1 if any(row["error"] for row in document["rows"]) else 0


def _threads(args: argparse.Namespace) -> list[int]:
    """The thread counts to measure; ValueError for those that the machine does not have."""
    available = environment.processors()
    threads = args.threads or ([available] if args.device == "cuda" else [1, available])
    for count in threads:
        if not 1 <= count <= available:
            raise ValueError(
                f"threads: expected 1 to {available}, the number of processors, got {count}"
            )
    return list(dict.fromkeys(threads))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Measure what the arguments select; ValueError for what cannot run."""
    threads = _threads(args)
    if parts.needed(args, threads):
        return parts.measure(args, threads)
    return run_plan(make_plan(args))


def make_plan(args: argparse.Namespace) -> Plan:
    """Turn the arguments into a plan; ValueError for what cannot run."""
    if args.device == "cuda" and not torch.cuda.is_available():
        why = "no GPU is visible" if torch.version.cuda else "this torch was built without CUDA"
        raise ValueError(f"device: cuda is not available: {why}")
    threads = _threads(args)
    chosen = suite.select(args.op, args.case, main_only=args.quick and args.case is None)
    if args.device == "cuda":
        chosen = [case for case in chosen if case.op != "predict"]  # runs on the CPU
    if not chosen:
        raise ValueError("no case matches --op, --case and --device")
    peers.check(args.peers, threads)
    scaling_ops = [op for op in args.op if suite.scaling_case(op, 1)] if args.scaling else []
    return Plan(
        cases=chosen,
        threads=threads,
        device=args.device,
        quick=args.quick,
        compiled=not args.quick if args.compile is None else args.compile,
        scaling_ops=scaling_ops,
        peers=list(dict.fromkeys(args.peers)),
    )


def check_outputs(args: argparse.Namespace) -> None:
    """Raise ValueError, before measuring, if a file could not be written."""
    for name in ("json", "markdown"):
        path: Path | None = getattr(args, name)
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{name}: expected a file, got the folder {path}")
        if not path.resolve().parent.is_dir():
            raise ValueError(f"{name}: there is no folder {path.resolve().parent}")
    if args.plots is not None and args.plots.exists() and not args.plots.is_dir():
        raise ValueError(f"plots: expected a folder, got the file {args.plots}")


def read(path: Path) -> dict[str, Any]:
    """Read the file of --from; ValueError if it is not one of --json."""
    try:
        return results_file.load(path)
    except ValueError as error:
        raise ValueError(f"from: {error}") from error


def run_plan(plan: Plan) -> dict[str, Any]:
    """Run the plan; rows appear on stdout as they are measured, a progress bar on stderr."""
    table = console.Table()
    total = sum(1 for _ in plan.rows()) + sum(1 for _ in plan.scaling_points())
    # None: no bar unless stderr is a terminal
    with tqdm(total=total, unit="row", disable=None, leave=False, dynamic_ncols=True) as bar:

        def show_line(text: str) -> None:
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

        def show_row(text: str) -> None:
            show_line(text)
            bar.update()

        return runner.run(
            plan,
            Callbacks(
                begun=lambda document: show_line(console.heading(document)),
                step=bar.set_description,
                roofline=lambda found: show_line(f"\n{console.roofline(found)}"),
                result=lambda row: show_row(table.lines(row)),
                scaling=lambda point: show_row(console.scaling_line(point)),
            ),
        )


def show(document: dict[str, Any]) -> dict[str, Any]:
    """Print an earlier document as :func:`run_plan` does; return it."""
    table = console.Table()
    print(console.heading(document))
    for found in document["rooflines"]:
        print(console.roofline(found))
    for row in document["results"]:
        print(table.lines(row))
    for point in document["scaling"]:
        print(console.scaling_line(point))
    return document


def write(documents: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """Write the requested files, each as a whole or not at all. The plots are of the first."""
    document = documents[0]
    if args.json is not None:
        write_atomically(args.json, results_file.dumps(document).encode())
        if not args.part:
            print(f"Wrote {args.json}")
    if args.markdown is not None:
        write_atomically(args.markdown, markdown.table(*documents).encode())
        print(f"Wrote {args.markdown}")
    if args.plots is not None:
        from inkgrad_bench import plots

        args.plots.mkdir(parents=True, exist_ok=True)
        for name, picture in plots.draw(document).items():
            write_atomically(args.plots / name, picture)
            print(f"Wrote {args.plots / name}")
