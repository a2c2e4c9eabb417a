"""Looking ahead: what is asked and when, what the table shows of it, and that nobody is disturbed by it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tests.fakes import BOS, HOSTILE, PATIENCE_S, PIECES, VOCABULARY, FakeEngine, encode, score, token_of
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.truth import check_screen
from token_explorer.config import DisplaySettings, Settings
from token_explorer.core.ahead import Ahead, Futures
from token_explorer.core.engine import Answer, Stop
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary, display, show
from token_explorer.errors import EngineDied, FacetUnavailable
from token_explorer.overlays import OVERLAYS
from token_explorer.results import figures
from token_explorer.ui.ahead import NEXT, PATH, SHOWN, Continuation, Outlook
from token_explorer.ui.view import View
from token_explorer.ui.widgets.candidates import CandidateTable, Waiting
from token_explorer.ui.widgets.row import NONE, Columns

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


def listed(ids: TokenIds, start: int = 0, stop: int = 30) -> TokenIds:
    """Candidates as the table lists them."""
    return tuple(score(ids, 30).next.ids[start:stop].tolist())


def looks(ids: TokenIds, start: int = 0, stop: int = 30) -> list[Ahead]:
    """The looks ahead from some of the candidates after a prompt, in their order."""
    block = listed(ids, start, stop)
    return [Ahead(len(ids), block, NEXT), Ahead(len(ids), block, SHOWN), Ahead(len(ids), block[:1], PATH)]


def greedy(ids: TokenIds, depth: int) -> tuple[TokenIds, float]:
    """The likeliest tokens after a prompt, one forward each; natural log of their probability together."""
    tokens, logprob = list[int](), 0.0
    while len(tokens) < depth and (*ids, *tokens)[-1] not in VOCABULARY.ends:
        following = score((*ids, *tokens), 1).next
        tokens.append(int(following.ids[0]))
        logprob += float(following.logprobs[0])
    return tuple(tokens), logprob


def look_ahead(rows: int) -> Settings:
    return Settings(display=DisplaySettings(look_ahead=rows))


def asked(driver: Driver) -> list[Ahead]:
    return [facet for _, facet in driver.engine.ahead]


def use(driver: Driver, name: str) -> None:
    driver.app.use_overlay(next(overlay for overlay in OVERLAYS if overlay.name == name))


def drawn(driver: Driver) -> list[tuple[str, str]]:
    """What is drawn in each row in view: a joint probability, and what would follow."""
    table = driver.app.explore.table
    width = table.scrollable_content_region.width
    then = table._then(width)
    lines = [table.render_line(y) for y in range(1, min(len(table.rows) + 1, table.size.height))]
    ends = [line.crop(width - then.width).text for line in lines]
    return [(end[: then.joint].strip(), end[then.joint :].strip()) for end in ends]


def true(driver: Driver, depth: int = SHOWN) -> list[tuple[str, str]]:
    """What should be drawn in each row in view, from one forward for each token."""
    branch, table = driver.workspace.branch, driver.app.explore.table
    then = table._then(table.scrollable_content_region.width)
    before, cells = branch.ids[: branch.cursor], []
    for row in table.rows[: table.size.height - 1]:
        tokens, logprob = greedy((*before, row.id), depth)
        bytes = b"".join(PIECES[token] for token in tokens)
        begun = (PIECES[token] for token in (*before, row.id))
        text = "".join(show((*begun, bytes))[-1]) if tokens else ""
        end = then.row(row.logprob, Continuation(text, logprob))[then.joint :]
        cells.append((figures.probability(row.logprob + logprob), end.strip()))
    return cells


# What is drawn


@in_loop
async def test_each_row_shows_the_greedy_continuation_and_the_probability_of_all_of_it() -> None:
    async with driving() as driver:
        for key in (None, "right", "comma", "down", "escape", "left", "left"):
            if key is not None:
                await driver.press(key)
            assert drawn(driver) == true(driver)
            assert len(set(drawn(driver))) > 10


@in_loop
async def test_the_text_alone_is_drawn_where_there_is_no_room_for_more() -> None:
    async with driving(size=(80, 24)) as driver:
        assert drawn(driver) == [("", text) for _, text in true(driver)]
        assert "then" in driver.text()
        assert "joint" not in driver.text()


@in_loop
async def test_layers_and_what_would_follow_stand_beside_each_other() -> None:
    async with driving(settings=Settings(display=DisplaySettings(layer_prob=True))) as driver:
        await driver.press("p")
        assert "layer probability" in driver.text()
        assert drawn(driver) == true(driver)


@in_loop
async def test_nothing_follows_a_candidate_that_ends_the_text_and_an_end_is_shown_by_its_name() -> None:
    async with driving() as driver:
        await driver.press("slash", *"start", "enter")
        (row,) = (row for row in driver.app.explore.table.rows if row.id == BOS)
        assert drawn(driver) == true(driver) == [(figures.probability(row.logprob), NONE)]
    outlook = Outlook(VOCABULARY, 1)
    futures = Futures(np.array([[token_of(" girl"), BOS, -1]]), np.array([[-1.0, -2.0, np.nan]], np.float32))
    known = outlook.continuations((), [Ahead(0, (5,), SHOWN)], lambda look: futures)
    assert known == {5: Continuation(" girl<|start|>", -3.0)}


class Stepwise(FakeEngine):
    """An engine that takes each look ahead when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.comes, self.may = threading.Semaphore(0), threading.Semaphore(0)

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        if isinstance(facet, Ahead):
            self.comes.release()
            assert self.may.acquire(timeout=PATIENCE_S), "the look was never let"
        return super().observe(ids, facet, stop)

    async def next_look(self, driver: Driver) -> None:
        """Wait until it is about to take a look ahead, and all before it is drawn."""
        assert await asyncio.to_thread(self.comes.acquire, timeout=PATIENCE_S), "it looks no further"
        await driver.pilot.pause()


