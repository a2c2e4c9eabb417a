"""The real program in a pseudo-terminal of 120x40, and how long it takes until a screen is painted.

What it writes is kept in the parts that it came in, each with its time, and made a screen of only afterwards:
working out the screen takes longer than painting it. Knows nothing of keys and models.
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks.figures import Took
from benchmarks.sides import Prompt
from benchmarks.system import cpu_s
from tests.program import PROGRAM as PLAIN
from tests.program import loaded
from tests.terminal import Terminal

# Parts that come closer together belong to one burst: a frame is written in several.
GAP_S = 0.005
# Quiet for so long, the screen is looked at: whether it shows what is waited for.
QUIET_S = 0.06
# Quiet for so long, the program has nothing more to do: its spinner turns faster.
REST_S = 0.3
# A screen that shows what is waited for and is never quiet is looked at after so long.
RESTLESS_S = 0.5
PATIENCE_S = 900.0
PROGRAM = (*PLAIN, "--device", "cpu")
# The top line's word for what the model has proved; until then it is at work where nothing else is to do.
_PROVED = " checks "
# The columns that looking ahead fills in later; the table's right end.
_LATER = re.compile(r"  (joint|then) ")

Right = Callable[[str], bool]
"""Whether a screen, as text, is one that is waited for."""
Seen = TypeVar("Seen")


class Part(NamedTuple):
    """What the program wrote at once, and when it came."""

    written: bytes
    s: float
    cpu_s: float | None


class Screen(Terminal):
    """A program whose every byte is timed."""

    def press(self, key: str, right: Right, to_rest: bool = False) -> Took:
        """What passes from a key to the screen that it leads to.

        That is the last part of the first burst after which the screen is as it stays, once it is one that is
        waited for and nothing is written for a while; but for the top line, which tells of work that goes on,
        and the columns of what may follow the table's tokens, which are filled in as that work is done.

        Args:
            to_rest: wait until the program has nothing more to do: more than one answer makes the screen.

        Returns:
            seconds, and processor seconds of the process that draws, which waits for the engine's.
        """
        before, start = cpu_s(self.pid), time.perf_counter()
        self.type(key)
        parts, pictures = self._watch(right, REST_S if to_rest else QUIET_S, self._picture)
        part = last_of_burst(parts, pictures.index(pictures[-1]))
        spent = None if part.cpu_s is None or before is None else part.cpu_s - before
        return Took(part.s - start, spent)

    def appear(self, first: Right, right: Right) -> tuple[float, float]:
        """When a program that was just started has painted a first screen, and one that is waited for.

        Returns:
            by time.perf_counter().
        """
        parts, seen = self._watch(right, REST_S, lambda: (first(self.text), right(self.text)))
        whens = [next(at for at, holds in enumerate(seen) if holds[index]) for index in (0, 1)]
        begun, done = (last_of_burst(parts, at).s for at in whens)
        return begun, done

    def rest(self) -> str:
        """Wait until the program has nothing more to do; returns what it shows."""
        self.settle(REST_S)
        return self.text

    def _watch(self, right: Right, quiet_s: float, look: Callable[[], Seen]) -> tuple[list[Part], list[Seen]]:
        """What is written until the screen is right, and what was to be seen after each part."""
        self.output = b""  # its growth would be timed, too
        deadline = time.perf_counter() + PATIENCE_S
        parts: list[Part] = []
        seen: list[Seen] = []
        while not parts or not right(self.text):
            if time.perf_counter() > deadline:
                raise AssertionError(f"waited in vain; the screen shows:\n{self.text}")
            for part in self._parts(quiet_s):
                self._stream.feed(part.written)
                parts.append(part)
                seen.append(look())
        return parts, seen

    def _parts(self, quiet_s: float) -> list[Part]:
        """What is written until it is quiet for so long, or for long enough."""
        parts: list[Part] = []
        end = time.perf_counter() + RESTLESS_S
        while time.perf_counter() < end and (written := self._written(quiet_s)):
            parts.append(Part(written, time.perf_counter(), cpu_s(self.pid)))
        return parts

    def _picture(self) -> object:
        """All cells with their colours, but for those that work in the background changes."""
        lines = self._screen.display
        found = ((y, header.start()) for y, line in enumerate(lines) if (header := _LATER.search(line)))
        top, later = next(found, (len(lines), 0))
        cells = []
        for y in range(1, len(lines)):
            row, in_table = self._screen.buffer[y], y > top and lines[y].startswith("│")
            cells.append([row[x] for x in range(later if in_table else self._screen.columns)])
        return cells


def last_of_burst(parts: Sequence[Part], at: int) -> Part:
    """The last of the parts that follow one another closely from a given one on."""
    while at + 1 < len(parts) and parts[at + 1].s - parts[at].s <= GAP_S:
        at += 1
    return parts[at]


@contextmanager
def program(prompt: Prompt, look_ahead: int) -> Iterator[Screen]:
    """The program with a prompt, its table filled, the model proved, and nothing more to do; ended at last.

    Args:
        look_ahead: the setting of that name; 0 for none.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings, text = Path(folder, "config.toml"), Path(folder, "prompt.txt")
        settings.write_text(f"[display]\nlook_ahead = {look_ahead}\n")
        text.write_text(prompt.text, newline="")
        screen = Screen(command(prompt.model, text), environment={"TOKEN_EXPLORER_CONFIG": str(settings)})
        try:
            screen.wait_for(lambda shown: loaded(shown) and _PROVED in shown, PATIENCE_S)
            screen.rest()
            yield screen
        finally:
            screen.close()


def command(model: str, text: Path) -> list[str]:
    """How the program is started on the text of a file."""
    return [*PROGRAM, "--model", model, "--input", str(text)]
