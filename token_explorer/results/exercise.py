"""Exercises by hand as lines for a person, and as paper with its solutions. Knows nothing of files."""

from collections.abc import Iterator, Sequence
from html import escape

from rich.text import Text

from token_explorer.byhand.exercise import DIGITS, TOLERANCE, Question
from token_explorer.byhand.lines import equation, written
from token_explorer.results import page, sheet
from token_explorer.results.byhand import Walked
from token_explorer.results.table import QUIET, STRONG

RIGHT, WRONG = "✓", "✗"
NEAR = f"Within {TOLERANCE:g}, or 1% of a large number, an answer is right."


def asked(question: Question, number: int, count: int) -> Iterator[Text]:
    """A question: what is to be computed, how, and of what."""
    yield Text.assemble((f"{number}/{count} · {question.kind}", STRONG), (f" · {question.step.name}", QUIET))
    yield from (Text(f"  {formula}") for formula in question.formulas)
    yield Text("  with", QUIET)
    yield from (Text(f"    {each}") for each in question.given)


def solved(question: Question) -> Iterator[Text]:
    """The working of a question."""
    for line in question.lines:
        yield Text(f"    {line.name} = {equation(line, DIGITS)}")


def paper(walked: Walked, questions: Sequence[Question]) -> str:
    """One HTML page: the questions with room to write, then a sheet of solutions."""
    tokens = ", ".join(f"{place} {shown}" for place, shown in enumerate(walked.tokens, 1))
    model = page.about(walked.opened.info)["model"]
    title = f"Exercise by hand · {model}"
    return sheet.sheet(
        title,
        [
            sheet.heading(title, f"Tokens: {tokens}", NEAR),
            *(_room(question, number) for number, question in enumerate(questions, 1)),
            '<section class="solutions"><h1>Solutions</h1>',
            *(_solution(question, number) for number, question in enumerate(questions, 1)),
            "</section>",
        ],
    )


def _room(question: Question, number: int) -> str:
    """A question with room for its answer."""
    given = "".join(sheet.formula(each) for each in question.given)
    how = "".join(sheet.formula(each) for each in question.formulas)
    answer = f'<p>{escape(question.name)} = <span class="answer"></span></p>'
    title = f"<h2>{number}. {escape(question.kind)} · {escape(question.step.name)}</h2>"
    return f'<section class="question">{title}{how}<div class="given">{given}</div>{answer}</section>'


def _solution(question: Question, number: int) -> str:
    title = f"<h2>{number}. {escape(question.name)} = {escape(written(question.value, DIGITS))}</h2>"
    return f'<section class="question">{title}{sheet.working(question.lines, DIGITS)}</section>'