@in_loop
async def test_no_column_moves_while_it_becomes_known_what_would_follow() -> None:
    engine, heads = Stepwise(), list[str]()
    async with driving(engine, settled=False) as driver:
        for depth in (0, NEXT, SHOWN):
            await engine.next_look(driver)
            heads.append(driver.app.explore.table.render_line(0).text)
            nothing = [("", "")] * len(driver.app.explore.table.rows)
            assert drawn(driver) == (true(driver, depth) if depth else nothing)
            engine.may.release()
        await driver.settle()
        assert drawn(driver) == true(driver)
        assert len({*heads, driver.app.explore.table.render_line(0).text}) == 1


@in_loop
async def test_what_arrives_paints_its_own_cells_and_moves_nothing() -> None:
    engine = Stepwise()
    async with driving(engine, size=(100, 24), settled=False) as driver:
        await engine.next_look(driver)
        await driver.pilot.press(*["down"] * 20)
        await driver.pilot.pause()
        table = driver.app.explore.table
        before = table.chosen, table.scroll_offset, table.rows
        assert table.scroll_offset.y > 0
        with painting(driver) as painted, refreshed(table) as regions, noticed(driver) as noted:
            engine.may.release()
            await engine.next_look(driver)
        assert (table.chosen, table.scroll_offset, table.rows) == before
        assert noted == [], "the table told of it, or all was worked out anew"
        assert painted == {("candidates", y): 1 for y in range(1, table.size.height)}
        (region,) = regions
        right = table.scrollable_content_region.width
        assert (region.x, region.right) == (right - table._then(right).width, right)
        engine.may.release(2)
        await driver.settle()
        assert drawn(driver)[table.chosen - table.scroll_offset.y] != ("", "")


@contextmanager
def painting(driver: Driver) -> Iterator[Counter[tuple[str | None, int]]]:
    """Counts the lines that are painted, by widget."""
    painted = Counter[tuple[str | None, int]]()

    def counting(widget: Widget) -> Callable[[int], Strip]:
        paint = widget.render_line

        def render_line(y: int) -> Strip:
            painted[widget.id, y] += 1
            return paint(y)

        return render_line

    widgets = [widget for widget in driver.app.screen.walk_children(Widget) if not widget.children]
    for widget in widgets:
        widget.render_line = counting(widget)  # type: ignore[method-assign]
    yield painted
    for widget in widgets:
        del widget.render_line  # type: ignore[method-assign]


@contextmanager
def refreshed(table: CandidateTable) -> Iterator[list[Region]]:
    """Notes what the table asks to have painted."""
    regions, refresh = list[Region](), table.refresh

    def noting(*given: Region, **how: bool) -> CandidateTable:
        regions.extend(given or (table.size.region,))
        return refresh(*given, **how)

    table.refresh = noting  # type: ignore[method-assign]
    yield regions
    del table.refresh  # type: ignore[method-assign]


