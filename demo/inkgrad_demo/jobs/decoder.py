"""Decodes the files that visitors send, in processes of their own with limits on memory and time.

A file that is made to harm can so end its own process only. The processes are forked from one that
has imported what they need: a decoder starts in milliseconds.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from inkgrad.course.data import own_digits, tables
from inkgrad.course.data.datasets import Data, DataError, table_data
from inkgrad.course.data.errors import UndecidedError
from inkgrad.course.data.tables import Limits, TableOptions
from inkgrad.course.data.tables.facts import Facts
from inkgrad.course.data.tables.unpacking import is_table_archive
from inkgrad.course.messages import Message, message_of
from inkgrad_demo.texts import message

MAX_SECONDS = 30
"""A decoder that takes longer is killed."""
MAX_MEMORY = 1536 * 2**20
"""Bytes that a decoder may allocate."""
LIMITS = Limits(unpacked=64 * 2**20, columns=4000, cells=10_000_000)
_MAX_DECODERS = 2
_MAX_SECONDS_WAITING = 30

_free = threading.Semaphore(_MAX_DECODERS)


class Decoded(NamedTuple):
    """The data in a file; ``facts``: what was understood of a table, None for images.

    ``options`` are those with which it was read: the ones given, and what the table left open.
    """

    data: Data
    facts: Facts | None
    options: TableOptions = TableOptions()


def decode(content: bytes, name: str, options: TableOptions) -> Decoded:
    """Decode a table or a zip archive of images. DataError, which calls it ``name``, if it is bad,
    or takes too much time or memory.
    """
    if not _free.acquire(timeout=_MAX_SECONDS_WAITING):
        raise DataError(message("problem.decoders_busy", file=name))
    try:
        answer = _in_process(content, name, options)
    finally:
        _free.release()
    if isinstance(answer, str):
        raise DataError(answer)
    return answer


def decoded(content: bytes, name: str, options: TableOptions) -> Decoded:
    """:func:`decode` in this process, with the limits on sizes only."""
    if content.startswith(b"PK") and not is_table_archive(content, name):
        return Decoded(own_digits.archive(content, name), None, options)
    open_questions: list[Message | str] = []
    while True:
        try:
            table = tables.parse(content, name, options, LIMITS)
        except UndecidedError as error:  # the visitor sees the table, and decides
            options = replace(options, **{error.option: error.value})  # type: ignore[arg-type]
            open_questions.append(message_of(error))
        else:
            facts = replace(table.facts, lines=(*open_questions, *table.facts.lines))
            return Decoded(table_data(table, name), facts, options)


def _in_process(content: bytes, name: str, options: TableOptions) -> Decoded | str:
    """The decoder's answer: the data, or why there is none."""
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, content, name, options), daemon=True)
    with ours:
        process.start()
        theirs.close()
        try:
            if not ours.poll(MAX_SECONDS):
                return message("problem.decoding_slow", file=name, seconds=MAX_SECONDS)
            answer: Decoded | str = pickle.loads(ours.recv_bytes())
            return answer
        except (EOFError, OSError):  # the system ended it
            return message("problem.decoding_large", file=name)
        finally:
            process.kill()
            process.join()
            process.close()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pandas"])
    return context


def _work(connection: Connection, content: bytes, name: str, options: TableOptions) -> None:
    answer: Decoded | str
    try:
        _limit()
        answer = decoded(content, name, options)
    except DataError as error:
        answer = message_of(error)
    except MemoryError:
        answer = message("problem.decoding_large", file=name)
    except Exception as error:  # of any kind: the visitor is told
        answer = message("problem.decoding", file=name, error=f"{type(error).__name__}: {error}")
    connection.send_bytes(pickle.dumps(answer))  # no tensors in shared memory: this process ends


def _limit() -> None:
    """Limit memory and time where the system can; give way to what draws and trains."""
    with suppress(AttributeError, OSError):
        os.nice(5)
    try:
        import resource

        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    with suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY, used + MAX_MEMORY))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS + 1))
