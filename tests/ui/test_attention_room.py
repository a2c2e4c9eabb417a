"""The attention room on pure answers: what is drawn is what they say, and nothing more is asked for."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style
from textual.app import App
from textual.pilot import Pilot

from tests import fakes
from tests.fakes import HOSTILE, VOCABULARY, encode
from tests.ui.driving import in_loop
from token_explorer.core.branch import Workspace
from token_explorer.core.observation import AttentionMap, AttentionRow, AttentionRows, AttentionWeights, Facet
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import Token, TokenIds, Vocabulary
from token_explorer.errors import ExplorerError, FacetUnavailable
from token_explorer.overlays.heads import HOWS, Choice
from token_explorer.results import figures
from token_explorer.results.attention import SIGNAL
from token_explorer.results.palette import Depth, Palettes, make
from token_explorer.ui import attended, keys, roomwords
from token_explorer.ui.screens.attention import AttentionRoom
from token_explorer.ui.screens.room import Room
from token_explorer.ui.view import View
from token_explorer.ui.widgets.heads import HeadList, WeightList
from token_explorer.ui.widgets.heatmap import NOTHING, HeatMap
from token_explorer.ui.widgets.window import MOST_KEYS, MOST_QUERIES, PIECE_KEYS, PIECE_QUERIES

TEXT = (
    "Once upon a time, there was a very small girl\n\n 日本[/b]\x1b[31mred there was a very small time 日本"
)
IDS = encode(TEXT)
LONG = (IDS * 4)[:70]
Answers = Callable[[TokenIds, Facet[Any]], object]
pure = cast(Answers, lru_cache(maxsize=None)(fakes.observe))


class RoomApp(App[None]):
    """An attention room, its moves carried out as the explorer does."""

    def __init__(self, ids: TokenIds, cursor: int | None, answers: Answers, depth: Depth) -> None:
        super().__init__()
        self.workspace = Workspace.open(ids).look_at(cursor)
        self.answers = answers
        self.palettes = Palettes(make("viridis", depth), make("red-blue", depth))
        self.vocabulary: Vocabulary = VOCABULARY
        self.asked: list[Facet[Any]] = []
        self.moves: list[int | None] = []
        self.deaf = False
        """Whether moves aren't carried out."""
        self.changes = 0
        self.room = self.new_room()

    def new_room(self) -> AttentionRoom:
        return AttentionRoom(self.palettes, keys.KEYS)

    def on_mount(self) -> None:
        self.push_screen(self.room)
        self.draw()

    def known(self, facet: Facet[Any]) -> Any:
        self.asked.append(facet)
        return self.answers(self.workspace.branch.ids, facet)

    @property
    def view(self) -> View:
        return View(self.workspace, self.vocabulary, None, None, False)

    def draw(self) -> None:
        self.room.show(self.view, self.known)

    def on_room_cursor_moved(self, message: Room.CursorMoved) -> None:
        self.moves.append(message.cursor)
        if not self.deaf and (message.cursor or 0) < len(self.workspace.branch.ids):
            self.workspace = self.workspace.look_at(message.cursor)
            self.draw()

    def on_room_changed(self) -> None:
        self.changes += 1

    @property
    def query(self) -> int:
        branch = self.workspace.branch
        return len(branch.ids) - 1 if branch.cursor is None else branch.cursor

    @property
    def choice(self) -> Choice:
        assert self.room.choice is not None
        return self.room.choice

    @property
    def rows(self) -> AttentionRows:
        """The answer for the query that is looked at."""
        return cast(AttentionRows, self.answers(self.workspace.branch.ids, AttentionRow(self.query)))

    def weights(self, how: Choice) -> Floats:
        """(query + 1,) what is chosen of the answer, worked out another way."""
        found = self.rows.heads[:, 0] == how.layer
        layer = self.rows.weights[found]
        if how.how == "head":
            return cast(Floats, layer[self.rows.heads[found][:, 1] == how.head][0])
        return cast(Floats, layer.mean(0) if how.how == "mean" else layer.max(0))

    def lines(self) -> list[str]:
        return [strip.text for strip in self.screen._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(self.lines())

    def picture(self) -> list[tuple[str, Style | None]]:
        """All that is drawn, cell by cell."""
        strips = self.screen._compositor.render_strips()
        return [(char, segment.style) for strip in strips for segment in strip for char in segment.text]


@asynccontextmanager
async def looking(
    ids: TokenIds = IDS,
    cursor: int | None = None,
    answers: Answers = pure,
    depth: Depth = "truecolor",
    size: tuple[int, int] = (120, 40),
) -> AsyncIterator[tuple[RoomApp, Pilot[None]]]:
    app = RoomApp(ids, cursor, answers, depth)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def press(app: RoomApp, pilot: Pilot[None], *ids: str) -> None:
    for id in ids:
        assert app.room.press(id)
        await pilot.pause()


def listed(widget: HeadList | WeightList) -> list[list[str]]:
    """The words of each row of a list, in view or not."""
    return [widget.row(place, 60)[0].split() for place in range(widget.count)]


def test_it_names_what_it_needs() -> None:
    assert AttentionRoom.needs == "attention"


# The lists.


@in_loop
async def test_heads_are_listed_by_the_variance_of_the_cursors_row() -> None:
    async with looking(cursor=9) as (app, _):
        rows = app.rows
        variances = rows.weights.astype(np.float64).var(1)
        expected = sorted(
            ((-float(np.float32(v)), *pair) for v, pair in zip(variances, rows.heads.tolist(), strict=True))
        )
        drawn = listed(app.room.head_list)
        assert [list(map(int, words[1:3])) for words in drawn] == [
            [layer, head] for _, layer, head in expected
        ]
        assert [words[3] for words in drawn] == [figures.fraction(-value) for value, _, _ in expected]
        assert app.choice == Choice(expected[0][1], expected[0][2])
        assert app.room.head_list.chosen == 0


@in_loop
async def test_heads_that_rest_on_the_sink_go_down_the_list_when_it_is_left_out() -> None:
    async with looking(cursor=9) as (app, pilot):
        choice = app.choice
        await press(app, pilot, "sink")
        variances = app.rows.weights[:, 1:].astype(np.float64).var(1)
        expected = app.rows.heads[np.argsort(-variances.astype(np.float32), kind="stable")].tolist()
        assert [list(map(int, words[1:3])) for words in listed(app.room.head_list)] == expected
        assert app.choice == choice


@pytest.mark.parametrize("cursor", [None, 0, 1, 12])
@in_loop
async def test_the_weights_are_the_answers_highest_first(cursor: int | None) -> None:
    async with looking(cursor=cursor) as (app, pilot):
        for how in HOWS:
            assert app.choice.how == how
            weights = app.weights(app.choice)
            order = np.argsort(-weights, kind="stable").tolist()
            tokens = [VOCABULARY[IDS[key]].shown for key in order]
            drawn = listed(app.room.weight_list)
            assert [int(words[0]) - 1 for words in drawn] == order
            assert [words[-1] for words in drawn] == [figures.fraction(float(weights[key])) for key in order]
            for words, token in zip(drawn, tokens, strict=True):
                assert " ".join(words[1:-1]).startswith(token[:10])
            await press(app, pilot, "overlay")


@in_loop
async def test_where_a_rows_weight_goes_is_told_in_numbers() -> None:
    async with looking() as (app, pilot):
        row = app.weights(app.choice).astype(np.float64)
        assert f"sink {figures.fraction(row[0])} · rest {figures.fraction(row[1:].sum())}" in app.text()
        assert "to no token" not in app.text()
        await press(app, pilot, "overlay-back")
        assert app.choice.how == "maximum"
        largest = f"sink {figures.fraction(float(app.weights(app.choice)[0]))}"
        assert f"{largest} · no sum of 1" in app.text()
        await pilot.resize_terminal(160, 40)
        await pilot.pause()
        assert f"{largest} · maxima don't add up to 1" in app.text()


@in_loop
async def test_weight_that_goes_to_no_token_is_told() -> None:
    def leaking(ids: TokenIds, facet: Facet[Any]) -> object:
        answer = pure(ids, facet)
        if isinstance(answer, AttentionRows):
            return AttentionRows(answer.weights * np.float32(0.75), answer.heads)
        return answer

    async with looking(answers=lru_cache(leaking), size=(170, 40)) as (app, _):
        assert "to no token 0.2500" in app.text()
    async with looking(answers=lru_cache(leaking), size=(80, 24)) as (app, _):
        assert ", none 0.2500 ╯" in app.text()


@in_loop
async def test_it_says_that_attention_explains_nothing() -> None:
    for size in ((120, 40), (80, 24)):
        async with looking(size=size) as (app, _):
            assert SIGNAL in app.lines()[0]
            assert f"prompt 1/1 · {len(IDS)} tokens" in app.lines()[0]


# Walking.


@in_loop
async def test_walking_the_list_chooses_layer_and_head_and_stops_at_its_ends() -> None:
    async with looking() as (app, pilot):
        order = [tuple(map(int, words[1:3])) for words in listed(app.room.head_list)]
        assert len(order) == fakes.LAYERS * fakes.HEADS
        for key, place in [
            ("choose-down", 1),
            ("choose-down", 2),
            ("choose-up", 1),
            ("last", 5),
        ]:
            await press(app, pilot, key)
            assert (app.choice.layer, app.choice.head) == order[place]
            assert app.room.head_list.chosen == place
            assert f"layer {order[place][0]}, head {order[place][1]}" in app.text()
        await press(app, pilot, "choose-down")
        assert (app.choice.layer, app.choice.head) == order[-1]
        await press(app, pilot, "first", "choose-up")
        assert (app.choice.layer, app.choice.head) == order[0]
        await press(app, pilot, "page-down")
        assert app.room.head_list.chosen == min(app.room.head_list.page, len(order) - 1)
        await press(app, pilot, "page-up")
        assert app.room.head_list.chosen == 0


@in_loop
async def test_the_head_stays_when_the_cursor_moves_and_the_list_is_sorted_anew() -> None:
    async with looking() as (app, pilot):
        await press(app, pilot, "choose-down")
        choice, orders = app.choice, set()
        for _ in range(6):
            await press(app, pilot, "pop")
            assert app.choice == choice
            drawn = listed(app.room.head_list)
            orders.add(tuple((words[1], words[2]) for words in drawn))
            assert app.room.head_list.chosen is not None
            assert drawn[app.room.head_list.chosen][1:3] == [str(choice.layer), str(choice.head)]
        assert len(orders) > 1


@in_loop
async def test_the_cursor_walks_by_token_and_by_word_and_ends_where_there_is_none() -> None:
    async with looking() as (app, pilot):
        last = len(IDS) - 1
        starts = [place for place in range(last) if VOCABULARY.starts_word(IDS, place)]
        for key, cursor in [
            ("append", None),
            ("look-back", last - 1),
            ("pop", last - 2),
            ("look-on", last - 1),
            ("append", None),
            ("word-back", starts[-1]),
            ("word-back", starts[-2]),
            ("word-on", starts[-1]),
            ("word-on", None),
            ("look-first", 0),
            ("pop", 0),
            ("word-on", 1),
        ]:
            await press(app, pilot, key)
            assert app.workspace.branch.cursor == cursor, key


@in_loop
async def test_no_step_is_lost_when_keys_come_faster_than_the_explorer_hears_of_them() -> None:
    async with looking() as (app, pilot):
        for _ in range(5):
            app.room.press("pop")
        await pilot.pause()
        assert app.workspace.branch.cursor == len(IDS) - 6
        app.workspace = app.workspace.look_at(3)
        app.draw()
        await press(app, pilot, "pop")
        assert app.workspace.branch.cursor == 2


@in_loop
async def test_layers_without_attention_are_stepped_over() -> None:
    def sparse(ids: TokenIds, facet: Facet[Any]) -> object:
        answer = pure(ids, facet)
        if isinstance(answer, AttentionRows):
            return AttentionRows(answer.weights, answer.heads * (3, 1))
        assert isinstance(facet, AttentionMap)
        assert facet.layer in (3, 6)
        return answer

    async with looking(answers=lru_cache(sparse)) as (app, pilot):
        head = app.choice.head
        await press(app, pilot, "layer-down", "layer-down")
        assert app.choice == Choice(3, head)
        await press(app, pilot, "layer-up")
        assert app.choice == Choice(6, head)
        await press(app, pilot, "layer-up", "overlay")
        assert f"layer 6, mean of {fakes.HEADS} heads" in app.text()


@in_loop
async def test_other_keys_mean_what_they_mean_everywhere() -> None:
    async with looking() as (app, _):
        before = app.picture(), app.workspace
        for id in ("cursor-off", "lens", "attention", "pin", "help", "quit", "undo", "nonsense"):
            assert not app.room.press(id)
        assert (app.picture(), app.workspace) == before


@in_loop
async def test_clicks_choose_a_query_and_a_head() -> None:
    async with looking() as (app, pilot):
        await pilot.click(HeatMap, offset=(20, 3))
        assert app.workspace.branch.cursor == 4
        await pilot.click(HeatMap, offset=(20, 3))
        assert app.workspace.branch.cursor == 5
        words = listed(app.room.head_list)[3]
        await pilot.click(HeadList, offset=(5, 4))
        assert app.choice == Choice(int(words[1]), int(words[2]))
        await pilot.click(WeightList, offset=(5, 2))
        assert app.workspace.branch.cursor == 5


# The map.


def true_map(app: RoomApp, ids: TokenIds) -> Floats:
    """(T, T) what is chosen of the whole map of the layer, asked for at once."""
    whole = app.answers(ids, AttentionMap(app.choice.layer, 0, len(ids), 0, len(ids)))
    layers = cast(AttentionWeights, whole).weights
    if app.choice.how == "head":
        return cast(Floats, layers[app.choice.head - 1])
    return cast(Floats, layers.mean(0) if app.choice.how == "mean" else layers.max(0))


def drawn_levels(app: RoomApp) -> dict[tuple[int, int], int]:
    """The level that each cell in view is drawn with, by its query and key; read off the colours."""
    heat, palette = app.room.heat, app.room.palette
    window = app.room._window(app.view)
    left = heat.size.width - heat.room(window.length)[1]
    found = {}

    def level(color: Any) -> int:
        shown = tuple(color.get_truecolor())
        return palette.bg.index(shown) if shown in palette.bg else NOTHING

    for line, query in enumerate(range(window.start, window.stop, 2)):
        strip = heat.render_line(line + 1).crop(left)
        cells = [(char, segment.style) for segment in strip for char in segment.text]
        if window.pinned:
            assert cells.pop(1)[0] == "│"
        for key, (char, style) in zip(window.keys.tolist(), cells, strict=False):
            assert style is not None
            ground, ink = level(style.bgcolor), level(style.color)
            pair = {"▀": (ink, ground), "▄": (ground, ink), " ": (ground, ground)}[char]
            found[query, key], found[query + 1, key] = pair
    return found


@pytest.mark.parametrize(
    ("lines", "columns", "cursor"), [(40, 120, None), (24, 80, None), (24, 80, 20), (24, 80, 45)]
)
@in_loop
async def test_the_map_shows_the_weights_in_view(lines: int, columns: int, cursor: int | None) -> None:
    async with looking(LONG, cursor, size=(columns, lines)) as (app, pilot):
        for key in ("sink", "overlay", "sink", "overlay", "layer-down", "layer-up"):
            await press(app, pilot, key)
            window = app.room._window(app.view)
            seen = true_map(app, LONG)[window.start : window.stop][:, window.keys]
            counted = seen if app.room.sink else seen[:, window.keys > 0]
            high = float(np.nanmax(counted))
            levels = app.room.palette.levels(np.minimum(seen / np.float32(high), 1))
            drawn = drawn_levels(app)
            for row, query in enumerate(range(window.start, window.stop)):
                assert [drawn[query, key] for key in window.keys.tolist()] == levels[row].tolist()
            assert f"weight 0 {' ' * 12} {figures.fraction(high)}" in app.text()
            assert ("sink" in app.text().split("weight 0")[1].split("╯")[0]) == (not app.room.sink)


@in_loop
async def test_the_border_says_which_queries_and_keys_are_in_view() -> None:
    async with looking(LONG, 20, size=(120, 24)) as (app, pilot):
        window = app.room._window(app.view)
        queries, seen = f"queries {window.start + 1}–{window.stop} of 70", f"keys 1–{window.last}"
        assert f"{queries}, {seen}" in app.text()
        assert window.stop - window.start < len(LONG)
        await pilot.resize_terminal(80, 24)
        await pilot.click(HeatMap, offset=(5, 18))
        while app.workspace.branch.cursor is not None:
            await press(app, pilot, "word-on")
        window = app.room._window(app.view)
        assert window.pinned
        assert f" {window.start + 1}–70 to 1, {window.first + 1}–70 " in app.text()


@in_loop
async def test_the_line_of_the_query_is_marked_with_its_number_and_token() -> None:
    async with looking(cursor=None) as (app, pilot):
        for _ in IDS:
            (line,) = (line for line in app.lines() if "▸" in line)
            number, token = line.split("▸")[1].split()[:2]
            assert int(number) == app.query + 1
            shown = VOCABULARY[IDS[app.query]].shown
            assert token == shown or token.startswith(shown[:4])
            await press(app, pilot, "pop")


@in_loop
async def test_without_colours_the_legend_says_what_a_shade_stands_for() -> None:
    async with looking(LONG, depth="none") as (app, pilot):
        assert "weight 0 ░▒▓█" in app.text()
        assert "a cell shows the larger of two queries" in app.text()
        await press(app, pilot, "sink")
        assert "larger of two queries · sink left out" in app.text()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "weight 0 ░▒▓█" in app.text()
        assert "larger of two · no sink" in app.text()


# What isn't known.


@in_loop
async def test_before_the_first_answer_there_is_no_list_and_only_the_row_is_wanted() -> None:
    there: dict[Facet[Any], object] = {}
    async with looking(answers=lambda ids, facet: there.get(facet)) as (app, pilot):
        row = AttentionRow(len(IDS) - 1)
        assert list(app.room.wanted()) == [row]
        assert app.room.head_list.count == app.room.weight_list.count == 0
        assert app.text().count("…") >= 3
        for key in ("choose-down", "layer-up", "overlay", "last", "page-up", "sink", "sink"):
            await press(app, pilot, key)
        assert app.room.choice is None
        there[row] = pure(IDS, row)
        before = app.changes
        app.draw()
        await pilot.pause()
        assert app.changes > before, "nobody was told that a map is wanted"
        assert app.choice == app.room._heads.at(0)  # type: ignore[union-attr]
        wanted = list(app.room.wanted())
        assert wanted[0] == row
        assert wanted[1:]
        assert all(
            isinstance(facet, AttentionMap) and facet.layer == app.choice.layer for facet in wanted[1:]
        )
        assert "·····" in app.text()
        there.update({facet: pure(IDS, facet) for facet in wanted})
        app.draw()
        await pilot.pause()
        assert "·····" not in app.text()
        assert "▀" in app.text()


@in_loop
async def test_rows_of_another_token_are_dimmed_and_none_of_them_can_be_chosen() -> None:
    there = {facet: pure(IDS, facet) for facet in (AttentionRow(len(IDS) - 1),)}
    async with looking(answers=lambda ids, facet: there.get(facet)) as (app, pilot):
        choice = app.choice
        await press(app, pilot, "pop")
        assert app.room.head_list.stale
        assert app.room.weight_list.stale
        assert "rest" not in app.text()
        for key in ("choose-down", "last", "page-down"):
            await press(app, pilot, key)
        await pilot.click(HeadList, offset=(5, 4))
        assert app.choice == choice
        dim = app.room.head_list.get_component_rich_style("listing--stale").color
        for shown in (app.room.head_list, app.room.weight_list):
            assert {segment.style and segment.style.color for segment in shown.render_line(1)} == {dim}
        await press(app, pilot, "append")
        assert not app.room.head_list.stale
        assert app.room.head_list.chosen == app.room._heads.place(choice)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", [AttentionRow, AttentionMap])
@in_loop
async def test_what_cant_be_had_is_told_in_words(kind: type) -> None:
    error = FacetUnavailable("Too long [/b]", "8000 tokens \x1b[31m are too many.", "Pop some.")

    def failing(ids: TokenIds, facet: Facet[Any]) -> object:
        return error if isinstance(facet, kind) else pure(ids, facet)

    async with looking(answers=failing) as (app, pilot):
        for part in ("Too long [/b]:", "are too many.", "Pop some."):
            assert part in app.text()
        assert "\x1b" not in app.text()
        assert bool(app.room.head_list.count) == (kind is AttentionMap)
        await press(app, pilot, "pop", "layer-up", "choose-down", "overlay", "append")


@in_loop
async def test_an_answer_after_an_error_is_drawn() -> None:
    error: list[ExplorerError | None] = [FacetUnavailable("No", "not now.")]
    async with looking(answers=lambda ids, facet: error[0] or pure(ids, facet)) as (app, pilot):
        assert "not now." in app.text()
        error[0] = None
        app.draw()
        await pilot.pause()
        assert "not now." not in app.text()
        assert "▀" in app.text()


# What it costs, and where it must hold.


KEYS_HERE = (
    *("pop", "append", "look-back", "look-on", "word-back", "word-on", "look-first"),
    *("choose-up", "choose-down", "page-up", "page-down", "first", "last"),
    *("layer-down", "layer-up", "overlay", "overlay-back", "sink"),
)


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from(KEYS_HERE), max_size=25),
    st.sampled_from([(120, 40), (80, 24), (64, 14)]),
    st.sampled_from([(IDS, None), (LONG, None), (LONG, 33), (IDS[:1], None)]),
)
@in_loop
async def test_after_any_keys_the_room_looks_like_a_fresh_one_in_that_state(
    pressed: list[str], size: tuple[int, int], start: tuple[TokenIds, int | None]
) -> None:
    async with looking(*start, size=size) as (app, pilot):
        for key in pressed:
            await press(app, pilot, key)
            for facet in app.room.wanted():
                check_bounded(facet, len(start[0]))
        after, choice, sink = app.picture(), app.room.choice, app.room.sink
        app.room = app.new_room()
        app.room.choice, app.room.sink = choice, sink
        app.push_screen(app.room)
        app.draw()
        await pilot.pause()
        assert app.picture() == after