@contextmanager
def noticed(driver: Driver) -> Iterator[list[object]]:
    """Notes what the table tells of its rows, and each time that all that is shown is worked out."""
    shown, table, noted = driver.app.exploration, driver.app.explore.table, list[object]()
    assert shown is not None
    view, post = shown.view, table.post_message

    def noting_view() -> View:
        noted.append(view)
        return view()

    def noting_post(message: Message) -> bool:
        noted.extend([message] * isinstance(message, CandidateTable.RowChosen))
        return post(message)

    shown.view, table.post_message = noting_view, noting_post  # type: ignore[method-assign]
    yield noted
    del shown.view, table.post_message  # type: ignore[method-assign]


@in_loop
async def test_rows_that_are_old_have_no_future() -> None:
    async with driving() as driver:
        table, known = driver.app.explore.table, driver.app.exploration
        assert known is not None
        table.wait(Waiting("…"))
        table.show_ahead(known.continuations())
        assert table.rows
        assert drawn(driver) == [("", "")] * len(table.rows)
        table.show(table.rows)
        table.show_ahead(known.continuations())
        assert drawn(driver) == true(driver)
        table.show(table.rows)
        assert drawn(driver) == [("", "")] * len(table.rows), "it may be of another place"


class Hostile(FakeEngine):
    """An engine that foresees what no terminal should see."""

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        answer = super().observe(ids, facet, stop)
        if isinstance(facet, Ahead):
            texts = [token_of(text) for text in HOSTILE]
            places = np.arange(len(facet.tokens) * facet.depth) % len(texts)
            tokens = np.array(texts)[places].reshape(len(facet.tokens), facet.depth)
            return cast(Answer, Futures(tokens, np.full(tokens.shape, -1.0, np.float32)))
        return answer


@pytest.mark.parametrize("size", [(200, 40), (120, 40), (80, 24)])
def test_hostile_tokens_are_shown_and_not_obeyed(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(Hostile(), size=size) as driver:
            assert "␛[31m" in driver.text()
            assert all(char.isprintable() for line in driver.lines() for char in line)
            assert {cell_len(line) for line in driver.lines()} == {size[0]}

    run()


@given(st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=12), st.integers(0, 11))
def test_what_follows_is_shown_as_the_end_of_the_whole_text(pieces: list[bytes], place: int) -> None:
    vocabulary, place = Vocabulary(tuple(pieces)), min(place, len(pieces) - 1)
    before, follows = tuple(range(place)), tuple(range(place + 1, len(pieces)))
    futures = Futures(np.array([follows]), np.zeros((1, len(follows)), np.float32))
    known = Outlook(vocabulary, 1).continuations(before, [Ahead(place, (place,), SHOWN)], lambda _: futures)
    whole = "".join(show((*pieces[: place + 1], b"".join(pieces[place + 1 :])))[-1])
    assert known == {place: Continuation(whole if follows else "", 0.0)}


@pytest.mark.parametrize("place", range(5))
def test_a_character_of_several_tokens_is_shown_whole(place: int) -> None:
    pieces = (b"a", *(bytes([byte]) for byte in "🙂".encode()), b"b")
    futures = Futures(np.array([range(place + 1, 6)]), np.zeros((1, 5 - place), np.float32))
    outlook = Outlook(Vocabulary(pieces), 1)
    known = outlook.continuations(tuple(range(place)), [Ahead(place, (place,), NEXT)], lambda _: futures)
    assert known[place].shown == ("🙂b" if place < 4 else "b")


def test_what_is_known_of_more_tokens_stays_until_the_place_is_another() -> None:
    few = Futures(np.array([[1], [1]]), np.zeros((2, 1), np.float32))
    more = Futures(np.array([[1, 2]]), np.zeros((1, 2), np.float32))
    answers: dict[Ahead, Futures] = {Ahead(1, (97,), SHOWN): more, Ahead(1, (97, 98), NEXT): few}
    outlook, shown = Outlook(VOCABULARY, 2), display(PIECES[1].decode())
    for look in answers:
        known = outlook.continuations((BOS,), [look], answers.get)
    assert {token: each.shown for token, each in known.items()} == {97: display("\x01\x02"), 98: shown}
    assert outlook.continuations((97,), [], answers.get) == {}


