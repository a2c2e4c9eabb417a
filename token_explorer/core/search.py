"""Search in a vocabulary: by a part of a token's text, by id, by regular expression.

Knows nothing of probabilities.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from math import prod
from operator import contains
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.tokens import BLANK, NEWLINE, Vocabulary, show
from token_explorer.errors import InputError

Bools = NDArray[np.bool_]

# How what was typed is read: as text whatever its case, as text exactly, or as a regular expression.
Mode = Literal["text", "exact", "regex"]
MODES: dict[Mode, str] = {
    "text": "any case",
    "exact": "as typed",
    "regex": "regular expression",
}

# How long an expression may take for one token, and for all. The slowest innocent one takes a microsecond for
# a token, half a second for 150,000; others would take for ever, as (a|aa)+$ does.
TOKEN_S = 0.25
BUDGET_S = 3.0
# Bounds on what is compiled, which can't be interrupted: the characters of an expression, and how often its
# counts have a part of it repeated, which is how large it gets: (?:a{1000}){1000}.
_LONGEST = 1000
_MOST_REPEATS = 10_000
# An expression without these is done in time that grows with its length alone.
_BRANCHING = frozenset("*+?{|")
_AS_ITSELF = "Put \\ before a sign that stands for itself, or search for text as typed."


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for: '#' and a number, in any mode but 'regex', is a token's id.

    A token's text is what its bytes spell; where they are no whole characters it is what the screen shows, as
    ‹e2›‹80›. Text is also found in what the screen shows of a token, as ␛. Expressions are read by the
    `regex` package, which understands those of `re`.

    Attributes:
        text: as typed, not empty; '␣' stands for a blank and '↵' for a newline, as the screen shows them.
        mode: see Mode.
    """

    text: str
    mode: Mode = "text"

    def __post_init__(self) -> None:
        """Raises InputError for an expression that is none: what is wrong with it, and where."""
        if not self.text:
            raise ValueError("there is nothing to search for")
        if self.mode == "regex":
            _compiled(self.plain)

    @property
    def plain(self) -> str:
        """The text with blanks and newlines in place of what stands for them."""
        return self.text.replace(BLANK, " ").replace(NEWLINE, "\n")

    @property
    def id(self) -> int | None:
        """The id that is searched for, which no token need have; None where it is no id."""
        number = self.text[1:]
        if self.mode == "regex" or self.text[0] != "#" or not (number.isascii() and number.isdigit()):
            return None
        return int(number[-18:]) if not number[:-18].strip("0") else 10**18  # Python refuses 5,000 digits

    def matches(self, vocabulary: Vocabulary) -> Bools:
        """(V,) whether each token matches; not to be written to. Raises InputError for a search too slow."""
        found = _search(self, vocabulary)
        if found is None:
            raise InputError(
                "Search too slow",
                f"one token took more than {TOKEN_S:g} s, or all more than {BUDGET_S:g} s.",
                "Have fewer parts of the expression repeat what others repeat, as in (a|aa)+$.",
            )
        return found

    def beginnings(self, vocabulary: Vocabulary) -> tuple[tuple[str, Bools], ...]:
        """What was typed, and the same after a blank, each with the tokens (V,) that begin with it.

        Only the first where that begins with a blank; () for ids and expressions.
        """
        if self.mode == "regex" or self.id is not None:
            return ()
        texts = (self.plain,) if self.plain.startswith(" ") else (self.plain, f" {self.plain}")
        among = np.flatnonzero(self.matches(vocabulary)).tolist()
        known = _texts(vocabulary, self.mode == "text")
        return tuple((text, known.beginning(self._cased(text), among)) for text in texts)

    def _cased(self, text: str) -> str:
        return text.casefold() if self.mode == "text" else text


