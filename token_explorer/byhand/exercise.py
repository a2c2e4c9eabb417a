"""An exercise with a forward: which of its numbers are asked for, and what is given.

Knows nothing of who is asked.
"""

import hashlib
from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

import numpy as np

from token_explorer.byhand.forward import Forward
from token_explorer.byhand.lines import Dot, Formula, Sum
from token_explorer.byhand.question import DECIMALS, Given, Question
from token_explorer.byhand.step import Step
from token_explorer.byhand.weights import Numbers, Weights

# Nobody adds up more by hand.
MOST_TERMS = 32
# Draws until a number is found that isn't nearly 0, nor a share that is nearly 1.
_DRAWS = 64
_TELLING = 0.05


Maker: TypeAlias = Callable[[Forward, Random], Question | None]


def questions(made: Forward, seed: int) -> tuple[Question, ...]:
    """A question of each kind, in the order of the forward; those with too many terms are left out.

    Args:
        seed: which numbers are asked for; with the same one the same.
    """
    found = (_telling(make, made, Random(f"{seed} {kind}")) for kind, make in _MAKERS.items())
    return tuple(question for question in found if question is not None)


def digest(weights: Weights) -> str:
    """What tells a model's weights from all others."""
    found = hashlib.sha256(f"{weights.heads} {weights.activation}".encode())
    for name in sorted(weights.parameters):
        found.update(name.encode())
        found.update(np.ascontiguousarray(weights[name]).tobytes())
    return found.hexdigest()


def _telling(make: Maker, made: Forward, random: Random) -> Question | None:
    """The first of some questions whose number tells something; where none does the one that tells most."""
    drawn = (make(made, random) for _ in range(_DRAWS))
    best = None
    for question in drawn:
        if question is None or _tells(question) >= _TELLING:
            return question
        best = question if best is None or _tells(question) > _tells(best) else best
    return best


def _tells(question: Question) -> float:
    """How far a number is from 0, and a share from 1 as well."""
    size = abs(question.exact)
    return min(size, 1.0 - size) if question.share else size


def _rounded(values: Numbers) -> Numbers:
    """Numbers as they are shown; no zero has a sign."""
    return np.asarray(np.round(values, DECIMALS) + 0.0, dtype=np.float64)


def _round(value: float) -> float:
    return float(_rounded(np.asarray(value)))


def _row(name: str, values: Numbers) -> Given:
    return Given(name, tuple(values.tolist()))


def _attention(made: Forward, random: Random, part: str) -> tuple[Step, int, int]:
    """A step of some head, a token, and a key that isn't masked."""
    weights = made.weights
    step = made.find(part, random.randint(1, weights.layers), random.randint(1, weights.heads))
    row = random.randrange(min(len(made.ids), MOST_TERMS))
    return step, row, random.randint(0, row)


def _dot(made: Forward, random: Random) -> Question | None:
    """A query and a key multiplied."""
    if not made.weights.layers or made.weights.head_width > MOST_TERMS:
        return None
    step, row, key = _attention(made, random, "scores")
    exact = step.working(row, key)[0]
    assert isinstance(exact, Dot)
    left, right = _rounded(exact.left), _rounded(exact.right)
    line = Dot("Σ", exact.formula, left, right, exact.left_name, exact.right_name)
    given = _row(exact.left_name, left), _row(exact.right_name, right)
    hint = "multiply the first number of one with the first of the other, and so on; then add up"
    return Question("a dot product", step.name, row, "Σ", exact.formula, given, hint, (line,), exact.value)


def _score(made: Forward, random: Random) -> Question | None:
    """A dot product divided by the root of the head's width."""
    if not made.weights.layers:
        return None
    step, row, key = _attention(made, random, "scores")
    product, exact = step.working(row, key)
    assert isinstance(exact, Formula)
    total, divisor = _round(product.value), _round(exact.figures[1])
    line = Formula(exact.name, exact.formula, "{} / {}", (total, divisor), total / divisor)
    given = (Given(f"Σ = {product.formula}", (total,)), Given(exact.formula.partition(" / ")[2], (divisor,)))
    hint = "the longer queries and keys are, the larger their products; so they are divided"
    return Question("a score", step.name, row, exact.name, exact.formula, given, hint, (line,), exact.value)


def _weight(made: Forward, random: Random) -> Question | None:
    """The softmax of a query's scores, at one key."""
    if not made.weights.layers:
        return None
    step, row, key = _attention(made, random, "attention")
    scores = step.sources[0]
    seen = _rounded(scores.values[row, : row + 1])
    name, top = step.at(row, key), float(seen.max())
    raised = np.exp(seen - top)
    total, part = float(raised.sum()), float(raised[key])
    working = (
        Formula(
            "e", f"exp({scores.at(row, key)} − max {scores.row(row)})", "exp({} − {})", (seen[key], top), part
        ),
        Sum("Σ", f"all exp({scores.label.symbol}[{row + 1},·] − max)", raised),
        Formula(name, "e / Σ", "{} / {}", (part, total), part / total),
    )
    given = (_row(f"{scores.row(row)}, up to the query", seen),)
    formula = f"exp({scores.at(row, key)}) / Σ exp({scores.label.symbol}[{row + 1},·])"
    hint = "take the largest score off each, raise e to what is left, and divide by the sum of all"
    exact = float(step.values[row, key])
    return Question("an attention weight", step.name, row, name, formula, given, hint, working, exact, True)


