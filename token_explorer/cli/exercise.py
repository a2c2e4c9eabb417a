"""The command `tiny exercise`: one number at a time, to be computed by hand."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from token_explorer.cli.byhand import TINY, HtmlFile, TinyModel
from token_explorer.cli.flags import ConfigFile, Device, Force
from token_explorer.cli.output import show, write
from token_explorer.cli.settings import PROGRAM, settings_for
from token_explorer.cli.source import read_text
from token_explorer.errors import InputError, OutputError

if TYPE_CHECKING:
    from token_explorer.byhand.exercise import Question
    from token_explorer.results.byhand import Walked

# Words that every demo model knows.
USUAL = "the quick brown"
HELP = "Answer with a number, or: hint, skip, back, quit. Where you are is remembered."


def exercise(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help=f"What the model reads; without it, {USUAL!r}.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**31 - 1, help="Which numbers are asked for.")
    ] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Forget where you were.")] = False,
    html: HtmlFile = None,
    force: Force = False,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
) -> int:
    """Compute numbers of a forward by hand, one at a time, and have them checked.

    With --html, a sheet of paper with room for the answers, and one with the solutions.
    """
    settings = settings_for(config_file, model, device, False)
    given = read_text(USUAL if text is None else text, None, False)
    if html is not None:
        from token_explorer.files import check_new

        check_new(html, force)
    from token_explorer.byhand.exercise import questions
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results.byhand import Choice, walk

    with stopping() as stop, opening(settings) as opened:
        walked = walk(opened, encoded(opened, given), Choice(), stop)
    asked = questions(walked.made, seed)
    if html is not None:
        from token_explorer.files import write_file
        from token_explorer.results.exercise import paper

        write_file(html, paper(walked, asked).encode(), force)
        note(f"Wrote {html}; open it in a browser, or print it.")
        return 0
    return Lesson(asked, Memory(_key(walked, seed)), walked).run(restart)


def _key(walked: "Walked", seed: int) -> str:
    """What an exercise is known by: the parameters, the prompt, the seed."""
    digest = hashlib.sha256()
    for name, values in sorted(walked.made.weights.parameters.items()):
        digest.update(name.encode() + values.tobytes())
    digest.update(json.dumps([walked.made.ids, seed]).encode())
    return digest.hexdigest()[:16]


@dataclass
class Place:
    """Where somebody is in an exercise.

    Attributes:
        at: the question that is asked next, from 0.
        results: of those answered, by number: whether it was right.
    """

    at: int = 0
    results: dict[str, bool] = field(default_factory=dict)


class Memory:
    """Where somebody was, kept in a file of the user's state folder.

    Args:
        key: of the exercise.
    """

    def __init__(self, key: str) -> None:
        from platformdirs import user_state_path

        self._key = key
        self._file: Path = user_state_path(PROGRAM, appauthor=False) / "exercises.json"

    def recall(self, count: int) -> Place:
        """Where that was; the beginning where nothing is known, or nothing that fits."""
        known = self._read().get(self._key)
        if not isinstance(known, dict) or known.get("at") not in range(count):
            return Place()
        results = known.get("results")
        return Place(known["at"], results if isinstance(results, dict) else {})

    def keep(self, place: Place | None) -> None:
        """Remember a place; None forgets it. Raises OutputError."""
        from token_explorer.engine.storage import write_whole

        known = {key: value for key, value in self._read().items() if key != self._key}
        if place is not None:
            known[self._key] = {"at": place.at, "results": place.results}
        try:
            write_whole(self._file, json.dumps(known))
        except OSError as error:
            message = f"{self._file}: {error.strerror or error}."
            raise OutputError("Can't remember where you are", message, "Make room there.") from None

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


class Lesson:
    """Questions that are asked until all are answered, or somebody leaves."""

    def __init__(self, questions: "list[Question]", memory: Memory, walked: "Walked") -> None:
        self._questions, self._memory, self._walked = questions, memory, walked
        self._place = Place()

    def run(self, restart: bool) -> int:
        """Ask; returns the exit code."""
        count = len(self._questions)
        self._place = Place() if restart else self._memory.recall(count)
        self._greet()
        while self._place.at < count:
            if not self._ask(self._questions[self._place.at]):
                self._memory.keep(self._place)
                _say("", f"You are at {self._place.at + 1}/{count}; the same command goes on there.")
                return 0
            self._memory.keep(self._place)
        self._memory.keep(None)
        self._conclude()
        return 0

    def _greet(self) -> None:
        from token_explorer.results.exercise import NEAR

        count, tokens = len(self._questions), self._walked.tokens
        named = "  ".join(f"{place} {shown}" for place, shown in enumerate(tokens, 1))
        _say(f"{count} numbers of a forward of: {named}", NEAR, HELP)
        if self._place.at:
            _say(f"You were at {self._place.at + 1}/{count}; --restart begins anew.")

    def _ask(self, question: "Question") -> bool:
        """Ask until there is an answer or a wish; False where somebody leaves."""
        from token_explorer.results.exercise import asked

        _say("")
        show(asked(question, self._place.at + 1, len(self._questions)))
        while True:
            write(f"{question.name} = ")
            line = sys.stdin.readline()
            if not sys.stdin.isatty():
                _say(line.strip())
            if not line or line.strip() == "quit":
                return False
            if self._heed(question, line.strip()):
                return True

    def _heed(self, question: "Question", line: str) -> bool:
        """Do what a line says; whether there is another question now."""
        wishes: dict[str, Callable[[], bool]] = {
            "skip": lambda: self._go(1),
            "back": lambda: self._go(-1),
            "hint": lambda: _say(f"  {question.hint}"),
            "help": lambda: _say(f"  {HELP}"),
            "": lambda: _say(f"  {HELP}"),
        }
        if line in wishes:
            return wishes[line]()
        from token_explorer.byhand.exercise import read_answer

        try:
            answer = read_answer(line)
        except InputError as error:
            return _say(f"  {error.message} {error.hint}")
        self._judge(question, question.is_right(answer))
        return self._go(1)

    def _judge(self, question: "Question", right: bool) -> None:
        from token_explorer.byhand.exercise import DIGITS
        from token_explorer.byhand.lines import written
        from token_explorer.results.exercise import RIGHT, WRONG, solved

        self._place.results[str(self._place.at)] = right
        value = written(question.value, DIGITS)
        if right:
            _say(f"  {RIGHT} right: {value}")
        else:
            _say(f"  {WRONG} it is {value}:")
            show(solved(question))

    def _go(self, steps: int) -> bool:
        self._place.at = max(0, self._place.at + steps)
        return True

    def _conclude(self) -> None:
        results, count = self._place.results, len(self._questions)
        skipped = count - len(results)
        left = f", {skipped} skipped" if skipped else ""
        _say("", f"{sum(results.values())} of {count} right{left}. --seed asks for other numbers.")


def _say(*lines: str) -> bool:
    """Write lines; never a reason to go on."""
    from rich.text import Text

    show(Text(line) for line in lines)
    return False
