"""The commands that look at a text: what they ask of the model, and what they say and write of it.

Knows nothing of their names' table and of terminals.
"""

import os
from collections.abc import Callable
from pathlib import Path

from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.generation import Plan, Step
from token_explorer.core.tokens import TokenIds, display
from token_explorer.errors import InputError, OutputError
from token_explorer.files import check_new, write_file
from token_explorer.overlays import OVERLAYS
from token_explorer.repl.line import Argument, Line, quoted, read, shown
from token_explorer.repl.session import Session
from token_explorer.repl.settings import draw_seed
from token_explorer.results.attention import Attended, attend
from token_explorer.results.completion import complete
from token_explorer.results.generation import generate, step_line
from token_explorer.results.lens import Lensed, look
from token_explorer.results.opened import Opened
from token_explorer.results.scoring import score
from token_explorer.results.tokenization import tokenize

# Where no count is given: how many candidates are listed, how many tokens are written.
LISTED = 10
WRITTEN = 10
# How many of the likeliest tokens each step shows, the chosen one among them.
ALTERNATIVES = 3
MOST = 100_000
ATTENTION_FILE = "attention.html"
LENS_FILE = "lens.html"
OVERLAY_NAMES = tuple(overlay.name for overlay in OVERLAYS)


def list_candidates(session: Session, line: Line, stop: Stop) -> None:
    """List the likeliest next tokens."""
    given = _text(line, 1)
    listed = _count(given, LISTED)
    _doubt(session, line, given, "a count", _is_count)
    opened, _, ids = _asked(session, given)
    session.say(complete(opened, ids, listed, False, stop).text(), stop)


def write(session: Session, line: Line, stop: Stop) -> None:
    """Let the model write, and show each step as it comes."""
    given = _text(line, 1)
    count = _count(given, WRITTEN)
    _doubt(session, line, given, "a count", _is_count)
    opened, _, ids = _asked(session, given)
    plan = Plan(count, session.sampler, draw_seed(session), len(ids), alternatives=ALTERNATIVES)

    def tell(step: Step) -> None:
        session.say([step_line(opened, step, step.place - len(ids) + 1)])

    session.say(generate(opened, ids, plan, tell, stop).closing())


def cut_text(session: Session, line: Line, stop: Stop) -> None:
    """Show how the text is cut into tokens."""
    opened, text, ids = _asked(session, _text(line, 0))
    session.say(tokenize(opened.vocabulary, ids, text, opened.info.model).text(), stop)


def score_tokens(session: Session, line: Line, stop: Stop) -> None:
    """Tell how expected each token was, with the overlays that are named."""
    given = _text(line, None)
    names = [name for word in given.words for name in word.split(",") if name]
    _doubt(session, line, given, "an overlay", OVERLAY_NAMES.__contains__)
    opened, _, ids = _asked(session, given)
    session.say(score(opened, ids, names, None, session.heads, stop).text(), stop)


def write_attention(session: Session, line: Line, stop: Stop) -> None:
    """Write a page of what attends to what."""
    _write_page(session, line, stop, ATTENTION_FILE, attend)


def write_lens(session: Session, line: Line, stop: Stop) -> None:
    """Write a page of what each layer would say."""
    _write_page(session, line, stop, LENS_FILE, look)


def _write_page(
    session: Session,
    line: Line,
    stop: Stop,
    usual: str,
    ask: Callable[[Opened, TokenIds, None, Stop], Attended | Lensed],
) -> None:
    """Say what is asked, and write its page to the file that is named, or the usual one."""
    given = _text(line, 1)
    path = _target(line, given, usual)
    _doubt(session, line, given, "a file", _is_page)
    opened, _, ids = _asked(session, given)
    found = ask(opened, ids, None, stop)
    session.say(found.text(), stop)
    write_file(path, found.page(colours=session.palette).encode(), line.forced)
    where = Path(path).absolute().as_uri()
    session.say([Text(f"Written to {display(path)}; open it in a browser: {where}")])


def _asked(session: Session, given: Argument) -> tuple[Opened, str, TokenIds]:
    """The model that is asked, the text as it is asked about, and its tokens."""
    opened = session.ready()
    return opened, *session.encoded(opened, given.text)


# What follows a name.


def _text(line: Line, words: int | None) -> Argument:
    """The text that a command needs, and at most so many words after it, None for any number."""
    given = read(line.argument)
    if not given.text and not given.quoted:
        hint = f'Write it behind the name: {line.name} "…"; "" is the empty text.'
        raise InputError("Text missing", f"{line.name} needs one.", hint)
    if words is not None and len(given.words) > words:
        extra = shown(" ".join(given.words[words:]))
        message = f"{line.name} takes {'one word' if words else 'nothing'} after the text, not also {extra}."
        raise InputError(
            "Too much", message, "help tells what a command takes; a word with blanks is in quotes."
        )
    return given


def _count(given: Argument, usual: int) -> int:
    if not given.words:
        return usual
    text = given.words[0]
    if not (_is_count(text) and len(text) < 10 and 1 <= int(text) <= MOST):
        hint = f"After the text comes a whole number from 1 to {MOST}."
        raise InputError("Not a count", f"{shown(text)}.", hint)
    return int(text)


def _doubt(session: Session, line: Line, given: Argument, what: str, fits: Callable[[str], bool]) -> None:
    """Tell how to have the last word of a text without quotes taken for something else, where it may be."""
    text, _, last = given.text.rstrip().rpartition(" ")
    if not given.quoted and text and fits(last):
        better = f"{line.name} {quoted(text)} {last}"
        session.note(f"All of it is the text; with {last} as {what} it is: {better}")


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _is_page(word: str) -> bool:
    return word.lower().endswith((".html", ".htm"))


def _target(line: Line, given: Argument, usual: str) -> str:
    """The file to write, checked before the model is asked. Raises OutputError."""
    path = os.path.expanduser(given.words[0] if given.words else usual)
    if os.path.lexists(path) and not os.path.isdir(path) and not line.forced:
        name = "" if given.words else ", or another file name after a text in quotes"
        raise OutputError("Not written", f"{path} exists.", f"{line.name}! TEXT replaces it{name}.")
    check_new(path, line.forced)
    return path