def _mixed(made: Forward, random: Random) -> Question | None:
    """The values of all keys, weighted."""
    if not made.weights.layers:
        return None
    step, row, _ = _attention(made, random, "mix")
    (exact,) = step.working(row, random.randrange(step.values.shape[1]))
    assert isinstance(exact, Dot)
    left, right = _rounded(exact.left), _rounded(exact.right)
    line = Dot(exact.name, exact.formula, left, right, exact.left_name, exact.right_name)
    given = _row(exact.left_name, left), _row(exact.right_name, right)
    hint = "multiply each key's weight with its value, and add up"
    return Question(
        "a weighted value", step.name, row, exact.name, exact.formula, given, hint, (line,), exact.value
    )


def _residual(made: Forward, random: Random) -> Question | None:
    """What attention adds to the residual stream."""
    if not made.weights.layers:
        return None
    step = made.find("residual-1", random.randint(1, made.weights.layers))
    row, column = random.randrange(len(made.ids)), random.randrange(step.values.shape[1])
    (exact,) = step.working(row, column)
    assert isinstance(exact, Formula)
    figures = tuple(map(_round, exact.figures))
    line = Formula(exact.name, exact.formula, exact.template, figures, sum(figures))
    given = tuple(
        Given(source.at(row, column), (figure,)) for source, figure in zip(step.sources, figures, strict=True)
    )
    hint = "attention doesn't replace what came in: it is added"
    return Question(
        "a sum in the residual stream",
        step.name,
        row,
        exact.name,
        exact.formula,
        given,
        hint,
        (line,),
        exact.value,
    )


def _mean(made: Forward, random: Random) -> Question | None:
    """The mean that a layer norm takes off."""
    width = made.weights.width
    if width > MOST_TERMS:
        return None
    step = made.find("final-mean")
    row = random.randrange(len(made.ids))
    total, exact = step.working(row, 0)
    assert isinstance(total, Sum)
    terms = _rounded(total.terms)
    line = Sum("Σ", total.formula, terms)
    name = exact.name
    mean = Formula(name, exact.formula, f"{{}} / {width}", (line.value,), line.value / width)
    given = (_row(step.sources[0].row(row), terms),)
    hint = f"add up the {width} numbers, and divide by {width}"
    formula = f"Σ {step.sources[0].row(row)} / {width}"
    return Question(
        "a layer norm's mean", step.name, row, name, formula, given, hint, (line, mean), exact.value
    )


def _logit(made: Forward, random: Random) -> Question | None:
    """What the model says of one next token, before the softmax."""
    if made.weights.width > MOST_TERMS:
        return None
    step = made.logits
    row, column = random.randrange(len(made.ids)), random.randrange(step.values.shape[1])
    (exact,) = step.working(row, column)
    assert isinstance(exact, Dot)
    left, right = _rounded(exact.left), _rounded(exact.right)
    line = Dot(exact.name, exact.formula, left, right, exact.left_name, exact.right_name)
    given = _row(exact.left_name, left), _row(exact.right_name, right)
    hint = "one more dot product: the token's state after the last norm, and the row of a word"
    return Question(
        "a logit", step.name, row, exact.name, exact.formula, given, hint, (line,), exact.value, word=column
    )


def _probability(made: Forward, random: Random) -> Question | None:
    """A logit's softmax, the sum over the vocabulary given."""
    step, logits = made.probabilities, made.logits
    row = random.randrange(len(made.ids))
    likely = np.argsort(-step.values[row], kind="stable")[:5]
    column = int(likely[random.randrange(len(likely))])
    raised, total, _ = step.working(row, column)
    assert isinstance(raised, Formula)
    logit, top = map(_round, raised.figures)
    divisor = _round(total.value)
    name, part = step.at(row, column), float(np.exp(logit - top))
    working = (
        Formula("e", raised.formula, "exp({} − {})", (logit, top), part),
        Formula(name, "e / Σ", "{} / {}", (part, divisor), part / divisor),
    )
    given = (
        Given(logits.at(row, column), (logit,)),
        Given(f"max {logits.row(row)}", (top,)),
        Given(f"Σ = {total.formula}", (divisor,)),
    )
    hint = "raise e to the logit less the largest one, and divide by the sum that is given"
    exact = float(step.values[row, column])
    return Question("a probability", step.name, row, name, "e / Σ", given, hint, working, exact, True, column)


_MAKERS: Mapping[str, Maker] = {
    "dot": _dot,
    "score": _score,
    "weight": _weight,
    "mix": _mixed,
    "residual": _residual,
    "mean": _mean,
    "logit": _logit,
    "probability": _probability,
}
