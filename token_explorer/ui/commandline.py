"""The command line inside: which command a line names, what it may go on with, and what its argument means.

Pure, but that `file_offers` looks into folders; knows nothing of what commands do and of how a line is typed.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nsmallest
from itertools import islice

from token_explorer.core.tokens import display
from token_explorer.errors import InputError

# What a number alone stands for.
NUMBERED = "goto"
MOST_FILES = 50
# A folder with more than this is looked through in part, as it is looked through at every key.
MOST_ENTRIES = 10_000
MOST_QUOTED = 40
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}


def nothing(argument: str) -> Sequence[str]:
    """No completions."""
    return ()


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be asked for by name.

    Attributes:
        name: kebab-case.
        argument: what follows the name, in a word: '' nothing, 'TEXT' something, '[N]' something or nothing.
        help: one line.
        do: does it, with the argument, '' for none; may raise ExplorerError.
        offers: completions of an argument that was begun, best first.
    """

    name: str
    argument: str
    help: str
    do: Callable[[str], object]
    offers: Callable[[str], Sequence[str]] = nothing

    @property
    def needs_argument(self) -> bool:
        """Whether it can't be done by its name alone."""
        return self.argument != "" and not self.argument.startswith("[")

    @property
    def usage(self) -> str:
        """How it is written: 'run [N]'."""
        return f"{self.name} {self.argument}".rstrip()


class CommandLine:
    """Understands and completes lines such as 'run 20'.

    The beginning of a name is enough where no other begins so, and a number alone goes to that token. The
    argument begins after one blank, and is taken as it is.

    Args:
        commands: no two of one name.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = tuple(commands)
        self._by_name = {command.name: command for command in self.commands}
        if len(self._by_name) < len(self.commands):
            raise ValueError("two commands of one name")

    def complete(self, line: str) -> Sequence[str]:
        """Whole lines that a line may become, best first.

        Of a name: those that begin so, then those with it inside, then those with its letters in order; each
        with a blank where an argument must follow. After a name and a blank: what the command offers.
        """
        name, blank, argument = line.lstrip(" ").partition(" ")
        if not blank:
            found = ranked(self._by_name, name)
            return [f"{each} " if self._by_name[each].needs_argument else each for each in found]
        named = self._named(name)
        if len(named) != 1 or not named[0].argument:
            return []
        head = line[: len(line) - len(argument)]
        return [f"{head}{offer}" for offer in named[0].offers(argument)]

    def find(self, line: str) -> tuple[Command, str]:
        """The command that a line names, and its argument.

        Raises:
            InputError: no such command, several, an argument that is missing or that isn't taken.
        """
        name, _, argument = line.lstrip(" ").partition(" ")
        if name.isascii() and name.isdecimal() and not argument.strip() and NUMBERED in self._by_name:
            return self._by_name[NUMBERED], name
        named = self._named(name)
        if len(named) != 1:
            raise self._unclear(name, named)
        command = named[0]
        if not command.argument and argument.strip(" "):
            hint = f"Write {command.name} alone."
            raise InputError(
                "Too much", f'{command.name} takes no argument, not "{display(argument)}".', hint
            )
        if command.needs_argument and not argument:
            raise InputError("Argument missing", f"{command.name} needs one.", f"Write {command.usage}.")
        return command, argument if command.argument else ""

    def _named(self, name: str) -> list[Command]:
        """The commands that a name may stand for."""
        if name in self._by_name:
            return [self._by_name[name]]
        return [command for command in self.commands if name and command.name.startswith(name)]

    def _unclear(self, name: str, named: Sequence[Command]) -> InputError:
        if not name:
            return InputError("No command", "the line is empty.", "Tab goes through all commands.")
        if named:
            names = ", ".join(command.name for command in named)
            return InputError("Which command?", f"{_quoted(name)} may be {names}.", "Write more of it.")
        near = get_close_matches(name, self._by_name, 1, cutoff=0.0)
        mend = f"Did you mean {near[0]}?" if near else ""
        return InputError("No such command", f"{_quoted(name)}.", mend)


def ranked(words: Iterable[str], typed: str) -> list[str]:
    """The words that what was typed may become, best first, and otherwise in their own order.

    First those that begin so, then those with it inside, then those with its letters in order.
    """

    def place(word: str) -> int:
        if typed in word:
            return 0 if word.startswith(typed) else 1
        letters = iter(word)
        return 2 if all(letter in letters for letter in typed) else 3

    placed = [(place(word), word) for word in words]
    return [word for at, word in sorted(placed, key=lambda each: each[0]) if at < 3]


def _quoted(text: str) -> str:
    """What was typed, for a message; of much, the beginning."""
    return f'"{display(text[:MOST_QUOTED])}{"…" * (len(text) > MOST_QUOTED)}"'


# Arguments.


def count(text: str, what: str) -> int:
    """A positive whole number.

    Args:
        what: what it counts, for the message of the InputError that is raised where it is none.
    """
    if not re.fullmatch(r"0*[1-9][0-9]{0,17}", stripped := text.strip()):
        hint = "Write a whole number, 1 or more, in digits."
        raise InputError("Not a number", f"{what}: {_quoted(text)}.", hint)
    return int(stripped)


def unescaped(text: str) -> str:
    r"""Text with \n, \t and \\ as what they stand for; any other backslash is one."""
    return re.sub(r"\\([nt\\])", lambda match: _ESCAPES[match[1]], text)


def file_offers(text: str) -> list[str]:
    """Paths that begin as a text does, by name, folders with a '/'; MOST_FILES at most.

    ~ is written out. Hidden files are offered once their dot is typed; files whose names can't be shown as
    they are, such as those with escape codes, never.
    """
    folder, begun = os.path.split(os.path.expanduser("~/" if text == "~" else text))
    try:
        with os.scandir(folder or ".") as entries:
            fitting = (each for each in islice(entries, MOST_ENTRIES) if _offered(each.name, begun))
            first = nsmallest(MOST_FILES, fitting, key=lambda each: each.name)
            return [os.path.join(folder, each.name) + "/" * each.is_dir() for each in first]
    except (OSError, ValueError):  # no such folder, or none that may be looked into; a NUL in the path
        return []


def _offered(name: str, begun: str) -> bool:
    hidden = name.startswith(".") and not begun.startswith(".")
    return name.startswith(begun) and not hidden and display(name) == name
