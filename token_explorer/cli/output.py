"""Results on stdout: in colours where a terminal shows them, and what to do where they can't be written."""

import io
import os
import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from token_explorer.errors import OutputError

if TYPE_CHECKING:
    from rich.text import Text

    from token_explorer.results.document import Document
    from token_explorer.results.result import Result

# What a shell reports for a program that ended because nobody read what it wrote: 128 + SIGPIPE.
SIGPIPE_CODE = 141
# Cells of a line that goes to no terminal.
WIDTH = 100


def line_width() -> int:
    """How many cells a line on stdout has."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal else WIDTH


def ready_output() -> None:
    """Have stdout take any text: where its encoding lacks a character an escape stands for that."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def publish(result: "Result", as_json: bool) -> None:
    """Write what a command says, as JSON or for a person."""
    if as_json:
        show_document(result.document())
    else:
        show(result.text())


def show(lines: "Iterable[Text]") -> None:
    """Write lines of text at once, each as soon as it is there."""
    from token_explorer.results import ink

    system = ink.colours(sys.stdout)
    for line in lines:
        write(ink.rendered(line, system) + "\n")


def show_document(document: "Document") -> None:
    """Write a JSON document."""
    from token_explorer.results.document import dumps

    write(dumps(document) + "\n")


def write(text: str) -> None:
    """Write to stdout at once. Raises OutputError, and BrokenPipeError where the reader has gone."""
    if sys.stdout is None:  # what Python makes of a closed one
        if text:
            raise OutputError("Can't write the output", "stdout is closed.", "Leave it open, or redirect it.")
        return
    try:
        _write_all(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        raise OutputError(
            "Can't write the output", f"{error.strerror or error}.", "Make room, or write it elsewhere."
        ) from None


def _write_all(stream: TextIO, text: str) -> None:
    """Write a text and flush it.

    A stream that Python doesn't buffer (PYTHONUNBUFFERED, -u) would leave out what a full disk can't take,
    and say nothing.
    """
    if not (isinstance(stream, io.TextIOWrapper) and isinstance(stream.buffer, io.RawIOBase)):
        stream.write(text)
        stream.flush()
        return
    rest = text.encode(stream.encoding, stream.errors or "strict")
    while rest:
        rest = rest[stream.buffer.write(rest) or 0 :]


def finish_output() -> None:
    """Write what is still held back. Raises as `write` does."""
    write("")


def drop_output() -> None:
    """Throw away what stdout still holds, as Python would try to write it at its end, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
