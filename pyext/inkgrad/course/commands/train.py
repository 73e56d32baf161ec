"""``inkgrad train``: train a model of the course and save it as a file."""

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

from inkgrad.course.data import datasets
from inkgrad.course.data.tables import TableOptions
from inkgrad.course.models import ACTIVATIONS, ACTIVATIONS_OF, MODELS
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS, Settings, course_settings
from inkgrad.course.texts import percent
from inkgrad.course.training import data_parallel
from inkgrad.course.training.trainer import Batch, Diverged, Epoch, Trainer

USAGE = 2  # as in argparse
INTERRUPTED = 128 + signal.SIGINT  # as a shell reports a program that Ctrl-C ended


def add_arguments(parser: argparse.ArgumentParser) -> None:
    defaults = "; ".join(
        f"{name}: {s.epochs} epochs, batch size {s.batch_size or 'all'}, {s.optimizer}, lr {s.lr:g}"
        for name, s in DEFAULTS.items()
    )
    parser.epilog = f"Defaults: {defaults}. Ctrl-C stops early and saves what was learned so far."
    parser.add_argument("model", choices=MODELS)
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="folder with MNIST/raw (digit models); table as delimited text or .xlsx, packed by "
        "gzip or zip or not, or URL with #sha256=... (logistic, diabetes); default: the course's "
        "own data",
    )
    _add_table_options(parser)
    parser.add_argument(
        "--course",
        action="store_true",
        help="start from the course's own settings; the other options change them",
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
        help=f"for the hidden layers of {' and '.join(ACTIVATIONS_OF)}",
    )
    parser.add_argument(
        "--augment",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="vary every digit slightly each time (default for cnn and strong)",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the same seed gives the same run (default: 0)"
    )
    parser.add_argument(
        "--backend",
        choices=("fused", "native"),
        help="inkgrad's kernels (default) or torch's own ops",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cpu")
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.safetensors", help="default: MODEL.safetensors"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one line of JSON per epoch, and no progress bar"
    )
    parser.set_defaults(usage_error=parser.error)


def _add_table_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "tables", "how --data is read; columns are called by title or number, -1 is the last"
    )
    group.add_argument(
        "--label",
        metavar="COLUMN",
        help="column of the labels (default: found by its title; last; first)",
    )
    group.add_argument(
        "--columns",
        nargs="+",
        metavar="COLUMN",
        help="columns to learn from (default: all numbers and categories)",
    )
    group.add_argument(
        "--missing",
        choices=("drop", "fill"),
        default="drop",
        help="drop rows with missing values (default), or fill in the median or the most frequent "
        "category",
    )
    group.add_argument(
        "--text",
        choices=("categories", "drop"),
        default="categories",
        help="use text columns with few values as categories (default), or leave them out",
    )
    group.add_argument(
        "--header",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the first row has titles, or not (default: as it looks)",
    )
    group.add_argument(
        "--decimal", choices=(".", ","), help="decimal separator (default: as it looks)"
    )
    group.add_argument("--sheet", metavar="NAME", help="of an Excel file (default: the first)")
    group.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="scale each column to mean 0 and standard deviation 1 (default)",
    )
    group.add_argument(
        "--reduction",
        choices=("mean", "sum"),
        help="of the loss over a batch (default: mean; logistic with --course: sum)",
    )


def _table_options(args: argparse.Namespace) -> TableOptions:
    return TableOptions(
        label=args.label,
        columns=tuple(args.columns) if args.columns else None,
        missing=args.missing,
        text=args.text,
        header=args.header,
        decimal=args.decimal,
        sheet=args.sheet,
    )


def run(args: argparse.Namespace) -> int:
    out: Path = args.out or Path(f"{args.model}.safetensors")
    try:
        settings = _settings(args)
        _check_writable(out)
    except ValueError as error:
        return args.usage_error(str(error)) if data_parallel.is_first() else USAGE
    if args.threads:
        torch.set_num_threads(args.threads)
    if settings.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    with data_parallel.joined(settings.device):
        try:
            data = _load(args)
        except datasets.DataError as error:
            print(f"inkgrad train: {error}", file=sys.stderr)
            return 1
        if data is None:
            return 1
        return _train(settings, data, out, as_json=args.json)


def _load(args: argparse.Namespace) -> datasets.Data | None:
    """Load the data, in the first of several processes first; None if that one failed."""
    data = None
    try:
        if data_parallel.is_first():
            data = datasets.load(args.model, args.data, options=_table_options(args))
    finally:
        is_missing = data_parallel.anyone(data_parallel.is_first() and data is None)
    if data is None and not is_missing:
        data = datasets.load(args.model, args.data, lambda message: None, _table_options(args))
    return data


def _settings(args: argparse.Namespace) -> Settings:
    if args.threads is not None and not 1 <= args.threads <= 1024:
        raise ValueError(f"threads: expected 1 to 1024, got {args.threads}")
    if args.device == "cuda" and not torch.cuda.is_available():
        why = "no GPU found" if torch.version.cuda else "this torch was built without CUDA"
        raise ValueError(f"device: cuda is not available: {why}")
    if args.device == "cuda":
        data_parallel.check_gpus()
    settings = course_settings(
        args.model,
        as_in_course=args.course,
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        optimizer=args.optimizer,
        momentum=args.momentum,
        weight_decay=args.weight_decay,
        activation=args.activation,
        augment=args.augment,
        standardize=args.standardize,
        reduction=args.reduction,
        seed=args.seed,
        backend=args.backend,
        device=args.device,
    )
    if settings.batch_size is not None and settings.batch_size < data_parallel.size():
        expected = f"an example for each of {data_parallel.size()} processes"
        raise ValueError(f"batch size: expected {expected}, got {settings.batch_size}")
    return settings


