"""``inkgrad train``: train a model of the course and keep it in a file."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType

import torch
from tqdm import tqdm

from inkgrad.course.data import datasets as data
from inkgrad.course.models import ACTIVATIONS, ACTIVATIONS_OF, MODELS
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS, Settings, course_settings
from inkgrad.course.training import data_parallel as parallel
from inkgrad.course.training.loop import Batch, Diverged, Epoch, Run

USAGE = 2  # as argparse has it
INTERRUPTED = 128 + signal.SIGINT  # what a shell reports of a program that Ctrl-C ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    defaults = "; ".join(
        f"{name}: {s.epochs} epochs, batch size {s.batch_size or 'all'}, {s.optimizer}, lr {s.lr:g}"
        for name, s in DEFAULTS.items()
    )
    parser.epilog = f"Defaults: {defaults}. Ctrl-C ends early and keeps what was learned so far."
    parser.add_argument("model", choices=MODELS)
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="folder with MNIST/raw (digit models); CSV file, label of 0 or 1 last, or URL "
        "with #sha256=... (logistic, diabetes); default: the course's own data",
    )
    parser.add_argument("--epochs", type=int, metavar="N")
    parser.add_argument("--batch-size", type=int, metavar="N")
    parser.add_argument("--lr", type=float, metavar="X", help="learning rate")
    parser.add_argument(
        "--optimizer", choices=OPTIMIZERS, metavar="NAME", help=", ".join(OPTIMIZERS)
    )
    parser.add_argument("--momentum", type=float, metavar="X", help="for sgd and rmsprop")
    parser.add_argument("--weight-decay", type=float, metavar="X")
    parser.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        help=f"of the hidden layers of {' and '.join(ACTIVATIONS_OF)}",
    )
    parser.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="change every digit a little each time (default: cnn and strong do)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="same seed, same run (default: 0)")
    parser.add_argument(
        "--backend", choices=("fused", "native"), help="inkgrad's kernels (default) or torch's own"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cpu")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.safetensors", help="default: MODEL.safetensors, here"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a line per epoch, and no bar"
    )
    parser.set_defaults(usage_error=parser.error)


def run(args: argparse.Namespace) -> int:
    out: Path = args.out or Path(f"{args.model}.safetensors")
    try:
        settings = _settings(args)
        _check_writable(out)
    except ValueError as error:
        return args.usage_error(str(error)) if parallel.is_first() else USAGE
    if args.threads:
        torch.set_num_threads(args.threads)
    if settings.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    with parallel.joined(settings.device):
        try:
            source = _load(args)
        except data.DataError as error:
            print(f"inkgrad train: {error}", file=sys.stderr)
            return 1
        if source is None:
            return 1
        return _train(settings, source, out, as_json=args.json)


def _load(args: argparse.Namespace) -> data.Data | None:
    """The data; of several processes the first downloads it. None where that one failed."""
    source = None
    try:
        if parallel.is_first():
            source = data.load(args.model, args.data)
    finally:
        is_missing = parallel.anyone(parallel.is_first() and source is None)
    if source is None and not is_missing:
        source = data.load(args.model, args.data, say=lambda message: None)
    return source


def _settings(args: argparse.Namespace) -> Settings:
    if args.threads is not None and not 1 <= args.threads <= 1024:
        raise ValueError(f"threads: expected 1 to 1024, got {args.threads}")
    if args.device == "cuda" and not torch.cuda.is_available():
        why = "no GPU is to be seen" if torch.version.cuda else "this torch was built without CUDA"
        raise ValueError(f"device: cuda is not available: {why}")
    if args.device == "cuda":
        parallel.check_gpus()
    settings = course_settings(
        args.model,
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        optimizer=args.optimizer,
        momentum=args.momentum,
        weight_decay=args.weight_decay,
        activation=args.activation,
        augment=args.augment,
        seed=args.seed,
        backend=args.backend,
        device=args.device,
    )
    if settings.batch_size is not None and settings.batch_size < parallel.size():
        expected = f"an example for each of {parallel.size()} processes"
        raise ValueError(f"batch size: expected {expected}, got {settings.batch_size}")
    return settings


def _check_writable(out: Path) -> None:
    """Before training, not after it."""
    if out.is_dir():
        raise ValueError(f"out: {out} is a folder")
    if not out.parent.is_dir():
        raise ValueError(f"out: there is no folder {out.parent}")
    if not os.access(out.parent, os.W_OK):
        raise ValueError(f"out: the folder {out.parent} cannot be written to")


def _train(settings: Settings, source: data.Data, out: Path, *, as_json: bool) -> int:
    def say(line: str) -> None:
        if not parallel.is_first():
            return
        tqdm.write(line, file=sys.stderr if as_json else sys.stdout)

    diverged = None
    with _stop_on_ctrl_c() as stop:
        run = Run(settings, source, stop=stop)
        say(_opening(run))
        try:
            _show_progress(run, as_json=as_json)
        except Diverged as error:
            diverged = error
            say(f"Stopped: {error}. Try a lr smaller than {settings.lr:g}.")
        is_complete = len(run.history) == settings.epochs
        if not is_complete and not diverged:
            say(f"Stopped in epoch {len(run.history) + 1} of {settings.epochs}.")
        # After divergence the weights in hand are those of the last good epoch, if there was one.
        if run.history or (run.steps and not diverged):
            _finish(run, out, say)
        else:
            say(f"Nothing was learned; {out} is not written.")
    if diverged:
        return 1
    return 0 if is_complete else INTERRUPTED


def _show_progress(run: Run, *, as_json: bool) -> None:
    """Train with a bar on a terminal's stderr, and a line on stdout for each epoch."""
    epochs = run.settings.epochs
    lines_every = 1 if as_json else max(1, epochs // 20)
    with tqdm(
        total=epochs * len(run.train),
        unit=" examples",
        unit_scale=True,
        # None: unless stderr is a terminal
        disable=True if as_json or not parallel.is_first() else None,
        leave=False,
    ) as bar:

        def advance(batch: Batch) -> None:
            bar.set_description(f"epoch {batch.epoch}/{epochs}", refresh=False)
            if bar.update(batch.examples):  # drawn; for the next time, and not more often
                bar.set_postfix_str(f"loss {batch.loss:.4f}", refresh=False)

        run.on_batch = advance
        for epoch in run.epochs():
            is_last = epoch.epoch == epochs
            if is_last:
                run.test()
            if parallel.is_first() and (is_last or epoch.epoch % lines_every == 0):
                line = _json_line(run, epoch) if as_json else _line(run, epoch)
                tqdm.write(line, file=sys.stdout)
                sys.stdout.flush()


def _finish(run: Run, out: Path, say: Callable[[str], None]) -> None:
    if not parallel.is_first():
        return
    try:
        score = run.test_score or run.test()
        if score:
            say(f"test accuracy {score.accuracy:.2%} of {score.examples}, loss {score.loss:.4f}")
    finally:  # a second Ctrl-C ends the test, not the saving
        run.save(out)
        say(f"Saved {out}")


def _opening(run: Run) -> str:
    s = run.settings
    together = f", {parallel.size()} processes" if parallel.size() > 1 else ""
    return (
        f"Training {s.model} ({s.backend}, {s.device}) on {run.data.name}: {len(run.train)} "
        f"examples, {len(run.validation)} to validate, {len(run.data.test)} to test; "
        f"{s.optimizer}, lr {s.lr:g}, batch size {s.batch_size or 'all'}, seed {s.seed}{together}"
    )


def _line(run: Run, epoch: Epoch) -> str:
    judged = "validation accuracy" if len(run.validation) else "accuracy"
    return (
        f"epoch {epoch.epoch}/{run.settings.epochs}  loss {epoch.loss:.4f}  "
        f"{judged} {epoch.accuracy:.2%}  {epoch.seconds:.1f} s"
    )


def _json_line(run: Run, epoch: Epoch) -> str:
    fields = {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "accuracy": epoch.accuracy,
        "seconds": epoch.seconds,
    }
    if run.test_score:
        fields |= {"test_loss": run.test_score.loss, "test_accuracy": run.test_score.accuracy}
    return json.dumps(fields)


@contextmanager
def _stop_on_ctrl_c() -> Iterator[Event]:
    """An event that Ctrl-C sets; pressed again it interrupts at once."""
    stop = Event()

    def set_stop(signal_number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, set_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
