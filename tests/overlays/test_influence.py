"""Influence: the heads that vary most, their mean, and the share of its maximum."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import HEADS, LAYERS, encode, observe, score
from token_explorer.core.observation import AttentionRow, AttentionRows
from token_explorer.core.scores import Floats
from token_explorer.overlays.attention import ask_influence, influence
from token_explorer.overlays.overlay import Glance

IDS = encode("Once upon a time, there was a")
END = len(IDS) - 1
SCORES = [score(IDS[:length], 5) for length in range(1, len(IDS) + 1)]
"""Of the prompt's beginnings."""

# Rows of 32nds: no two of the variances differ by rounding alone.
tables = st.integers(1, 6).flatmap(
    lambda keys: st.lists(st.lists(st.integers(0, 32), min_size=keys, max_size=keys), min_size=1, max_size=9)
)


def rows_of(table: list[list[int]], whole: int = 32) -> AttentionRows:
    weights = np.array(table, np.float32) / np.float32(whole)
    heads = [(place // 3 + 1, place % 3 + 1) for place in range(len(table))]
    return AttentionRows(weights, np.array(heads, np.int64))


def glance(length: int = len(IDS), cursor: int | None = None, heads: int = 32, sink: bool = True) -> Glance:
    return Glance(SCORES[length - 1], cursor, heads=heads, sink=sink)


def shown(at: Glance) -> Floats:
    facet = ask_influence(at)
    assert facet is not None
    return influence(at, observe(at.scores.ids, facet)).values  # type: ignore[arg-type]


def slowly(table: list[list[int]], heads: int) -> list[float]:
    """Influence by its definition, one exact fraction at a time."""
    rows = [[Fraction(weight, 32) for weight in row] for row in table]
    spread = []
    for row in rows:
        mean = sum(row) / len(row)
        spread.append(sum((weight - mean) ** 2 for weight in row) / len(row))
    best: list[list[Fraction]] = []
    left = list(range(len(rows)))
    while left and len(best) < heads:
        widest = max(left, key=lambda place: (spread[place], -place))
        left.remove(widest)
        best.append(rows[widest])
    means = [sum(column) / len(best) for column in zip(*best, strict=True)]
    return [float(mean / max(means)) for mean in means] if max(means) else [float("nan")] * len(means)


@given(tables, st.integers(1, 12))
def test_influence_is_what_its_definition_says(table: list[list[int]], heads: int) -> None:
    at = glance(len(table[0]), heads=heads)
    np.testing.assert_allclose(influence(at, rows_of(table)).values, slowly(table, heads), rtol=1e-5)


@given(tables, st.integers(1, 12))
def test_the_largest_influence_is_one_and_with_the_sink_left_out_that_of_the_others_is(
    table: list[list[int]], heads: int
) -> None:
    at, without = (glance(len(table[0]), heads=heads, sink=sink) for sink in (True, False))
    values = influence(at, rows_of(table)).values
    others = influence(without, rows_of(table)).values
    if not np.isnan(values).all():
        assert values.max() == 1.0
    if not np.isnan(others).all():
        assert others[1:].max() == 1.0
        np.testing.assert_allclose(others * values[1:].max(), values, rtol=1e-5)


@given(tables)
def test_more_heads_than_there_are_are_all_of_them(table: list[list[int]]) -> None:
    rows = rows_of(table)
    all_of_them, more = (glance(len(table[0]), heads=count) for count in (len(table), len(table) + 7))
    np.testing.assert_array_equal(influence(all_of_them, rows).values, influence(more, rows).values)


def test_of_many_heads_that_vary_equally_the_first_are_taken() -> None:
    rows = rows_of([[32, 0, 0], [11, 11, 10]] * 10 + [[0, 32, 0], [11, 11, 10]] * 10)
    assert influence(glance(3, heads=10), rows).values.tolist() == [1.0, 0.0, 0.0]


def test_one_head_is_the_one_that_varies_most_and_of_equals_the_first() -> None:
    rows = rows_of([[16, 16, 0], [0, 32, 0], [0, 0, 32]])
    assert influence(glance(3, heads=1), rows).values.tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("sink", [True, False])
@pytest.mark.parametrize("cursor", range(2, len(IDS)))
def test_at_a_token_it_is_what_the_prompt_before_it_ended_with(cursor: int, sink: bool) -> None:
    whole, prefix = glance(cursor=cursor, sink=sink), glance(cursor, sink=sink)
    assert np.array_equal(shown(whole)[:cursor], shown(prefix))
    assert np.isnan(shown(whole)[cursor:]).all()


def test_what_attends_is_the_last_token_or_the_one_before_the_cursor() -> None:
    assert ask_influence(glance()) == AttentionRow(END)
    assert ask_influence(glance(cursor=END)) == AttentionRow(END - 1)
    assert ask_influence(glance(cursor=0)) is None
    assert influence(glance(cursor=0), None).note == "nothing came before the first token"


def test_the_note_names_the_token_that_attends_by_its_place_from_one() -> None:
    at = glance(cursor=4)
    facet = ask_influence(at)
    assert facet is not None
    assert influence(at, rows_of([[8, 8, 8, 8]])).note == f"of token {facet.query + 1}"
    assert influence(glance(4), rows_of([[8, 8, 8, 8]])).note == "of the last token"


def test_the_note_says_that_the_first_token_is_left_out() -> None:
    assert "left out" in influence(glance(2, sink=False), rows_of([[24, 8]])).note
    assert influence(glance(2, sink=False), rows_of([[24, 8]])).values.tolist() == [3.0, 1.0]


def test_attention_that_went_to_no_token_is_told_of_the_heads_in_use_alone() -> None:
    rows = rows_of([[20, 0], [0, 24], [15, 16]])
    assert "25.0% of it went to no token" in influence(glance(2, heads=1), rows).note
    assert "31.2% of it went to no token" in influence(glance(2, heads=2), rows).note
    assert "no token" not in influence(glance(2), rows_of([[16, 16]])).note


def test_rounding_to_bfloat16_is_no_attention_to_no_token() -> None:
    weights = np.full((1, 3), 0.33203125, np.float32)  # a third in bfloat16
    rows = AttentionRows(weights, np.ones((1, 2), np.int64))
    assert float(rows.missing[0]) > 1e-3
    assert "no token" not in influence(glance(3), rows).note


@pytest.mark.parametrize(("row", "sink"), [([32, 0], False), ([32], False), ([0, 0], True)])
def test_where_there_is_nothing_to_scale_by_there_are_no_values(row: list[int], sink: bool) -> None:
    reading = influence(glance(len(row), sink=sink), rows_of([row]))
    assert np.isnan(reading.values).all()
    assert "no attention is left to scale by" in reading.note


def test_all_layers_take_part() -> None:
    """The heads of one layer alone would give something else."""
    at = glance(heads=LAYERS * HEADS)
    rows = observe(IDS, AttentionRow(END))
    assert isinstance(rows, AttentionRows)
    mean = rows.weights.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(shown(at), mean / mean.max(), rtol=1e-6)
