"""Asking one number after another, line by line, at a terminal or through a pipe.

Knows nothing of models: questions, answers and how far one is.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from textwrap import fill

from token_explorer.byhand.answer import read_answer
from token_explorer.byhand.question import Question, shown
from token_explorer.cli.output import line_width, write
from token_explorer.cli.progress import Mark, Progress
from token_explorer.core.tokens import display
from token_explorer.results.exercise import RULE, Exercise, given, solution
from token_explorer.results.matrix import wrapped

COMMANDS = "hint, skip, back and quit"
_MOST_SHOWN = 40


class Asking:
    """A round of questions.

    Args:
        exercise: what is asked.
        progress: how far it was done; goes on with each answer.
        keep: called after each answer.
    """

    def __init__(self, exercise: Exercise, progress: Progress, keep: Callable[[], None]) -> None:
        self._exercise = exercise
        self._progress = progress
        self._keep = keep

    def run(self) -> bool:
        """Ask until all is answered, and say so; or until the user leaves. Gives whether all is answered."""
        self._begin()
        while (place := self._progress.place) < self._progress.count:
            question = self._exercise.questions[place]
            self._put(question)
            if not self._answered(question):
                return False
        return True

    def _begin(self) -> None:
        exercise, progress = self._exercise, self._progress
        _say(
            f"{exercise.model}: {' '.join(exercise.rows)}",
            f"{progress.count} numbers to work out, one at a time.",
            RULE,
            f"An answer may be 0.5, .5, 0,5, 50% or 1/2; {COMMANDS} are answers, too.",
        )
        if progress.place or progress.marks:
            _say(f"Going on at number {progress.place + 1} of {progress.count}; --restart begins anew.")

    def _put(self, question: Question) -> None:
        """Say what a question asks."""
        place = f"{self._progress.place + 1}/{self._progress.count}"
        _say("", f"{place}  {question.title}: {self._exercise.where(question)}")
        _say(*_inset([*given(question), f"{question.name} = {question.formula}"]))

    def _answered(self, question: Question) -> bool:
        """Hear lines until one answers a question or leads to another; False where the user leaves."""
        while True:
            line = _heard(f"{question.name} ≈ ")
            word = "" if line is None else line.strip().casefold()
            if line is None or word in ("quit", "q", "exit"):
                return False
            if word == "hint":
                _say(*_inset([question.hint]))
            elif word == "back":
                return self._back()
            elif word == "skip":
                self._mark("skipped", question)
                return True
            elif (answer := read_answer(line)) is not None:
                self._mark("right" if question.is_right(answer) else "wrong", question)
                return True
            else:
                _say(*_inset([_no_number(line)]))

    def _back(self) -> bool:
        """To the question before."""
        if not self._progress.place:
            _say("  This is the first one.")
        self._progress.place = max(0, self._progress.place - 1)
        self._keep()
        return True

    def _mark(self, mark: Mark, question: Question) -> None:
        """Say how it went, with the working unless the answer was right."""
        if mark == "right":
            _say(f"  Right: {shown(question.value)}.")
        else:
            _say("  Skipped." if mark == "skipped" else "  Not quite.")
            _say(*_inset(solution(question)))
        self._progress.mark(mark)
        self._keep()


def _no_number(line: str) -> str:
    """What to say of a line that is no answer."""
    if not line.strip():
        return f"Type a number, such as 0.5 or −1/4; {COMMANDS} are answers, too."
    said = display(line.strip())
    cut = f"{said[:_MOST_SHOWN]}…" if len(said) > _MOST_SHOWN else said
    return f'"{cut}" is no number: type one, such as 0.5 or −1/4; {COMMANDS} are answers, too.'


def _inset(lines: Iterable[str]) -> Iterator[str]:
    """Lines a bit further in, broken where a terminal would break them anywhere."""
    for line in lines:
        yield from (part.plain for part in wrapped(line, line_width()))


def _say(*lines: str) -> None:
    """Write lines, those that are too long broken between words."""
    width = line_width()
    write("".join(f"{line if len(line) <= width else fill(line, width)}\n" for line in lines))


def _heard(prompt: str) -> str | None:
    """A line that is typed; None at its end. What comes through a pipe is shown behind the prompt."""
    write(prompt)
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not line:
        write("\n")
        return None
    if not sys.stdin.isatty():
        write(f"{display(line.strip()) if line.strip() else ''}\n")
    return line
