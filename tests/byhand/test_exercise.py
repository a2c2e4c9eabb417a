"""Exercises: what is asked can be computed from what is given, and is judged so."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config

from tests.byhand.models import CONFIGS, gpt2
from tests.byhand.test_forward import DEFAULT, ids_for
from token_explorer.byhand.exercise import DIGITS, KINDS, TOLERANCE, Question, questions, read_answer
from token_explorer.byhand.forward import forward
from token_explorer.byhand.lines import MINUS, TIMES, written
from token_explorer.engine.parameters import read
from token_explorer.errors import InputError

NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?(?:e-\d+)?")


def numbers_in(text: str) -> list[float]:
    """The numbers of a line, behind its = or its colon."""
    return [
        float(each.replace(MINUS, "-")) for each in NUMBER.findall(re.split(r" = |: ", text, maxsplit=1)[1])
    ]


def by_hand(question: Question) -> float:
    """What comes out if the given numbers are used, as they are shown, by somebody who knows the formulas."""
    part, given = question.step.label.part, [numbers_in(each) for each in question.given]
    if part in ("embeddings", "residual-1"):
        return sum(given[0])
    if part == "norm-1-mean":
        return sum(given[0]) / len(given[0])
    if part in ("scores", "mix", "logits"):
        total = math.fsum(a * b for a, b in zip(*given[:2], strict=True))
        return total / given[2][0] if part == "scores" else total
    if part == "attention":
        raised = [math.exp(value) for value in given[0]]
        return raised[question.column] / sum(raised)
    if part == "probabilities":
        return math.exp(given[0][0] - given[1][0]) / given[2][0]
    if part == "final-norm":
        (value, mean, variance, epsilon), (gain, bias) = given
        return (value - mean) / math.sqrt(variance + epsilon) * gain + bias
    f = given[0][0]
    return 0.5 * f * (1 + math.tanh(math.sqrt(2 / math.pi) * (f + 0.044715 * f**3)))


@settings(max_examples=100)
@given(seed=st.integers(0, 2**31 - 1), data=st.data())
def test_what_the_given_numbers_make_is_right_and_what_is_further_off_is_wrong(
    seed: int, data: st.DataObject
) -> None:
    made = forward(read(gpt2(DEFAULT)), data.draw(ids_for(DEFAULT)))
    asked = questions(made, seed)
    assert [question.step.label.part for question in asked] == list(KINDS)
    for question in asked:
        answer = by_hand(question)
        assert question.is_right(answer), (question.step.name, answer, question.value)
        assert question.is_right(read_answer(written(question.value, DIGITS)))
        off = 2.1 * max(TOLERANCE, TOLERANCE * abs(question.value))
        assert not question.is_right(question.value + off)
        assert not question.is_right(question.value - off)
        assert not question.is_right(math.nan)


@given(config=CONFIGS, seed=st.integers(0, 5), data=st.data())
def test_any_shape_of_gpt2_has_a_question_of_each_kind_the_same_for_a_seed(
    config: GPT2Config, seed: int, data: st.DataObject
) -> None:
    made = forward(read(gpt2(config)), data.draw(ids_for(config)))
    first, again = questions(made, seed), questions(made, seed)
    assert [(each.name, each.value) for each in first] == [(each.name, each.value) for each in again]
    for question in first:
        assert question.given
        assert question.formulas
        assert question.hint
        assert question.lines[-1].name == question.name


def test_what_is_asked_for_is_not_given() -> None:
    made = forward(read(gpt2(DEFAULT)), (1, 2, 3, 4, 5))
    for seed in range(20):
        for question in questions(made, seed):
            shown = written(question.value, DIGITS)
            behind = [each.partition(" = ")[2] for each in question.given]
            assert shown not in [each.strip("()") for each in behind]
            assert TIMES not in question.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        (".5", 0.5),
        ("0,5", 0.5),
        (" 0.5 ", 0.5),
        ("+0.5", 0.5),
        ("−0.5", -0.5),
        ("–0.5", -0.5),
        ("- 0.5", -0.5),
        ("50%", 0.5),
        ("50 %", 0.5),
        ("1/2", 0.5),
        ("-1/2", -0.5),
        ("5e-1", 0.5),
        ("5.", 5.0),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, value: float) -> None:
    assert read_answer(text) == pytest.approx(value)


@pytest.mark.parametrize(
    "text", ["", "a", "fox", "1/0", "--1", "0.5.5", "1/2/3", "%", "nan", "inf", "1e999999", "²"]
)
def test_what_is_no_number_is_refused_with_words(text: str) -> None:
    with pytest.raises(InputError, match=r"0\.25"):
        read_answer(text)
