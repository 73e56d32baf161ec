"""``inkgrad bench``: the arguments, and where the results go."""

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
from inkgrad_bench import cases, environment, markdown, report, session
from inkgrad_bench.session import Plan, Watcher

INTERRUPTED = 128 + signal.SIGINT  # what a shell reports of a program that Ctrl-C ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Time the kernels against torch's own, eager and compiled."
    parser.epilog = (
        "Run it on a machine that has nothing else to do. Ctrl-C ends it early and keeps what was "
        "measured. Exit code 1 if a case fails to run."
    )
    parser.add_argument(
        "--op", nargs="+", choices=cases.OPS, default=list(cases.OPS), metavar="NAME",
        help=f"only these: {', '.join(cases.OPS)}",
    )  # fmt: skip
    parser.add_argument("--case", metavar="TEXT", help="only cases with this text in their name")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    parser.add_argument(
        "--threads", nargs="+", type=int, metavar="N", help="default: 1 and all processors"
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="a minute or two: the main cases, few samples, no torch.compile unless asked for",
    )  # fmt: skip
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=None,
        help="also time torch.compile'd native torch in the main cases (takes minutes, needs a C++ "
        "compiler)",
    )  # fmt: skip
    parser.add_argument(
        "--scaling", action="store_true", help="also every op at batch 1 to 65536 (minutes)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write a short table")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw plots (PNG) into a folder")
    parser.add_argument(
        "--from", type=Path, metavar="FILE", dest="earlier",
        help="measure nothing: table, --markdown and --plots from an earlier --json file",
    )  # fmt: skip
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    """0, 1 if a case failed, 130 after Ctrl-C."""
    if args.plots is not None:
        import inkgrad_bench.plots  # noqa: F401  # matplotlib is missed now, not after measuring
    try:
        check_outputs(args)
        found = read(args.earlier) if args.earlier else make_plan(args)
    except ValueError as error:
        return int(args.usage_error(str(error)))
    document = measure(found) if isinstance(found, Plan) else show(found)
    print(report.summary(document))
    write(document, args)
    if not document["complete"]:
        return INTERRUPTED
    return 1 if document["failures"] else 0


def make_plan(args: argparse.Namespace) -> Plan:
    """ValueError for what cannot be run."""
    if args.device == "cuda" and not torch.cuda.is_available():
        why = "no GPU is to be seen" if torch.version.cuda else "this torch was built without CUDA"
        raise ValueError(f"device: cuda is not available: {why}")
    available = environment.processors()
    threads = args.threads or ([available] if args.device == "cuda" else [1, available])
    for count in threads:
        if not 1 <= count <= available:
            raise ValueError(f"threads: expected 1 to {available}, the processors, got {count}")
    chosen = cases.select(args.op, args.case, main_only=args.quick and args.case is None)
    if args.device == "cuda":
        chosen = [case for case in chosen if case.op != "predict"]  # reads on the CPU
    if not chosen:
        raise ValueError("no case fits --op, --case and --device")
    scaling_ops = [op for op in args.op if cases.scaling_case(op, 1)] if args.scaling else []
    return Plan(
        cases=chosen,
        threads=list(dict.fromkeys(threads)),
        device=args.device,
        quick=args.quick,
        compiled=not args.quick if args.compile is None else args.compile,
        scaling_ops=scaling_ops,
    )


def check_outputs(args: argparse.Namespace) -> None:
    """Before measuring, not after it: ValueError if a file could not be written."""
    for name in ("json", "markdown"):
        path: Path | None = getattr(args, name)
        if path is None:
            continue
        if path.is_dir():
            raise ValueError(f"{name}: {path} is a folder")
        if not path.resolve().parent.is_dir():
            raise ValueError(f"{name}: there is no folder {path.resolve().parent}")
    if args.plots is not None and args.plots.exists() and not args.plots.is_dir():
        raise ValueError(f"plots: {args.plots} is not a folder")


def read(path: Path) -> dict[str, Any]:
    """A document of :mod:`.session`; ValueError for any other file."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"from: {path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != session.SCHEMA:
        raise ValueError(f"from: {path} was not written by this version of inkgrad bench --json")
    return document


def measure(plan: Plan) -> dict[str, Any]:
    """Run the plan, showing rows on stdout as they come and a progress bar on stderr."""
    table = report.Table()
    total = sum(1 for _ in plan.rows()) + sum(1 for _ in plan.scaling_points())
    # None: no bar unless stderr is a terminal
    with tqdm(total=total, unit="row", disable=None, leave=False, dynamic_ncols=True) as bar:

        def say(text: str) -> None:
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()

        def say_row(text: str) -> None:
            say(text)
            bar.update()

        return session.run(
            plan,
            Watcher(
                opened=lambda begun: say(report.heading(begun)),
                started=bar.set_description,
                limited=lambda found: say(f"\n{report.ceiling(found)}"),
                measured=lambda row: say_row(table.lines(row)),
                scaled=lambda point: say_row(report.scaling_line(point)),
            ),
        )


def show(document: dict[str, Any]) -> dict[str, Any]:
    """All that was measured, as :func:`measure` shows it."""
    table = report.Table()
    print(report.heading(document))
    for found in document["ceilings"]:
        print(report.ceiling(found))
    for row in document["results"]:
        print(table.lines(row))
    for point in document["scaling"]:
        print(report.scaling_line(point))
    return document


def write(document: dict[str, Any], args: argparse.Namespace) -> None:
    """What was asked for; each file as a whole or not at all."""
    if args.json is not None:
        text = json.dumps(document, indent=1, allow_nan=False)
        write_atomically(args.json, f"{text}\n".encode())
        print(f"Wrote {args.json}")
    if args.markdown is not None:
        write_atomically(args.markdown, markdown.table(document).encode())
        print(f"Wrote {args.markdown}")
    if args.plots is not None:
        from inkgrad_bench import plots

        args.plots.mkdir(parents=True, exist_ok=True)
        for name, picture in plots.draw(document).items():
            write_atomically(args.plots / name, picture)
            print(f"Wrote {args.plots / name}")
