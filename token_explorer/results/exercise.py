"""An exercise: what is asked, in words and numbers, and the sheet to be worked on with a pencil.

Knows nothing of who answers, nor of files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from token_explorer.byhand.exercise import digest, questions
from token_explorer.byhand.lines import Formula, Line
from token_explorer.byhand.question import DECIMALS, TOLERANCE, Question, shown
from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results import page, worked
from token_explorer.results.byhand import run, sizes
from token_explorer.results.opened import Opened

RULE = (
    f"Numbers are rounded to {DECIMALS} decimals, and so may an answer be: it is right within {TOLERANCE} "
    "of what comes out of the numbers that are given, or of the model's own number."
)
# Of numbers within a working, which go on to others.
_BETWEEN = 4


@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """Questions about the forward of a prompt.

    Attributes:
        model: its name, as shown.
        sizes: of the model, in words.
        ids: the prompt.
        vocabulary: of the model.
        questions: in their order.
        digest: what tells the model's weights from all others.
    """

    model: str
    sizes: str
    ids: TokenIds
    vocabulary: Vocabulary
    questions: tuple[Question, ...]
    digest: str

    def where(self, question: Question) -> str:
        """Which step and which token a question is about, and which next one."""
        word = "" if question.word is None else f", next {self.vocabulary[question.word].shown}"
        return f"{question.step}, token {self.rows[question.row]}{word}"

    @property
    def rows(self) -> list[str]:
        """What the rows of steps are called."""
        return worked.rows(self.vocabulary, self.ids)

    def page(self) -> str:
        """One HTML page: the questions with room to work, and the solutions on a sheet of their own."""
        content: dict[str, Any] = {
            "model": self.model,
            "described": self.sizes,
            "tokens": page.labels(self.vocabulary, self.ids),
            "ids": list(self.ids),
            "rule": RULE,
            "questions": [
                {
                    "title": question.title,
                    "where": self.where(question),
                    "given": list(given(question)),
                    "name": question.name,
                    "formula": question.formula,
                    "working": list(solution(question)),
                }
                for question in self.questions
            ],
        }
        return page.page("exercise", f"Exercise · {self.model}", content)


def set_exercise(opened: Opened, ids: TokenIds, seed: int, stop: Stop) -> Exercise:
    """The questions about a prompt's forward. Raises InputError and FacetUnavailable as `byhand.run` does.

    Args:
        seed: which numbers are asked for.
    """
    made = run(opened, ids, stop)
    return Exercise(
        page.about(opened.info)["model"],
        sizes(made.weights),
        ids,
        opened.vocabulary,
        questions(made, seed),
        digest(made.weights),
    )


def given(question: Question) -> Iterator[str]:
    """Lines of what a question's number comes about from."""
    for each in question.given:
        yield f"{each.name} = {'  '.join(map(shown, each.numbers))}"


def solution(question: Question) -> Iterator[str]:
    """Lines from what is given to the number, and the number that the model has, with more decimals."""
    for line in question.working:
        yield f"{line.name} = {line.formula} = {_numbers(line)} = {_value(line, question)}"
    yield f"the model itself, not rounded: {worked.figure(question.exact)}"


def _numbers(line: Line) -> str:
    """A line's numbers: those that were given as they were, others to more decimals."""
    is_given = all(round(each, DECIMALS) == each for each in _figures(line))
    return line.numbers(DECIMALS if is_given else _BETWEEN)


def _figures(line: Line) -> list[float]:
    if isinstance(line, Formula):
        return list(line.figures)
    values = [getattr(line, name) for name in ("left", "right", "terms") if hasattr(line, name)]
    return [float(each) for row in values for each in row]


def _value(line: Line, question: Question) -> str:
    value = worked.figure(line.value)
    return f"{value} ≈ {shown(line.value)}" if line is question.working[-1] else value
