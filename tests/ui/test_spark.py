"""A sparkline: every token in one cell, the largest of them drawn, and a click leads to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App, ComposeResult

from tests.ui.driving import in_loop
from token_explorer.core.scores import Floats
from token_explorer.results.blocks import BLOCKS, largest
from token_explorer.ui.widgets.spark import LEAST, Spark, Sparkline, words

PLAIN, MARK = Style(), Style(reverse=True)
value = st.one_of(st.just(np.nan), st.just(0.0), st.just(np.inf), st.floats(0.0, 40.0, width=32))
prompts = st.lists(value, min_size=1, max_size=60).map(lambda values: np.array(values, np.float32))
widths = st.integers(-3, 40)


def height(block: str) -> int:
    """How high a block is; -1 for a blank."""
    return (" " + BLOCKS).index(block) - 1


# Cells


@given(prompts, widths)
def test_every_token_is_in_one_cell_in_their_order_and_no_cell_is_without_one(
    values: Floats, width: int
) -> None:
    spark = Spark.fitting(values, width)
    cells = [spark.cell(place) for place in range(len(values))]
    assert cells == sorted(cells)
    assert set(cells) == set(range(len(spark.peaks)))
    assert len(spark.peaks) == len(spark.blocks) == min(len(values), max(1, width))
    sizes = np.bincount(cells)
    assert sizes.max() - sizes.min() <= 1


@given(prompts, widths)
def test_a_cell_stands_for_its_largest_value(values: Floats, width: int) -> None:
    spark = Spark.fitting(values, width)
    for cell, (peak, block) in enumerate(zip(spark.peaks.tolist(), spark.blocks, strict=True)):
        within = [place for place in range(len(values)) if spark.cell(place) == cell]
        assert peak in within
        known = [values[place] for place in within if not np.isnan(values[place])]
        if known:
            assert values[peak] == max(known)
            assert block in BLOCKS
        else:
            assert block == " "


@given(prompts)
def test_where_there_is_room_each_token_has_a_cell_of_its_own(values: Floats) -> None:
    spark = Spark.fitting(values, 60)
    assert spark.peaks.tolist() == list(range(len(values)))
    assert [block == " " for block in spark.blocks] == np.isnan(values).tolist()


@given(prompts, widths)
def test_a_block_is_as_high_as_its_value_to_an_eighth_of_the_largest(values: Floats, width: int) -> None:
    spark, high = Spark.fitting(values, width), largest(values)
    for size, block in zip(values[spark.peaks].tolist(), spark.blocks, strict=True):
        if np.isfinite(size) and high:
            assert abs((height(block) + 1) / 8 - size / high) <= 1 / 8
        elif np.isposinf(size):
            assert block == BLOCKS[-1]


def test_heights_rise_by_eighths() -> None:
    assert Spark.fitting(np.arange(9, dtype=np.float32), 9).blocks == "▁" + BLOCKS
    assert Spark.fitting(np.array([np.nan, 0.0, 0.0], np.float32), 9).blocks == " ▁▁"


def test_one_high_value_among_many_is_not_lost() -> None:
    values = np.zeros(5000, np.float32)
    values[3217] = 7.0
    spark = Spark.fitting(values, 40)
    assert spark.blocks.count("█") == 1
    assert spark.peaks[spark.blocks.index("█")] == 3217


@given(prompts, widths, st.none() | st.integers(-2, 70))
def test_the_cell_of_the_token_that_is_looked_at_is_marked_and_no_other(
    values: Floats, width: int, place: int | None
) -> None:
    spark = Spark.fitting(values, width)
    segments = spark.segments(place, PLAIN, MARK)
    assert "".join(segment.text for segment in segments) == spark.blocks
    marked, at = [], 0
    for text, style, _ in segments:
        marked += [*range(at, at + len(text))] if style == MARK else []
        at += len(text)
    inside = place is not None and 0 <= place < len(values)
    assert marked == ([spark.cell(place)] if inside and place is not None else [])


# Words


@given(prompts.filter(lambda values: not np.isnan(values).all()))
def test_the_words_tell_what_the_highest_block_is(values: Floats) -> None:
    text = words(values, "surprisal", "bits")
    assert text.startswith(" surprisal ≤ ")
    assert text.endswith(" bits ")
    most = text.split()[2]
    assert most == "∞" if np.isinf(values).any() else float(most) == pytest.approx(largest(values), abs=0.006)


def test_what_is_not_known_yet_and_what_has_no_value_are_told_apart() -> None:
    assert words(None, "entropy", "bits") == " entropy … "
    assert words(np.array([np.nan], np.float32), "entropy", "bits") == " entropy: no token has a value "
    assert words(np.array([0.5], np.float32), "share", "") == " share ≤ 0.50 "


# The widget


class OneLine(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.clicked: list[int] = []

    def compose(self) -> ComposeResult:
        yield Sparkline()

    def on_sparkline_place_clicked(self, message: Sparkline.PlaceClicked) -> None:
        self.clicked.append(message.place)


VALUES = np.array([np.nan, *np.linspace(0.1, 9.0, 199)], np.float32)


@pytest.mark.parametrize("width", [1, 12, 40, 80, 300])
def test_a_click_leads_to_the_token_that_the_cell_stands_for(width: int) -> None:
    @in_loop
    async def run() -> None:
        async with OneLine().run_test(size=(width, 3)) as pilot:
            app, line = pilot.app, pilot.app.query_one(Sparkline)
            assert isinstance(app, OneLine)
            line.show(VALUES, "surprisal", "bits", None)
            await pilot.pause()
            drawn = line.render_line(0)
            assert drawn.cell_length == width
            before = len(words(VALUES, "surprisal", "bits"))
            before = before if width - before >= LEAST else 1
            spark = Spark.fitting(VALUES, width - before - (1 if before == 1 else 0))
            cells = list(range(before, min(width, before + len(spark.peaks))))
            assert drawn.text[before:].startswith(spark.blocks[: len(cells)])
            for x in cells[:: max(1, len(cells) // 7)]:
                await pilot.click(Sparkline, offset=(x, 0))
                assert app.clicked.pop() == spark.peaks[x - before]
            await pilot.click(Sparkline, offset=(0, 0))
            assert app.clicked == []

    run()


def test_it_draws_what_it_is_told_last() -> None:
    @in_loop
    async def run() -> None:
        async with OneLine().run_test(size=(60, 3)) as pilot:
            line = pilot.app.query_one(Sparkline)
            assert line.size.height == 1
            line.show(None, "entropy", "bits", 2)
            assert line.render_line(0).text.rstrip() == " entropy …"
            await pilot.click(Sparkline, offset=(20, 0))
            line.show(VALUES[:4], "entropy", "bits", 2)
            text = line.render_line(0).text
            assert (
                text.rstrip()
                == f" entropy ≤ {VALUES[3]:.2f} bits  {Spark.fitting(VALUES[:4], 60).blocks[1:]}"
            )
            marked = [
                segment.text for segment in line.render_line(0) if segment.style and segment.style.reverse
            ]
            assert marked == [Spark.fitting(VALUES[:4], 60).blocks[2]]
            line.show(VALUES[:2], "surprisal", "bits", None)
            assert line.render_line(0).text.startswith(" surprisal ≤ 0.10 bits  █")
            line.show(VALUES[:1], "surprisal", "bits", 0)
            assert line.render_line(0).text.rstrip() == " surprisal: no token has a value"
            assert pilot.app.query_one(Sparkline) is line
            assert isinstance(pilot.app, OneLine)
            assert pilot.app.clicked == []

    run()


def test_it_is_drawn_again_only_where_it_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    @in_loop
    async def run() -> None:
        async with OneLine().run_test(size=(60, 3)) as pilot:
            line, asked = pilot.app.query_one(Sparkline), list[object]()
            monkeypatch.setattr(line, "refresh", lambda: asked.append(None))
            for values, label, place in (
                (VALUES, "surprisal", None),
                (VALUES[:-1], "surprisal", None),
                (VALUES[:-1], "entropy", None),
                (VALUES[:-1], "entropy", 3),
                (None, "entropy", 3),
            ):
                for again in (values, None if values is None else values.copy()):
                    line.show(again, label, "bits", place)
                assert len(asked) == 1
                asked.clear()

    run()