def _check_writable(out: Path) -> None:
    """Fail before training rather than after it."""
    if out.is_dir():
        raise ValueError(f"out: expected a file, got the folder {out}")
    if not out.parent.is_dir():
        raise ValueError(f"out: expected an existing folder, got {out.parent}")
    if not os.access(out.parent, os.W_OK):
        raise ValueError(f"out: expected a writable folder, got {out.parent}")


def _train(settings: Settings, data: datasets.Data, out: Path, *, as_json: bool) -> int:
    def report(line: str) -> None:
        if not data_parallel.is_first():
            return
        tqdm.write(line, file=sys.stderr if as_json else sys.stdout)

    diverged = None
    with _stop_on_ctrl_c() as stop:
        trainer = Trainer(settings, data, stop=stop)
        report(_opening(trainer))
        try:
            _show_progress(trainer, as_json=as_json)
        except Diverged as error:
            diverged = error
            report(f"Training diverged {error}. Try a learning rate below {settings.lr:g}.")
        is_complete = len(trainer.history) == settings.epochs
        if not is_complete and not diverged:
            report(f"Stopped in epoch {len(trainer.history) + 1} of {settings.epochs}.")
        # A diverged model has the weights of the last good epoch, if there was one.
        if trainer.history or (trainer.steps and not diverged):
            _finish(trainer, out, report)
        else:
            report(f"Nothing was learned; {out} is not written.")
    if diverged:
        return 1
    return 0 if is_complete else INTERRUPTED


def _show_progress(trainer: Trainer, *, as_json: bool) -> None:
    """Train, with a progress bar on a terminal's stderr and a line on stdout per epoch."""
    epochs = trainer.settings.epochs
    lines_every = 1 if as_json else max(1, epochs // 20)
    with tqdm(
        total=epochs * len(trainer.train),
        unit=" examples",
        unit_scale=True,
        # None: disabled unless stderr is a terminal
        disable=True if as_json or not data_parallel.is_first() else None,
        leave=False,
    ) as bar:

        def advance(batch: Batch) -> None:
            bar.set_description(f"epoch {batch.epoch}/{epochs}", refresh=False)
            if bar.update(batch.examples):  # after each drawing of the bar, for the next one
                bar.set_postfix_str(f"loss {batch.loss:.4f}", refresh=False)

        trainer.on_batch = advance
        for epoch in trainer.epochs():
            is_last = epoch.epoch == epochs
            if is_last:
                trainer.test()
            if data_parallel.is_first() and (is_last or epoch.epoch % lines_every == 0):
                line = _json_line(trainer, epoch) if as_json else _line(trainer, epoch)
                tqdm.write(line, file=sys.stdout)
                sys.stdout.flush()


def _finish(trainer: Trainer, out: Path, report: Callable[[str], None]) -> None:
    if not data_parallel.is_first():
        return
    try:
        test = trainer.test_result or trainer.test()
        if test:
            accuracy = percent(test.accuracy, 2)
            report(f"test accuracy {accuracy} of {test.examples}, loss {test.loss:.4f}")
    finally:  # a second Ctrl-C interrupts the test, but not the saving
        trainer.save(out)
        report(f"Saved {out}")


def _opening(trainer: Trainer) -> str:
    s = trainer.settings
    together = f", {data_parallel.size()} processes" if data_parallel.size() > 1 else ""
    scaled = ", columns standardized" if s.standardize else ""
    return (
        f"Training {s.model} ({s.backend}, {s.device}) on {trainer.data.name}: "
        f"{len(trainer.train)} training, {len(trainer.validation)} validation, "
        f"{len(trainer.data.test)} test examples; "
        f"{s.optimizer}, lr {s.lr:g}, batch size {s.batch_size or 'all'}, seed {s.seed}{scaled}"
        f"{together}"
    )


def _line(trainer: Trainer, epoch: Epoch) -> str:
    kind = "validation accuracy" if len(trainer.validation) else "accuracy"
    return (
        f"epoch {epoch.epoch}/{trainer.settings.epochs}  loss {epoch.loss:.4f}  "
        f"{kind} {percent(epoch.accuracy, 2)}  {epoch.seconds:.1f} s"
    )


def _json_line(trainer: Trainer, epoch: Epoch) -> str:
    fields = {
        "epoch": epoch.epoch,
        "loss": epoch.loss,
        "accuracy": epoch.accuracy,
        "seconds": epoch.seconds,
    }
    if test := trainer.test_result:
        fields |= {"test_loss": test.loss, "test_accuracy": test.accuracy}
    return json.dumps(fields)


@contextmanager
def _stop_on_ctrl_c() -> Iterator[Event]:
    """An event that Ctrl-C sets; a second Ctrl-C interrupts at once."""
    stop = Event()

    def set_stop(signal_number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, set_stop)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
