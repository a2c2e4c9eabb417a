"""What an exercise asks can be worked out from what it gives; right answers are taken, and wrong ones not."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.byhand.followed import PIECES, small
from token_explorer.byhand.answer import read_answer
from token_explorer.byhand.exercise import MOST_TERMS, digest, questions
from token_explorer.byhand.forward import forward
from token_explorer.byhand.lines import MINUS
from token_explorer.byhand.question import DECIMALS, TOLERANCE, Question, shown
from token_explorer.core.tokens import TokenIds

PROMPTS = st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=8).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)
KINDS = [
    "a dot product",
    "a score",
    "an attention weight",
    "a weighted value",
    "a sum in the residual stream",
    "a layer norm's mean",
    "a logit",
    "a probability",
]


def asked(ids: TokenIds, seed: int, weights_seed: int = 0) -> tuple[Question, ...]:
    return questions(forward(small(seed=weights_seed), ids), seed)


def worked_out(question: Question) -> float:
    """The number from what is given alone, by the kind's own definition."""
    rows = [each.numbers for each in question.given]
    if question.title in ("a dot product", "a weighted value", "a logit"):
        return sum(a * b for a, b in zip(*rows, strict=True))
    if question.title == "a score":
        return rows[0][0] / rows[1][0]
    if question.title == "a sum in the residual stream":
        return rows[0][0] + rows[1][0]
    if question.title == "a layer norm's mean":
        return sum(rows[0]) / len(rows[0])
    if question.title == "a probability":
        return math.exp(rows[0][0] - rows[1][0]) / rows[2][0]
    key = int(question.name.partition(",")[2].rstrip("]")) - 1
    return math.exp(rows[0][key]) / sum(map(math.exp, rows[0]))


@given(ids=PROMPTS, seed=SEEDS, weights=st.integers(0, 3))
def test_each_number_can_be_worked_out_from_what_is_given(ids: TokenIds, seed: int, weights: int) -> None:
    found = asked(ids, seed, weights)
    assert [question.title for question in found] == KINDS
    for question in found:
        assert question.value == pytest.approx(worked_out(question), rel=1e-9, abs=1e-9)
        assert all(len(each.numbers) <= MOST_TERMS for each in question.given)
        assert all(round(number, DECIMALS) == number for each in question.given for number in each.numbers)


@given(ids=PROMPTS, seed=SEEDS, weights=st.integers(0, 3))
def test_right_answers_are_taken_as_they_are_written_and_wrong_ones_are_not(
    ids: TokenIds, seed: int, weights: int
) -> None:
    for question in asked(ids, seed, weights):
        for right in (question.value, question.exact, worked_out(question)):
            answer = read_answer(shown(right))
            assert answer is not None
            assert question.is_right(answer)
        low, high = sorted((question.value, question.exact))
        for wrong in (low - TOLERANCE * 1.01, high + TOLERANCE * 1.01, high + 1.0, low - 1.0):
            assert not question.is_right(wrong)


@given(ids=PROMPTS, seed=SEEDS)
def test_the_forwards_own_number_is_the_exact_one(ids: TokenIds, seed: int) -> None:
    made = forward(small(), ids)
    steps = {step.name: step for step in made.steps}
    for question in questions(made, seed)[1:]:
        step = steps[question.step]
        places = question.name.partition("[")[2].rstrip("]").split(",")
        row, column = (*(int(each) - 1 for each in places), 0)[:2]
        assert step.at(row, column) == question.name
        assert row == question.row
        assert question.exact == pytest.approx(step.values[row, column], rel=1e-9, abs=1e-12)


@given(ids=PROMPTS, seed=SEEDS)
def test_the_same_seed_asks_the_same(ids: TokenIds, seed: int) -> None:
    first, again = asked(ids, seed), asked(ids, seed)
    assert [(each.name, each.value) for each in first] == [(each.name, each.value) for each in again]


def test_other_seeds_ask_for_other_numbers() -> None:
    names = {tuple(each.name + each.step for each in asked((1, 0, 2, 0, 7), seed)) for seed in range(8)}
    assert len(names) == 8


def test_numbers_are_asked_for_that_tell_something_where_there_are_some() -> None:
    for seed in range(20):
        for question in asked((1, 0, 2, 0, 7), seed):
            assert abs(question.exact) >= 0.05
            assert not question.share or question.exact <= 0.95


def test_what_has_too_many_terms_is_left_out() -> None:
    made = forward(small(width=80, heads=2), (1, 0, 2))
    titles = [question.title for question in questions(made, 0)]
    assert titles == [each for each in KINDS if each not in (KINDS[0], KINDS[5], KINDS[6])]


def test_a_model_without_layers_still_has_a_norm_and_a_head() -> None:
    made = forward(small(layers=0), (1, 0, 2))
    assert [question.title for question in questions(made, 0)] == KINDS[5:]


def test_weights_are_told_apart_by_every_number() -> None:
    one, same, other = small(), small(), small()
    assert digest(one) == digest(same)
    other["h.1.mlp.c_fc.bias"][3] += 1e-9
    assert digest(one) != digest(other)
    assert digest(one) != digest(small(heads=4))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        (".5", 0.5),
        ("0,5", 0.5),
        (",5", 0.5),
        ("50%", 0.5),
        ("50 %", 0.5),
        ("1/2", 0.5),
        (" 1 / 2 ", 0.5),
        ("-1/2", -0.5),
        ("1/-2", -0.5),
        ("+0.5", 0.5),
        ("5.", 5.0),
        ("5e-1", 0.5),
        *((f"{sign}0.5", -0.5) for sign in f"-‐‑‒–—﹣－{MINUS}"),
        (f"{MINUS} 0.5\n", -0.5),
    ],
)
def test_an_answer_is_read_as_people_write_it(text: str, value: float) -> None:
    assert read_answer(text) == value


@pytest.mark.parametrize(
    "text", ["", "abc", "x=1", "1/0", "0/0", "--1", "1.2.3", "%", "1 2", "nan", "inf", "1e999", "½", "٥"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_answer(text) is None


@settings(max_examples=200)
@given(text=st.text())
def test_no_text_breaks_the_reading_of_answers(text: str) -> None:
    answer = read_answer(text)
    assert answer is None or math.isfinite(answer)