# What is asked, and when


@in_loop
async def test_first_one_token_of_each_is_looked_for_then_a_few_then_far_along_the_likeliest_path() -> None:
    async with driving() as driver:
        assert driver.engine.ahead == [(IDS, look) for look in looks(IDS)]
        await driver.press("comma")
        place, before = len(IDS) - 1, IDS[:-1]
        assert [look.place for look in asked(driver)[3:]] == [place] * 3
        assert asked(driver)[3].tokens[:30] == listed(before)
        await driver.press("escape", "down", "up", "e", "right", "left", "d", "w")
        assert len(set(driver.engine.ahead)) == len(driver.engine.ahead), "a question was asked twice"


class Noting(FakeEngine):
    """An engine that notes the order of what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        self.order.append("score")
        return super().score(ids, top_k, stop)

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        self.order.append(facet.kind)
        return super().observe(ids, facet, stop)


@in_loop
async def test_all_else_is_looked_at_before() -> None:
    engine = Noting()
    async with driving(engine, settings=Settings(display=DisplaySettings(layer_prob=True))) as driver:
        use(driver, "influence")
        await driver.press("p")
        engine.order.clear()
        await driver.press("right")
        assert engine.order == ["score", "attention", "lens", "tokenizer", "ahead", "ahead", "ahead"]


@in_loop
async def test_a_key_that_changes_the_prompt_stops_the_look_and_none_of_the_old_place_is_left() -> None:
    async with driving(settings=look_ahead(10)) as driver:
        driver.engine.ahead.clear()
        driver.engine.hold()
        await driver.pilot.press(*["down"] * 10)
        await driver.begun()
        await driver.pilot.press("right")
        await driver.begun()
        assert driver.engine.stopped == [IDS]
        driver.engine.release()
        await driver.settle()
        longer = (*IDS, listed(IDS)[10])
        ahead = [(IDS, looks(IDS, 10, 20)[0]), *((longer, look) for look in looks(longer, 0, 10))]
        assert driver.engine.ahead == ahead


@in_loop
async def test_the_rows_around_the_chosen_one_are_looked_at_and_those_before_stay_known() -> None:
    async with driving(settings=look_ahead(10), size=(120, 60)) as driver:
        assert asked(driver) == looks(IDS, 0, 10)
        assert drawn(driver) == [*true(driver)[:10], *[("", "")] * 20]
        await driver.press(*["down"] * 9)
        assert len(asked(driver)) == 3
        await driver.press("down")
        assert asked(driver)[3:] == looks(IDS, 10, 20)
        assert drawn(driver) == [*true(driver)[:20], *[("", "")] * 10]
        await driver.press("up", "home")
        assert len(asked(driver)) == 6
        assert drawn(driver) == [*true(driver)[:20], *[("", "")] * 10]


@given(st.integers(1, 50), st.integers(1, 200), st.data())
def test_the_chosen_row_is_among_those_looked_at_and_no_row_is_in_two_blocks(
    rows: int, count: int, drawn: st.DataObject
) -> None:
    outlook, ids = Outlook(VOCABULARY, rows), np.arange(count)[::-1]
    row, other = (drawn.draw(st.integers(0, count - 1)) for _ in range(2))
    first, second, path = outlook.looks(7, ids, row)
    assert ids[row] in first.tokens
    assert len(first.tokens) <= rows
    assert (first.tokens, first.tokens[:1]) == (second.tokens, path.tokens)
    others = outlook.looks(7, ids, other)[0].tokens
    assert others == first.tokens or not {*others} & {*first.tokens}


@in_loop
async def test_nothing_is_looked_for_where_it_is_turned_off_and_the_table_is_as_it_was() -> None:
    async with driving(settings=look_ahead(0)) as driver:
        await driver.press("right", "comma", "escape", "left")
        assert asked(driver) == []
        columns = Columns.fitting(116)
        table = driver.app.explore.table
        assert table.render_line(0).text.rstrip() == columns.header
        lines = [table.render_line(y + 1).text.rstrip() for y in range(len(table.rows[:10]))]
        assert lines == ["".join(columns.row(row)).rstrip() for row in table.rows[:10]]


@in_loop
async def test_nothing_is_looked_for_once_the_model_is_known_to_lack_it() -> None:
    engine = FakeEngine()
    engine.lacks = {"ahead": "it is recurrent"}
    async with driving(engine) as driver:
        before = len(asked(driver))
        await driver.press("right", "comma")
        assert len(asked(driver)) == before
        assert "then" not in driver.app.explore.table.render_line(0).text


@in_loop
async def test_nothing_is_looked_for_where_the_context_ends() -> None:
    async with driving(FakeEngine(context=len(IDS))) as driver:
        assert asked(driver) == []
        assert set(drawn(driver)) == {("", "")}
        await driver.press("left")
        assert {look.place for look in asked(driver)} == {len(IDS) - 1}


@in_loop
async def test_nothing_is_looked_for_while_the_model_writes() -> None:
    async with driving(settings=look_ahead(10)) as driver:
        before = len(asked(driver))
        driver.engine.hold()
        await driver.pilot.press("G")
        await driver.begun()
        await driver.pilot.press(*["down"] * 10)
        assert (driver.app.looking.asked, driver.app.looking.planned) == ([], False)
        driver.engine.pace = threading.Semaphore(3)
        driver.engine.release()
        while len(driver.workspace.branch.ids) < len(IDS) + 4:
            await driver.pilot.pause()
        assert len(asked(driver)) == before
        driver.engine.pace.release(100)
        await driver.press("escape")
        assert {ids for ids, _ in driver.engine.ahead[before:]} == {driver.workspace.branch.ids}


# Nobody is disturbed


@contextmanager
def status(driver: Driver) -> Iterator[list[object]]:
    """Notes what the title is told: that the engine works, and how long it took."""
    title, noted = driver.app.explore.title_line, list[object]()
    work, rest = title.work, title.rest

    def noting_rest(seconds: float | None) -> None:
        noted.append(seconds)
        rest(seconds)

    def noting_work() -> None:
        noted.append("works")
        work()

    title.rest, title.work = noting_rest, noting_work  # type: ignore[method-assign]
    yield noted
    title.rest, title.work = rest, work  # type: ignore[method-assign]


@pytest.mark.parametrize("overlay", ["probability", "influence"])
def test_the_title_tells_how_long_the_answer_to_the_key_took_and_nothing_else(overlay: str) -> None:
    @in_loop
    async def run() -> None:
        async with driving(settings=look_ahead(10)) as driver:
            use(driver, overlay)
            await driver.settle()
            with status(driver) as noted:
                await driver.press("right")
                seconds, before = noted[-1], len(asked(driver))
                assert isinstance(seconds, float)
                await driver.press(*["down"] * 10)
                assert len(asked(driver)) == before + 3
                assert noted[-1] is seconds
                driver.engine.hold()
                await driver.pilot.press(*["down"] * 10)
                await driver.begun()
                await driver.pilot.press(*["up"] * 10)
                driver.engine.release()
                await driver.settle()
                assert noted[-1] is seconds, "a look that was stopped was told of"

    run()


class Refusing(FakeEngine):
    """An engine that can't look ahead."""

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        answer = super().observe(ids, facet, stop)
        if isinstance(facet, Ahead):
            raise FacetUnavailable("Not ahead", "the window is too small.", "Mend it.")
        return answer


@in_loop
async def test_a_look_ahead_that_is_refused_is_not_reported_and_the_rest_goes_on() -> None:
    async with driving(Refusing()) as driver:
        with status(driver) as noted:
            await driver.press("right", "left", "comma")
            assert isinstance(noted[-1], float)
        assert driver.said == []
        assert set(drawn(driver)) == {("", "")}
        assert len(set(driver.engine.ahead)) == len(driver.engine.ahead), "it was asked again"
        check_screen(driver)


class Dying(FakeEngine):
    """An engine that dies of its first look ahead."""

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        answer = super().observe(ids, facet, stop)
        if isinstance(facet, Ahead) and len(self.ahead) == 1:
            raise EngineDied("The engine's process ended", "signal 9 (Killed).")
        return answer


@in_loop
async def test_an_engine_that_dies_of_looking_ahead_is_not_asked_to_again() -> None:
    async with driving(Dying()) as driver:
        assert "It won't look ahead any more." in driver.said[0]
        assert driver.engine.calls.count("load_model") == 2
        before = len(asked(driver))
        await driver.press("right", "comma")
        assert len(asked(driver)) == before
        check_screen(driver)
        assert "then" not in driver.app.explore.table.render_line(0).text