def check_bounded(facet: Facet[Any], length: int) -> None:
    if isinstance(facet, AttentionRow):
        assert 0 <= facet.query < length
        return
    assert isinstance(facet, AttentionMap)
    assert 0 <= facet.start < facet.stop <= min(length, facet.start + PIECE_QUERIES)
    assert 0 <= facet.first_key < facet.last_key <= min(facet.stop, facet.first_key + PIECE_KEYS)


class CountingVocabulary(Vocabulary):
    """A vocabulary that counts the tokens it is asked about."""

    asked = 0

    def __getitem__(self, token: int) -> Token:
        CountingVocabulary.asked += 1
        return super().__getitem__(token)


def cheap(ids: TokenIds, facet: Facet[Any]) -> object:
    """Answers of any length at once."""
    if isinstance(facet, AttentionRow):
        weights = np.full((6, facet.query + 1), 1 / (facet.query + 1), np.float32)
        return AttentionRows(weights, np.array([(layer, head) for layer in (1, 2) for head in (1, 2, 3)]))
    assert isinstance(facet, AttentionMap)
    queries, keys = np.arange(facet.start, facet.stop)[:, None], np.arange(facet.first_key, facet.last_key)
    weights = np.where(keys <= queries, 1 / (queries + 1), np.nan).astype(np.float32)
    return AttentionWeights(np.stack([weights] * 3))


