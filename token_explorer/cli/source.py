"""What the words of a command line say: its text, from an argument, a file or stdin, and its numbers.

Knows nothing of tokens.
"""

import sys
from collections.abc import Sequence

from token_explorer.errors import InputError
from token_explorer.files import MAX_BYTES, read_prompt, text_of

_STDIN = "-"


def read_text(text: str | None, input_file: str | None, strip: bool = False, flag: str = "TEXT") -> str:
    """The one text that was given, exact; a trailing blank or line end is a token of its own, and is kept.

    Args:
        text: as an argument or flag.
        input_file: named with --input; - for stdin.
        strip: whether blanks and line ends are taken off its end.
        flag: what the text is called in messages.

    Raises InputError.
    """
    if text is not None and input_file is not None:
        raise InputError("Two texts", f"{flag} and --input were both given.", "Leave one of them out.")
    if text is not None:
        whole = checked(text, flag)
    elif input_file in (None, _STDIN):
        whole = _stdin(flag)
    else:
        whole = read_prompt(str(input_file))
    return whole.rstrip() if strip else whole


def checked(text: str, flag: str) -> str:
    """A text from the command line. Raises InputError where its bytes were no UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"{flag} isn't UTF-8 text at character {error.start}."
        raise InputError("Can't read the prompt", message, "Put it in a file of UTF-8 text.") from None
    return text


def stop_texts(given: Sequence[str] | None, flag: str) -> tuple[str, ...]:
    """The texts that end a run. Raises InputError for an empty one, which is everywhere."""
    if "" in (given or ()):
        raise InputError("No stop text", f"{flag} is empty.", "Name a text, or leave the flag out.")
    return tuple(checked(text, flag) for text in given or ())


def _stdin(flag: str) -> str:
    """All that comes on stdin; at a terminal the user is told to type it."""
    if sys.stdin is None:
        raise InputError("No text", f"{flag} isn't there, nor is stdin.", "Give the text, or --input FILE.")
    if sys.stdin.isatty():
        print("Type the text, then Ctrl+D:", file=sys.stderr, flush=True)
    return text_of(sys.stdin.buffer.read(MAX_BYTES), "stdin")


def counted(text: str, flag: str, allowed: str) -> int:
    """The number, from 1, that a flag gives. Raises InputError, which says what is allowed."""
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) > 0):
        raise InputError("Impossible choice", f"{flag} {text}.", f"It should be {allowed}.")
    return int(text)
