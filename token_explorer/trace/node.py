"""A JSON value that is taken apart, with words for where it isn't what it should be.

Knows nothing of traces.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from token_explorer.core.tokens import display
from token_explorer.errors import InputError

Name = TypeVar("Name", bound=str)

_NEWER = "Make the trace again with this version, or take the version that wrote it."
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a JSON file.

    Attributes:
        value: as json has it.
        file: where it is.
        path: the keys and numbers that lead to it; '' for the whole.
    """

    value: Any
    file: str
    path: str = ""

    def __getitem__(self, key: str) -> "Node":
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        path = f"{self.path}.{key}" if self.path else key
        if key not in self.value:
            raise InputError("Can't read the trace", f"{self.file}: {path} isn't there.", _NEWER)
        return Node(self.value[key], self.file, path)

    @property
    def empty(self) -> bool:
        """Whether it is null."""
        return self.value is None

    @property
    def items(self) -> Sequence["Node"]:
        """The items of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Node(item, self.file, f"{self.path}[{place}]") for place, item in enumerate(self.value)]

    @property
    def keys(self) -> Sequence[str]:
        """The keys of an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return list(self.value)

    @property
    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    @property
    def flag(self) -> bool:
        """Yes or no."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    @property
    def number(self) -> float:
        """A number; NaN for null."""
        if self.value is None:
            return math.nan
        if not isinstance(self.value, int | float) or isinstance(self.value, bool):
            raise self.wrong("a number or null")
        try:
            return float(self.value)
        except OverflowError:
            raise self.wrong("a number that a float holds") from None

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or not low <= self.value <= high:
            raise self.wrong(f"a whole number from {low} to {high}")
        return self.value

    def one_of(self, names: Sequence[Name]) -> Name:
        """One of some texts."""
        if self.value not in names:
            raise self.wrong(f"one of {', '.join(names)}")
        return names[names.index(self.value)]

    def wrong(self, right: str) -> InputError:
        """The error that says what should be there."""
        shown = display(repr(self.value))
        short = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
        where = f"{self.path} is" if self.path else "it is"
        return InputError("Can't read the trace", f"{self.file}: {where} {short}.", f"It should be {right}.")
