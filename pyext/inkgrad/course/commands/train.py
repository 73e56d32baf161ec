"""``inkgrad train``: train a model of the course and save it as a file."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import torch
from tqdm import tqdm

from inkgrad.course import interrupts, models, tensor_file
from inkgrad.course.data import datasets
from inkgrad.course.data.tables import ENCODINGS, TableOptions
from inkgrad.course.files import read_limited, write_atomically
from inkgrad.course.models import ACTIVATIONS, ACTIVATIONS_OF, MODELS
from inkgrad.course.settings import DEFAULTS, OPTIMIZERS, Settings, course_settings
from inkgrad.course.texts import percent
from inkgrad.course.training import data_parallel
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_record import RunRecord
from inkgrad.course.training.run_store import RunStore
from inkgrad.course.training.trainer import Batch, Epoch, Trainer

USAGE = 2  # as in argparse
INTERRUPTED = 128 + signal.SIGINT  # as a shell reports a program that Ctrl-C ended

_SECONDS_BETWEEN_TRIES = 3.0
_HEADER_BYTES = 2**14  # of a weights file
# The options that a resumed run has already.
_SETTINGS = (
    *("data", "epochs", "batch_size", "lr", "optimizer", "momentum", "weight_decay"),
    *("activation", "augment", "seed", "backend", "device", "course", "standardize", "reduction"),
    *("label", "columns", "missing", "text", "header", "decimal", "encoding", "sheet"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    defaults = "; ".join(
        f"{name}: {s.epochs} epochs, batch size {s.batch_size or 'all'}, {s.optimizer}, lr {s.lr:g}"
        for name, s in DEFAULTS.items()
    )
    parser.epilog = f"Defaults: {defaults}. Ctrl-C stops early and saves what was learned so far; "
    parser.epilog += (
        "--resume goes on from there, also after a crash: runs are saved while they train."
    )
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
        default=None,
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
        "--resume",
        metavar="RUN",
        help="go on with an interrupted or stopped run, with its settings and its data",
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
        help="drop rows with missing values (default), or fill in the median or the most frequent "
        "category",
    )
    group.add_argument(
        "--text",
        choices=("categories", "drop"),
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
    group.add_argument(
        "--encoding",
        choices=ENCODINGS,
        metavar="NAME",
        help=f"of the text, if it does not say so (default: as it looks): {', '.join(ENCODINGS)}",
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
        missing=args.missing or "drop",
        text=args.text or "categories",
        header=args.header,
        decimal=args.decimal,
        encoding=args.encoding,
        sheet=args.sheet,
    )


def run(args: argparse.Namespace) -> int:
    out: Path = args.out or Path(f"{args.model}.safetensors")
    store = RunStore.default()
    output = _Output(as_json=args.json)
    try:
        record = _record_to_resume(args, store) if args.resume else None
        settings = record.settings if record else _settings(args)
        _check_device(settings.device)
        _check_writable(out, settings.model)
    except ValueError as error:
        return args.usage_error(str(error)) if data_parallel.is_first() else USAGE
    threads = args.threads or (record.threads if record else 0)
    if threads:
        torch.set_num_threads(threads)
    if settings.device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
    if store.notice:
        print(f"inkgrad train: {store.notice}", file=sys.stderr)
    if record and record.state == "finished":
        return _save_finished(record, store, out, output)
    with data_parallel.joined(settings.device):
        progress = _Progress(output, settings)
        callbacks: dict[str, Any] = {"on_batch": progress.advance, "on_epoch": progress.end_epoch}
        try:
            if record:
                started = Run.resumed(store, record.id, **callbacks)
            else:
                data = _load(args)
                if data is None:
                    return 1
                started = Run(settings, lambda report: data, store, **callbacks)
        except (datasets.DataError, ValueError) as error:
            print(f"inkgrad train: {error}", file=sys.stderr)
            return 1
        return _train(started, store, out, progress, output)


def _record_to_resume(args: argparse.Namespace, store: RunStore) -> RunRecord:
    """The record of the run to go on with. ValueError if it is none, or settings are given."""
    given = [name for name in _SETTINGS if getattr(args, name) is not None]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"resume: the settings are those of the run; leave out {options}")
    record = store.load(args.resume)
    if record.settings.model != args.model:
        raise ValueError(f"resume: expected a run of {args.model}, got {record.settings.model}")
    return record


def _save_finished(record: RunRecord, store: RunStore, out: Path, output: _Output) -> int:
    """Write the weights of a run that may have been killed between its end and writing them."""
    if data_parallel.is_first():
        write_atomically(out, read_limited(store.weights(record.id), tensor_file.MAX_BYTES))
    output.report(f"Run {record.id} is finished; nothing is left to train.")
    output.report(f"Saved {out}")
    output.check()
    return 0


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
    settings = course_settings(
        args.model,
        as_in_course=bool(args.course),
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


def _check_device(device: str) -> None:
    if device != "cuda":
        return
    if not torch.cuda.is_available():
        why = "no GPU found" if torch.version.cuda else "this torch was built without CUDA"
        raise ValueError(f"device: cuda is not available: {why}")
    data_parallel.check_gpus()


def _check_writable(out: Path, model: str) -> None:
    """Fail before training rather than after it: write as much as will be written."""
    if out.is_dir():
        raise ValueError(f"out: expected a file, got the folder {out}")
    if not out.parent.is_dir():
        raise ValueError(f"out: expected an existing folder, got {out.parent}")
    weights = models.build_empty(model).state_dict().values()
    size = sum(weight.nbytes for weight in weights) + _HEADER_BYTES
    try:
        with tempfile.TemporaryFile(dir=out.parent) as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        expected = f"a folder where {size} bytes can be written"
        raise ValueError(f"out: expected {expected}, got {out.parent}: {error.strerror}") from None


def _train(run: Run, store: RunStore, out: Path, progress: _Progress, output: _Output) -> int:
    with _stop_on_signals(run) as received:
        output.run = run
        try:
            run.work()
        finally:  # a second Ctrl-C ends the run at once, but what was learned is saved
            is_saved = _save_weights(run, store, out, output, received)
        code = _report_end(run, out, progress, output, is_saved)
    output.check()
    return received[0] + 128 if received else code


def _report_end(
    run: Run, out: Path, progress: _Progress, output: _Output, is_saved: bool | None
) -> int:
    record, trainer = run.record(), run.trainer
    epochs = record.settings.epochs
    if record.state == "failed":
        print(f"inkgrad train: {record.message}", file=sys.stderr)
    elif record.state == "diverged":
        output.report(f"Training diverged {record.message}.")
    elif record.state == "stopped":
        output.report(f"Stopped in epoch {record.epochs_done + 1} of {epochs}. {record.message}")
    progress.end(trainer)
    if trainer is not None and trainer.test_result:
        test = trainer.test_result
        accuracy = percent(test.accuracy, 2)
        output.report(f"test accuracy {accuracy} of {test.examples}, loss {test.loss:.4f}")
    for warning in record.warnings:
        output.report(warning)
    if run.status().can_resume and not run.is_unsaved:
        again = f"inkgrad train {record.settings.model} --resume {run.id}"
        output.report(f"To go on with this run: {again}")
    if is_saved:
        output.report(f"Saved {out}")
    elif is_saved is None:
        output.report(f"Nothing was learned; {out} is not written.")
    return 0 if record.state == "finished" and is_saved is not False else 1


def _save_weights(
    run: Run, store: RunStore, out: Path, output: _Output, received: list[int]
) -> bool | None:
    """Write the weights to ``out``; None if nothing was learned, False if that is impossible.

    While they can be saved neither there nor in the store, waits for that, unless a signal ends it.
    """
    trainer = run.trainer
    if trainer is None or not data_parallel.is_first():
        return None
    # A diverged model has the weights of the last good epoch, if there was one.
    if not trainer.history and (run.record().state == "diverged" or not trainer.steps):
        return None
    while True:
        try:
            trainer.save(out)
        except OSError as error:
            print(f"inkgrad train: {out} cannot be written: {error}", file=sys.stderr)
        else:
            return True
        if run.save_again():
            print(f"The weights are in {store.weights(run.id)}", file=sys.stderr)
            return False
        if received:
            return False
        print("The weights are in memory; waiting for room on the disk.", file=sys.stderr)
        time.sleep(_SECONDS_BETWEEN_TRIES)


class _Output:
    """Lines of text. Where nobody reads them any more, the run is stopped and saved."""

    def __init__(self, *, as_json: bool) -> None:
        self.run: Run | None = None
        self.as_json = as_json
        self._error: OSError | None = None

    def report(self, line: str) -> None:
        """A line for people: on stdout, or on stderr where stdout is JSON."""
        self.write(line, sys.stderr if self.as_json else sys.stdout)

    def write(self, line: str, file: TextIO) -> None:
        if not data_parallel.is_first() or self._error is not None:
            return
        try:
            tqdm.write(line, file=file)
            file.flush()
        except OSError as error:  # a closed pipe, a terminal that is gone
            self._error = error
            if self.run is not None:
                self.run.stop()

    def check(self) -> None:
        """Raise the error that ended the output, if there was one."""
        if self._error is not None:
            raise self._error


class _Progress:
    """A progress bar on a terminal's stderr, and a line on stdout per epoch."""

    def __init__(self, output: _Output, settings: Settings) -> None:
        self._output = output
        self._settings = settings
        self._lines_every = 1 if output.as_json else max(1, settings.epochs // 20)
        self._bar: Any = None
        self._problem: str | None = None
        self._last: Epoch | None = None  # not shown yet: its line has the test accuracy

    def advance(self, batch: Batch) -> None:
        if self._bar is None:
            self._begin()
        self._bar.set_description(f"epoch {batch.epoch}/{self._settings.epochs}", refresh=False)
        if self._bar.update(batch.examples):  # after each drawing of the bar, for the next one
            self._bar.set_postfix_str(f"loss {batch.loss:.4f}", refresh=False)

    def end_epoch(self, trainer: Trainer) -> None:
        epoch = trainer.history[-1]
        if epoch.epoch == self._settings.epochs:
            self._last = epoch
        elif epoch.epoch % self._lines_every == 0:
            self._show(trainer, epoch)
        run = self._output.run
        problem = run.status().problem if run is not None and run.is_unsaved else None
        if problem and problem != self._problem:
            self._output.write(f"inkgrad train: {problem}", sys.stderr)
        self._problem = problem

    def end(self, trainer: Trainer | None) -> None:
        if self._bar is not None:
            self._bar.close()
        if trainer is not None and self._last is not None:
            self._show(trainer, self._last)

    def _begin(self) -> None:
        run = self._output.run
        assert run is not None
        assert run.trainer is not None
        trainer = run.trainer
        self._output.report(_opening(trainer, run.id))
        self._bar = tqdm(
            total=self._settings.epochs * len(trainer.train),
            initial=trainer.epochs_done * len(trainer.train),
            unit=" examples",
            unit_scale=True,
            # None: disabled unless stderr is a terminal
            disable=True if self._output.as_json or not data_parallel.is_first() else None,
            leave=False,
        )

    def _show(self, trainer: Trainer, epoch: Epoch) -> None:
        as_json = self._output.as_json
        line = _json_line(trainer, epoch) if as_json else _line(trainer, epoch)
        self._output.write(line, sys.stdout)


def _opening(trainer: Trainer, run: str) -> str:
    s = trainer.settings
    together = f", {data_parallel.size()} processes" if data_parallel.size() > 1 else ""
    scaled = ", columns standardized" if s.standardize else ""
    begun = f"Resuming at step {trainer.steps}: " if trainer.steps > 1 else ""
    return (
        f"{begun}Training {s.model} ({s.backend}, {s.device}) on {trainer.data.name}: "
        f"{len(trainer.train)} training, {len(trainer.validation)} validation, "
        f"{len(trainer.data.test)} test examples; "
        f"{s.optimizer}, lr {s.lr:g}, batch size {s.batch_size or 'all'}, seed {s.seed}{scaled}"
        f"{together}; run {run}"
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
def _stop_on_signals(run: Run) -> Iterator[list[int]]:
    """Ctrl-C, SIGTERM and SIGHUP stop the run; a second one interrupts at once.

    Yields the list of the signals that came. Under nohup, SIGHUP stays ignored.
    """
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        run.stop()

    with interrupts.handled_by(stop):
        yield received
