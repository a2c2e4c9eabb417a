from dataclasses import fields
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from token_explorer.core.knobs import KNOBS, Knob, Sampler, knob, step
from token_explorer.errors import InputError

each_knob = pytest.mark.parametrize("each", KNOBS, ids=lambda each: each.name)


def at(each: Knob, value: float) -> Sampler:
    changes: dict[str, Any] = {each.name: value}
    return Sampler(**changes)


def values(each: Knob) -> st.SearchStrategy[float]:
    """All values that a knob may have, and often its notches."""
    inside = st.integers(int(each.low), int(each.high)) if each.whole else st.floats(each.low, each.high)
    return inside | st.sampled_from(each.notches)


def refusal(name: str, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        Sampler().turned(name, text)
    return caught.value


def outcome(each: Knob, text: str) -> Sampler | InputError:
    try:
        return Sampler().turned(each.name, text)
    except InputError as error:
        return error


# What is declared


def test_there_is_a_knob_for_every_field_in_the_same_order_and_off_at_its_default() -> None:
    assert [(each.name, each.off) for each in KNOBS] == [
        (each.name, each.default) for each in fields(Sampler)
    ]
    assert Sampler().is_off


@each_knob
def test_notches_ascend_within_the_range_and_off_is_one(each: Knob) -> None:
    assert all(low < high for low, high in pairwise(each.notches))
    assert all(map(each.accepts, each.notches))
    assert each.off in each.notches


@each_knob
@given(data=st.data())
def test_a_sampler_is_off_only_where_every_knob_is(each: Knob, data: st.DataObject) -> None:
    value = data.draw(values(each))
    assert at(each, value).is_off == (value == each.off)


# Values that are allowed


@each_knob
def test_a_value_beyond_either_end_is_refused_with_the_knob_and_its_range(each: Knob) -> None:
    for value in (each.low - 1, each.high + 1):
        with pytest.raises(InputError) as caught:
            at(each, value)
        assert caught.value.message.startswith(f"{each.title} = ")
        assert caught.value.hint == f"It should be {each.allowed}."
    assert at(each, each.low) != at(each, each.high)


@each_knob
@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None, True, [1]])
def test_what_is_no_number_is_refused(each: Knob, value: object) -> None:
    assert not each.accepts(value)
    with pytest.raises(InputError):
        Sampler(**{each.name: value})  # type: ignore[arg-type]


@each_knob
def test_only_knobs_that_count_need_a_whole_number(each: Knob) -> None:
    assert each.accepts(0.5) == (not each.whole)
    assert each.accepts(1)


def test_the_allowed_values_are_said_in_words() -> None:
    assert knob("top-p").allowed == "a number from 0 to 1 (probability); 1 is off"
    assert knob("top-k").allowed == "a whole number from 0 to 1000000 (tokens); 0 is off"
    assert knob("temperature").allowed == "a number from 0 to 10; 1 is off"


# By name, from text


@each_knob
def test_a_knob_is_found_by_its_name_and_by_its_title_however_they_are_joined(each: Knob) -> None:
    for name in (each.name, each.title):
        for joint in ("-", "_", " ", ""):
            written = name.replace("-", joint).replace("_", joint).replace(" ", joint)
            assert knob(written) is each
            assert knob(written.upper()) is each


@pytest.mark.parametrize("name", ["", "top", "temperatur", "seed", "\x1b[2J"])
def test_a_name_of_no_knob_is_refused_with_all_titles(name: str) -> None:
    error = refusal(name, "1")
    assert error.title == "Unknown setting"
    assert all(each.title in error.hint for each in KNOBS)
    assert "\x1b" not in error.message


@each_knob
@given(data=st.data())
def test_turning_to_a_written_value_sets_that_knob_alone(each: Knob, data: st.DataObject) -> None:
    value = data.draw(values(each))
    assert Sampler().turned(each.title, f" {value} ") == at(each, value)


@each_knob
def test_turning_off_undoes_any_value(each: Knob) -> None:
    others = Sampler(top_k=7, temperature=0.3)
    turned = at(each, each.high).turned(each.name, "Off")
    assert turned.is_off
    assert others.turned(each.name, "off") == others.turned(each.name, str(each.off))


@each_knob
@given(text=st.text() | st.floats().map(str) | st.integers().map(str))
@example(text="")
@example(text="nan")
@example(text="-1")
@example(text="1e999")
@example(text="9" * 5000)
@example(text="0x1")
@example(text="\x1b]0;x\x07")
def test_any_text_gives_an_allowed_value_or_a_refusal_of_that_knob(each: Knob, text: str) -> None:
    answer = outcome(each, text)
    if isinstance(answer, InputError):
        assert (answer.title, answer.hint) == ("Impossible setting", f"It should be {each.allowed}.")
        assert answer.message.startswith(f"{each.title} = ")
        assert answer.message.isprintable()
        assert len(answer.message) < 80
        return
    assert each.accepts(getattr(answer, each.name))
    assert answer == at(each, getattr(answer, each.name))


def test_three_is_no_nucleus_and_a_half_is_no_number_of_tokens() -> None:
    assert refusal("top-p", "3").message == "top-p = 3."
    assert refusal("top-k", "0.5").message == "top-k = 0.5."


# By notches


@each_knob
def test_steps_walk_every_notch_up_and_down(each: Knob) -> None:
    sampler = at(each, each.notches[0])
    for notches in (each.notches[1:], each.notches[-2::-1]):
        for notch in notches:
            sampler = step(sampler, each, 1 if notch > getattr(sampler, each.name) else -1)
            assert sampler == at(each, notch)


@each_knob
@given(data=st.data())
def test_a_step_leads_to_the_nearest_notch_on_its_side(each: Knob, data: st.DataObject) -> None:
    value = data.draw(values(each))
    above = [notch for notch in each.notches if notch > value]
    below = [notch for notch in each.notches if notch < value]
    assert step(at(each, value), each, 1) == at(each, min(above, default=value))
    assert step(at(each, value), each, -1) == at(each, max(below, default=value))
    assert step(at(each, value), each, 0) == at(each, value)


@each_knob
@given(data=st.data(), steps=st.integers(-30, 30))
def test_many_steps_are_that_many_single_ones_and_stop_at_the_end(
    each: Knob, data: st.DataObject, steps: int
) -> None:
    sampler = walked = at(each, data.draw(values(each)))
    for _ in range(abs(steps)):
        walked = step(walked, each, 1 if steps > 0 else -1)
    assert step(sampler, each, steps) == walked


@each_knob
def test_a_step_moves_no_other_knob(each: Knob) -> None:
    sampler = Sampler(1.1, 3, 5, 5, 0.7, 40, 0.9, 0.05)
    turned = step(sampler, each, 1)
    changed = [other.name for other in KNOBS if getattr(turned, other.name) != getattr(sampler, other.name)]
    assert changed == [each.name]
