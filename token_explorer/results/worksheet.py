"""A forward by hand as a page that stands alone and can be printed. Knows nothing of files."""

from token_explorer.byhand.lines import written
from token_explorer.byhand.step import Step
from token_explorer.results import page, sheet
from token_explorer.results.byhand import DIGITS, LETTERS, MEANINGS, Walked


def worksheet(walked: Walked) -> str:
    """One HTML page with all steps that are looked at, the working of one number of each written out."""
    model, count = page.about(walked.opened.info)["model"], walked.made.weights.count
    named = ", ".join(f"{shown} ({id})" for shown, id in zip(walked.tokens, walked.made.ids, strict=True))
    title = f"By hand · {model}"
    body = [
        sheet.heading(title, f"{count:,} parameters", f"Tokens and their ids: {named}", MEANINGS),
        *(_step(walked, step) for step in walked.steps),
    ]
    return sheet.sheet(title, body)


def _step(walked: Walked, step: Step) -> str:
    rows, count = step.values.shape
    about = f"{step.label.title} · (T, {LETTERS[step.label.columns]}) = {rows} × {count}"
    columns, labels = walked.shown_columns(step), walked.columns(step)
    names = [f"{row + 1} {walked.tokens[row]}" for row in walked.rows]
    values = [[written(float(step.values[row, at]), DIGITS) for at in columns] for row in walked.rows]
    # Of the last row, where there is most to add up.
    worked = walked.choice.columns and [(row, at) for row in walked.rows for at in columns]
    places = worked or [(walked.rows[-1], 0)]
    lines = [sheet.working(step.working(row, at), DIGITS) for row, at in places]
    matrix = sheet.matrix(names, [labels[at] for at in columns], values)
    return sheet.folded(step.name, about, sheet.formula(step.formula), matrix, *lines)
