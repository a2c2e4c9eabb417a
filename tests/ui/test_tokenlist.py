"""The list of tokens: what each row says, which are marked, and that only those in view are made."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.fakes import BOS, HOSTILE, VOCABULARY, encode, token_of
from tests.ui.driving import in_loop
from tests.ui.test_textbox import UNSAFE
from token_explorer.core.tokens import TokenIds
from token_explorer.ui.widgets.tokenlist import SPECIAL, TokenList


class Wall(App[None]):
    def compose(self) -> ComposeResult:
        yield TokenList()


@asynccontextmanager
async def listing(
    ids: TokenIds, size: tuple[int, int] = (60, 12)
) -> AsyncIterator[tuple[TokenList, Pilot[None]]]:
    app = Wall()
    async with app.run_test(size=size) as pilot:
        tokens = app.query_one(TokenList)
        tokens.show(ids, VOCABULARY)
        await pilot.pause()
        yield tokens, pilot


def lines(tokens: TokenList) -> list[str]:
    return [tokens.render_line(y).text for y in range(tokens.size.height)]


@in_loop
async def test_each_row_has_number_token_id_and_bytes() -> None:
    ids = encode("Once upon é\n")
    async with listing(ids, (90, 12)) as (tokens, _):
        header, *rows = lines(tokens)
        assert header.split() == ["#", "token", "id", "bytes"]
        for place, id in enumerate(ids):
            piece = VOCABULARY.pieces[id]
            words = rows[place].replace(SPECIAL, " ").split()
            assert words == [str(place + 1), VOCABULARY[id].shown, str(id), *piece.hex(" ").split()]
        assert "".join(rows[len(ids) :]).split() == []


@pytest.mark.parametrize("width", [12, 24, 40, 60, 90])
def test_hostile_tokens_keep_to_their_line_whatever_its_width(width: int) -> None:
    @in_loop
    async def run() -> None:
        async with listing(tuple(token_of(word) for word in HOSTILE), (width, 20)) as (tokens, _):
            strips = [tokens.render_line(y) for y in range(20)]
            assert {strip.cell_length for strip in strips} == {tokens.scrollable_content_region.width}
            assert UNSAFE.isdisjoint(unicodedata.category(char) for strip in strips for char in strip.text)

    run()


@in_loop
async def test_special_tokens_are_marked_by_a_sign_and_by_their_type() -> None:
    async with listing((BOS, 97, BOS)) as (tokens, _):
        marked = [SPECIAL in line for line in lines(tokens)[1:4]]
        bold = [next(iter(tokens.render_line(y))).style for y in (1, 2, 3)]
        assert marked == [bool(style and style.bold) for style in bold] == [True, False, True]


@in_loop
async def test_the_first_token_that_changed_comes_into_view() -> None:
    ids = tuple(97 + place % 26 for place in range(50_000))
    async with listing(ids) as (tokens, pilot):
        assert tokens.at(1) == 0
        for changed in (40_000, 49_999, 3):
            tokens.show((*ids[:changed], BOS, *ids[changed + 1 :]), VOCABULARY)
            tokens.show(ids, VOCABULARY)
            await pilot.pause()
            assert any(line.startswith(f"{changed + 1:>6} ") for line in lines(tokens))


@in_loop
async def test_a_list_that_is_only_drawn_again_stays_where_it_was() -> None:
    ids = tuple(range(97, 123)) * 10
    async with listing(ids) as (tokens, pilot):
        tokens.scroll_to(y=100, animate=False)
        await pilot.pause()
        tokens.show(tuple(ids), VOCABULARY)
        await pilot.pause()
        assert tokens.at(1) == 100


@in_loop
async def test_of_many_tokens_only_those_in_view_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    row = TokenList.row

    def noting(self: TokenList, place: int, width: int) -> tuple[str, str]:
        made.append(place)
        return row(self, place, width)

    monkeypatch.setattr(TokenList, "row", noting)
    async with listing((97,) * 50_000):
        assert 0 < len(set(made)) <= 12