@in_loop
async def test_a_long_prompt_costs_what_is_in_view() -> None:
    ids = (IDS * 400)[:8000]
    async with looking(ids, 7000, lru_cache(cheap)) as (app, pilot):
        app.vocabulary = CountingVocabulary(VOCABULARY.pieces, VOCABULARY.special, VOCABULARY.bos)
        for key in ("pop", "sink", "overlay", "layer-up"):
            CountingVocabulary.asked, app.asked = 0, []
            await press(app, pilot, key)
            assert CountingVocabulary.asked <= 4 * app.size.height
            assert len(app.asked) <= 4 * len(app.room.wanted())
        assert len(app.room.wanted()) <= 1 + 3 * (app.size.height * 2 // PIECE_QUERIES + 2)
        assert "of 8000, keys 1, " in app.text()


@in_loop
async def test_a_giant_terminal_is_told_that_the_map_ends() -> None:
    ids = (IDS * 40)[:600]
    async with looking(ids, 500, lru_cache(cheap), size=(500, 200)) as (app, _):
        assert f"(at most {MOST_QUERIES} × {MOST_KEYS})" in app.text()
        for facet in app.room.wanted():
            check_bounded(facet, len(ids))


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10), (20, 5)])
@pytest.mark.parametrize("depth", ["truecolor", "none"])
@in_loop
async def test_hostile_tokens_and_small_screens_break_nothing(size: tuple[int, int], depth: Depth) -> None:
    ids = encode("".join(HOSTILE) + " 日本 日本")
    async with looking(ids, size=size, depth=depth) as (app, pilot):
        for key in ("pop", "pop", "overlay", "sink", "choose-down", "look-first", "word-on", "layer-up"):
            await press(app, pilot, key)
            assert len(app.lines()) == size[1]
            assert all(char.isprintable() for char in app.text().replace("\n", ""))


