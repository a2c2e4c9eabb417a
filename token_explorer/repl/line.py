r"""What a typed line says: the name of a command, its text, and the words after the text.

A text is in double quotes (with \n, \t, \" and \\ in it), in single quotes (as it is), or the rest of the
line as it is; only what is in quotes can be followed by words. Pure; knows nothing of what commands do.
"""

import re
from dataclasses import dataclass

from token_explorer.core.tokens import display, visible_blanks
from token_explorer.errors import InputError

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_WRITTEN = {char: f"\\{letter}" for letter, char in _ESCAPES.items()}
_QUOTED = r'"(?:[^"\\]|\\.)*"|' + r"'[^']*'"
_CLOSED = re.compile(_QUOTED, re.DOTALL)
_WORD = re.compile(rf"(?:{_QUOTED})(?=[ \t]|$)|[^ \t\"'][^ \t]*", re.DOTALL)
_PARTS = re.compile(r"""[ \t]*([^ \t\n"']*)[ \t]*(.*)""", re.DOTALL)
_LINE = re.compile(rf"""[ \t]*[^ \t\n"']*[ \t]*(?:{_QUOTED})?[^\n]*""", re.DOTALL)
# What a name ends in where the command shall replace the file that it writes.
_FORCE = "!"
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A line that names a command.

    Attributes:
        name: of the command; '' where the line is blank.
        forced: whether a ! stands behind the name.
        argument: all that follows, as it was typed, but for the blanks before it.
    """

    name: str
    forced: bool
    argument: str


@dataclass(frozen=True, slots=True)
class Argument:
    """A text, and what stands after it.

    Attributes:
        text: as it was meant: without its quotes, and with what escapes stand for.
        quoted: whether it was in quotes.
        words: what stands after the quotes; () where there are none.
    """

    text: str
    quoted: bool
    words: tuple[str, ...] = ()


def lines(typed: str) -> list[str]:
    """The lines of what was typed or pasted at once; a text in quotes may go over several of them."""
    typed = typed.replace("\r\n", "\n").replace("\r", "\n")
    found, place = [], 0
    while place < len(typed):
        line = _LINE.match(typed, place)
        assert line is not None  # it matches the empty line, too
        found.append(line[0])
        place = line.end() + 1  # behind the newline
    return found


def cut(line: str) -> Line:
    """A line cut into name and argument."""
    parts = _PARTS.fullmatch(line)
    assert parts is not None  # each part may be empty
    name, argument = parts.groups()
    return Line(name.removesuffix(_FORCE), name.endswith(_FORCE), argument)


def read(argument: str) -> Argument:
    """What an argument says. Raises InputError for a quote that isn't closed, or closes too early."""
    if not argument.startswith(('"', "'")):
        return Argument(argument, quoted=False)
    closed = _CLOSED.match(argument)
    if closed is None:
        raise _not_closed(argument)
    after = argument[closed.end() :]
    if after[:1].strip(" \t"):
        raise _closed_early(argument, after)
    return Argument(_unquoted(closed[0]), quoted=True, words=words(after))


def words(text: str) -> tuple[str, ...]:
    """The words of a text; one with blanks in it is in quotes. Raises InputError as `read` does."""
    found = []
    text = text.strip(" \t")
    while text:
        word = _WORD.match(text)
        if word is None:
            read(text)  # says which quote is wrong
            raise AssertionError(text)
        found.append(_unquoted(word[0]))
        text = text[word.end() :].lstrip(" \t")
    return tuple(found)


def quoted(text: str) -> str:
    """A text as it is typed in double quotes."""
    return '"' + "".join(_WRITTEN.get(char, char) for char in text) + '"'


def after_quotes(argument: str) -> str | None:
    """What was typed after a text in quotes; None where it isn't closed yet, or has none."""
    closed = _CLOSED.match(argument)
    return None if closed is None else argument[closed.end() :]


def shown(text: str) -> str:
    """What was typed, for a message: safe, blanks visible, and of much the beginning."""
    return visible_blanks(display(text[:_MOST_SHOWN])) + "…" * (len(text) > _MOST_SHOWN)


def _unquoted(word: str) -> str:
    if word.startswith("'"):
        return word[1:-1]
    if word.startswith('"'):
        return re.sub(r'\\([nt"\\])', lambda escape: _ESCAPES[escape[1]], word[1:-1])
    return word


def _not_closed(argument: str) -> InputError:
    mend = 'End it with another "; a " in the text is written \\".'
    if argument.startswith("'"):
        mend = "End it with another ', or put the text in double quotes."
    return InputError("Quote not closed", f"{shown(argument)} begins with one, and no other follows.", mend)


def _closed_early(argument: str, after: str) -> InputError:
    mend = 'A " in the text is written \\"; a word after it begins with a blank.'
    if argument.startswith("'"):
        mend = "Put a text with ' in it in double quotes; a word after it begins with a blank."
    return InputError("Quote closed too early", f"right after it comes {shown(after)}.", mend)