@dataclass(frozen=True, slots=True, eq=False)
class _Texts:
    """What is searched.

    Attributes:
        each (V,): the text of each token.
        shown: by id what the screen shows of tokens whose text it can't show as it is.
    """

    each: tuple[str, ...]
    shown: Mapping[int, str]

    def containing(self, text: str) -> Bools:
        """(V,) tokens with a text somewhere in them."""
        found = np.fromiter(map(contains, self.each, repeat(text)), np.bool_, len(self.each))
        found[[id for id, shown in self.shown.items() if text in shown]] = True
        return found

    def beginning(self, text: str, among: Iterable[int]) -> Bools:
        """(V,) those among some tokens that begin with a text."""
        found = np.zeros(len(self.each), np.bool_)
        each, shown = self.each, self.shown
        begin = (id for id in among if each[id].startswith(text) or shown.get(id, "").startswith(text))
        found[list(begin)] = True
        return found


@lru_cache(maxsize=2)
def _texts(vocabulary: Vocabulary, folded: bool) -> _Texts:
    """What is searched of a vocabulary, without upper and lower case where it is folded."""
    if folded:
        exact = _texts(vocabulary, False)
        shown = {id: text.casefold() for id, text in exact.shown.items()}
        return _Texts(tuple(map(str.casefold, exact.each)), shown)
    texts = tuple(map(_text, vocabulary.pieces))
    odd = (id for id, text in enumerate(texts) if not text.isprintable() or not text)
    as_shown = ((id, _shown(vocabulary.pieces[id])) for id in odd)
    return _Texts(texts, {id: shown for id, shown in as_shown if shown != texts[id]})


def _text(piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return _shown(piece)


def _shown(piece: bytes) -> str:
    """What the screen shows of a token's bytes, its blanks and newlines as themselves."""
    return "".join(show((piece,))[0]).replace(NEWLINE, "\n")


@lru_cache(maxsize=4)
def _search(query: Query, vocabulary: Vocabulary) -> Bools | None:
    """(V,) whether each token matches; None where it took too long."""
    found: Bools
    if query.id is not None:
        found = np.asarray(np.arange(len(vocabulary)) == query.id)
    elif query.mode == "regex":
        try:
            found = _matching(_compiled(query.plain), query.plain, _texts(vocabulary, False).each)
        except TimeoutError:
            return None
    else:
        found = _texts(vocabulary, query.mode == "text").containing(query._cased(query.plain))
    found.flags.writeable = False
    return found


def _matching(pattern: Any, expression: str, texts: tuple[str, ...]) -> Bools:
    """(V,) whether an expression is found in each text. Raises TimeoutError."""
    search = pattern.search
    if _BRANCHING.isdisjoint(expression):
        return np.array([search(text) is not None for text in texts], np.bool_)
    found, end = [], time.monotonic() + BUDGET_S
    for text in texts:
        # By position, which takes half the time: pos, endpos, concurrent, partial, timeout.
        found.append(search(text, None, None, None, False, TOKEN_S) is not None)
        if time.monotonic() > end:
            raise TimeoutError
    return np.array(found, np.bool_)


def _compiled(expression: str) -> Any:
    """A regular expression, compiled. Raises InputError."""
    # Of all searches only these need it, and loading it takes longer than a frame. `re` can't be interrupted.
    import regex  # type: ignore[import-untyped]

    if len(expression) > _LONGEST or _repeats(expression) > _MOST_REPEATS:
        raise _too_large()
    try:
        return regex.compile(expression)
    except regex.error as error:
        where = "" if error.pos is None else f" at position {error.pos + 1}"
        raise InputError("Bad regular expression", f"{error.msg}{where}.", _AS_ITSELF) from None
    except RecursionError:
        raise _too_large() from None


def _too_large() -> InputError:
    return InputError(
        "Regular expression too large",
        "its counts, or parts within parts, repeat too much.",
        "Use * or + in place of large counts, and fewer parentheses.",
    )


def _repeats(expression: str) -> int:
    """A bound on how often a part is repeated when it is compiled: counts multiply, and each + doubles."""
    counts = [re.findall(r"\d+", braces) for braces in re.findall(r"\{([^}]*)", expression)]
    largest = (max((int(number[:9]) for number in numbers), default=1) for numbers in counts)
    return int(prod(max(1, count) for count in largest) << min(expression.count("+"), 64))