@in_loop
async def test_a_single_token_has_a_map_of_one_cell() -> None:
    async with looking(IDS[:1]) as (app, pilot):
        assert "queries 1–1 of 1, keys 1–1" in app.text()
        assert listed(app.room.weight_list) == [["1", VOCABULARY[IDS[0]].shown, "1.0000"]]
        await press(app, pilot, *KEYS_HERE)
        assert app.workspace.branch.cursor is None


@in_loop
async def test_another_size_shows_another_part_and_says_so() -> None:
    async with looking(LONG, 40) as (app, pilot):
        for size in ((80, 24), (120, 40), (60, 12)):
            before = app.changes
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.changes > before
            assert {type(facet) for facet in app.room.wanted()} == {AttentionRow, AttentionMap}
            window = app.room._window(app.view)
            assert drawn_levels(app).keys() >= {(40, int(key)) for key in window.keys}


@in_loop
async def test_another_prompt_is_drawn_with_the_head_that_was_chosen() -> None:
    async with looking(LONG, 65) as (app, pilot):
        await press(app, pilot, "choose-down", "choose-down", "overlay")
        choice = app.choice
        app.room.press("pop")  # heard of only after the prompt has changed
        app.workspace = Workspace.open(IDS[:5])
        app.draw()
        await pilot.pause()
        assert app.choice == choice
        assert f"layer {choice.layer}, mean of" in app.text()
        assert "queries 1–5 of 5" in app.text()
        await press(app, pilot, "pop")
        assert app.workspace.branch.cursor == 3


