"""Rules: which values a setting may have, and how that is said. Knows nothing of any setting or file."""

import re
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

T = TypeVar("T")


class Rule(Protocol):
    """Which values a setting may have."""

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        ...

    def accepts(self, value: object) -> bool:
        """Whether a value, as TOML gives it, is allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number of some unit, or of none."""

    low: int
    high: int
    unit: str = ""

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}" + _bracketed(self.unit)

    def accepts(self, value: object) -> bool:
        # Python's bool is an int; TOML's isn't.
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Number:
    """A number of some unit, or of none; whole ones need no decimal point."""

    low: float
    high: float
    unit: str = ""

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:.9g} to {self.high:.9g}" + _bracketed(self.unit)

    def accepts(self, value: object) -> bool:
        # TOML's nan lies between no two numbers.
        return (
            isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return ", ".join(map(repr, self.words[:-1])) + f" or {self.words[-1]!r}"

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches a pattern as a whole."""

    allowed: str
    pattern: str = r"(?s:.*)"

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    allowed: str = "true or false"

    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)


def _bracketed(unit: str) -> str:
    return f" ({unit})" if unit else ""


def setting(default: T, rule: Rule, help: str) -> T:
    """Declare a setting."""
    declared: T = field(default=default, metadata={"rule": rule, "help": help})
    return declared