def test_the_footer_names_the_keys_that_do_something_here() -> None:
    named = [(item.shown, item.label) for item in roomwords.footer(keys.KEYS, attended.LABELS)]
    assert ("↑↓", "head") in named
    assert ("←→", "query") in named
    assert named[-1][1] == "help"


@in_loop
async def test_a_step_counts_from_where_the_cursor_is_heading_while_older_moves_arrive() -> None:
    async with looking() as (app, pilot):
        app.deaf, last = True, len(IDS) - 1
        await press(app, pilot, "pop", "pop")
        app.workspace = app.workspace.look_at(app.moves[0])
        app.draw()  # the second move is still on its way
        await press(app, pilot, "pop")
        assert app.moves == [last - 1, last - 2, last - 3]


@in_loop
async def test_the_chosen_head_is_always_in_view_and_each_choice_is_told() -> None:
    def many(ids: TokenIds, facet: Facet[Any]) -> object:
        if isinstance(facet, AttentionMap):
            return None
        random = np.random.default_rng(7)
        weights = random.dirichlet(np.ones(len(ids)), size=60).astype(np.float32)
        return AttentionRows(weights, np.array([(1 + n // 12, 1 + n % 12) for n in range(60)]))

    async with looking(answers=lru_cache(many), size=(80, 24)) as (app, pilot):
        listing = app.room.head_list
        for key in (*["choose-down"] * 15, "last", "page-up", "first", "page-down"):
            before = app.changes, app.choice
            await press(app, pilot, key)
            assert app.changes > before[0]
            assert app.choice != before[1]
            assert listing.chosen is not None
            drawn = [listing.render_line(y).text.split()[:3] for y in range(1, listing.size.height)]
            assert listing.row(listing.chosen, 60)[0].split()[:3] in drawn


@in_loop
async def test_weights_that_were_scrolled_stay_so_until_there_are_others() -> None:
    async with looking(size=(80, 24)) as (app, pilot):
        shown = app.room.weight_list
        shown.scroll_to(y=5, animate=False, immediate=True)
        await press(app, pilot, "sink")
        app.draw()
        await pilot.pause()
        assert shown.scroll_offset.y == 5
        await press(app, pilot, "choose-down")
        assert shown.scroll_offset.y == 0
        assert "weight" in shown.render_line(0).text
