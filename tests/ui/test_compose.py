"""The editor and the chat builder: what is listed and applied are the tokens of exactly the text in view."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import events

from tests.fakes import BOS, HOSTILE, VOCABULARY, FakeEngine, encode, observe, token_of
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.test_textbox import UNSAFE
from token_explorer.core.cuts import Chat, Cut, Encoding
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ContextTooLong
from token_explorer.ui.app import Explorer
from token_explorer.ui.screens.compose import Composer
from token_explorer.ui.widgets.tokenlist import SPECIAL

TEXT = "Once upon a time"
IDS = encode(TEXT)
# The same text in other tokens than the tokenizer's.
OTHERS = (BOS, *TEXT.encode())


@pytest.fixture(autouse=True)
def applied(monkeypatch: pytest.MonkeyPatch) -> list[TokenIds]:
    """What was applied, the last one last."""
    noted: list[TokenIds] = []
    apply = Explorer.on_composer_applied

    async def note(app: Explorer, message: Composer.Applied) -> None:
        assert message.room is app.room
        noted.append(message.ids)
        await apply(app, message)

    monkeypatch.setattr(Explorer, "on_composer_applied", note)
    return noted


async def go(driver: Driver, name: str) -> None:
    """Open a room, or close it."""
    await driver.app.run_action(f"room('{name}')")
    await driver.settle()


@asynccontextmanager
async def composing(
    name: str, text: str = TEXT, engine: FakeEngine | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[Driver, Composer]]:
    async with driving(engine, text, size) as driver:
        await go(driver, name)
        yield driver, inside(driver)


def inside(driver: Driver) -> Composer:
    room = driver.app.room
    assert isinstance(room, Composer)
    return room


async def show(driver: Driver, ids: TokenIds) -> None:
    """Have another prompt in place of the one that is shown."""
    assert driver.app.exploration is not None
    driver.app.exploration.change(lambda workspace: workspace.rewrite(ids))
    driver.app.show()
    await driver.settle()


async def paste(driver: Driver, text: str) -> None:
    driver.app.post_message(events.Paste(text))
    await driver.settle()


def asked(driver: Driver) -> list[object]:
    """What the tokenizer was asked."""
    return [facet for _, facet in driver.engine.light if isinstance(facet, Encoding | Chat)]


def chat(system: str, user: str, prefill: str) -> TokenIds:
    answer = observe(IDS, Chat(system, user, prefill))
    assert isinstance(answer, Cut)
    return answer.tokens


def check_list(driver: Driver, ids: TokenIds) -> None:
    """The list shows these tokens, says how many, and is of the text that is shown."""
    room = inside(driver)
    assert (room.tokens._ids, room.tokens.count, room.tokens.stale) == (ids, len(ids), False)
    count = f" {len(ids)} of {driver.engine.info.context} "
    assert any(count in line for line in driver.lines())
    for y in range(1, room.tokens.size.height):
        if (place := room.tokens.at(y)) is not None:
            number, token, id, *_ = room.tokens.render_line(y).text.replace(SPECIAL, " ").split()
            assert (number, id) == (str(place + 1), str(ids[place]))
            assert VOCABULARY[ids[place]].shown.startswith(token.removesuffix("…"))


def check_harmless(driver: Driver) -> None:
    """Nothing on the screen is obeyed or hidden by a terminal."""
    for line in driver.lines():
        assert UNSAFE.isdisjoint(map(unicodedata.category, line)), line


# The tokens of what is written.


@in_loop
async def test_the_editor_opens_with_the_prompts_text_and_its_own_tokens() -> None:
    async with composing("edit") as (driver, room):
        assert room.boxes[0].text == TEXT
        assert room.boxes[0].has_focus
        check_list(driver, IDS)
        assert asked(driver) == []
        assert "the prompt's own" in driver.text()


words = st.sampled_from([" the", " very", "x", "日", "\n\n", "\r\n", "é", *HOSTILE])


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(words, min_size=1, max_size=8).map("".join))
def test_the_tokens_of_whatever_is_written_are_listed(text: str) -> None:
    @in_loop
    async def run() -> None:
        async with composing("edit") as (driver, room):
            await paste(driver, text)
            await driver.press("ctrl+left", "#")
            written = room.boxes[0].text
            assert written.replace("#", "") == TEXT + text.replace("\r\n", "\n").replace("\r", "\n")
            check_list(driver, encode(written))
            assert asked(driver)[-1] == Encoding(written, whole=True)
            check_harmless(driver)

    run()


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(words, max_size=20).map("".join))
def test_any_prompt_is_loaded_whole_and_painted_harmlessly(text: str) -> None:
    @in_loop
    async def run() -> None:
        async with composing("edit", text, size=(80, 24)) as (driver, room):
            assert room.boxes[0].text == text
            check_list(driver, encode(text))
            check_harmless(driver)

    run()


@in_loop
async def test_the_chat_has_three_boxes_and_lists_what_the_template_makes_of_them() -> None:
    async with composing("chat") as (driver, room):
        check_list(driver, chat("", "", ""))
        assert all(label in driver.text() for label in ("system", "user", "assistant begins with"))
        await driver.press("S", "tab")
        await paste(driver, "Who\nare you?")
        await driver.press("tab", "I", "tab", "s", "shift+tab", "a")
        assert room.texts == ("Ss", "Who\nare you?", "Ia")
        check_list(driver, chat("Ss", "Who\nare you?", "Ia"))
        assert asked(driver)[-1] == Chat("Ss", "Who\nare you?", "Ia")


@in_loop
async def test_special_tokens_are_marked_and_the_mark_is_explained() -> None:
    async with composing("chat") as (driver, _):
        rows = [line for line in driver.lines() if "<|start|>" in line]
        assert len(rows) == 1
        assert SPECIAL in rows[0]
        assert f"{SPECIAL} special" in driver.text()


@in_loop
async def test_while_the_tokens_arent_known_the_list_says_so() -> None:
    async with composing("edit") as (driver, room):
        driver.engine.hold()
        await driver.pilot.press("x")
        await driver.begun()
        assert room.tokens.stale
        assert any(" tokens " in line and " … " in line for line in driver.lines())
        driver.engine.release()
        await driver.settle()
        check_list(driver, encode(TEXT + "x"))


@in_loop
async def test_no_tokens_are_listed_where_there_are_none_and_the_reason_is() -> None:
    async with composing("edit") as (driver, room):
        driver.engine.observe_error = ContextTooLong("Too long\x1b", "5 of 4 tokens.", "Shorten it.")
        await driver.press("x")
        assert room.tokens.count == 0
        assert "5 of 4 tokens." in driver.text()
        check_harmless(driver)


@in_loop
async def test_the_tokens_stand_beside_the_text_or_where_it_is_narrow_below_it() -> None:
    for size, beside in (((120, 40), True), ((80, 24), False)):
        async with composing("chat", size=size) as (_, room):
            tokens, boxes = room.tokens.region, [box.region for box in room.boxes]
            assert all((tokens.x > box.x) is beside for box in boxes)
            assert all((tokens.y > box.y) is not beside for box in boxes[1:])
            assert all(box.height >= 1 and box.width >= 30 for box in (*boxes, tokens))


@in_loop
async def test_the_list_is_scrolled_without_leaving_the_box() -> None:
    async with composing("edit", "x" * 200) as (driver, room):
        page = room.tokens.page
        await driver.press("ctrl+down")
        assert room.tokens.at(1) == page
        await driver.press("ctrl+up")
        assert room.tokens.at(1) == 0
        assert room.boxes[0].has_focus


# Keys.


@pytest.mark.parametrize("name", ["edit", "chat"])
def test_letters_and_signs_are_text_and_do_nothing_else(name: str) -> None:
    @in_loop
    async def run() -> None:
        async with composing(name, "") as (driver, room):
            before, typed = driver.workspace, "hjklwsda/:?nNGrRvcit 0$.LAuxq"
            for letter in typed:
                await driver.pilot.press(letter)
            await driver.settle()
            assert room.boxes[0].text == typed
            assert driver.workspace == before
            assert driver.app.screen is room

    run()


@in_loop
async def test_keys_that_move_go_nowhere_from_the_edge_of_the_text() -> None:
    async with composing("edit") as (driver, room):
        before = driver.workspace
        await driver.press("right", "down", "end", "ctrl+home", "left", "up", "home", "pageup", "pagedown")
        await driver.press("enter", "ctrl+d")
        assert driver.workspace == before
        assert driver.app.screen is room


@in_loop
async def test_only_the_keys_that_mean_the_same_everywhere_are_left_to_the_application() -> None:
    async with composing("edit") as (driver, room):
        left = {key.id for key in driver.app.keys if not room.press(key.id)}
        assert left == {"quit", "help", "commands", "cursor-off"}


@in_loop
async def test_the_palette_opens_above_the_text() -> None:
    async with composing("edit") as (driver, room):
        await driver.press("ctrl+p")
        assert driver.app.screen is not room
        await driver.press("escape", "x")
        assert room.boxes[0].text == TEXT + "x"


@in_loop
async def test_the_program_can_be_left_from_a_box() -> None:
    async with composing("edit") as (driver, _):
        await driver.pilot.press("ctrl+q")
    assert driver.app.return_code == 0


# What is applied.


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(words, min_size=1, max_size=6).map("".join))
def test_the_tokens_applied_are_those_of_the_text(text: str) -> None:
    @in_loop
    async def run() -> None:
        async with composing("edit") as (driver, room):
            await paste(driver, text)
            written = room.boxes[0].text
            await driver.press("ctrl+s")
            assert driver.workspace.branch.ids == encode(written)
            assert len(driver.workspace.branches) == 1
            assert driver.app.room is None

    run()


@in_loop
async def test_text_that_isnt_changed_keeps_the_prompts_own_tokens(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, _):
        await show(driver, OTHERS)
        check_list(driver, OTHERS)
        before = driver.workspace
        await driver.press("ctrl+s")
        assert applied == [OTHERS]
        assert driver.workspace == before
        assert asked(driver) == []


@in_loop
async def test_text_that_is_changed_back_has_the_prompts_own_tokens_again(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, _):
        await show(driver, OTHERS)
        await driver.press("x")
        check_list(driver, encode(TEXT + "x"))
        await driver.press("backspace")
        check_list(driver, OTHERS)
        await driver.press("ctrl+s")
        assert applied == [OTHERS]


@in_loop
async def test_what_isnt_known_yet_is_applied_as_soon_as_it_is(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, _):
        driver.engine.hold()
        await driver.pilot.press("x", "ctrl+s")
        await driver.begun()
        assert applied == []
        assert "as soon as" in driver.text()
        driver.engine.release()
        await driver.settle()
        assert applied == [encode(TEXT + "x")]


@in_loop
async def test_what_waits_to_be_applied_is_forgotten_when_the_text_changes(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, _):
        driver.engine.hold()
        await driver.pilot.press("x", "ctrl+s", "y")
        driver.engine.release()
        await driver.settle()
        assert applied == []
        assert "as soon as" not in driver.text()
        await driver.press("ctrl+s")
        assert applied == [encode(TEXT + "xy")]


@in_loop
async def test_nothing_is_applied_where_there_is_trouble_and_that_is_said(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, room):
        driver.engine.observe_error = ContextTooLong("Prompt too long", "5 of 4 tokens.", "Shorten it.")
        await driver.press("x", "ctrl+s")
        assert applied == []
        assert driver.app.room is room
        assert "Not applied: Prompt too long" in driver.text()
        driver.engine.observe_error = None
        await driver.press("y", "ctrl+s")
        assert applied == [encode(TEXT + "xy")]


@in_loop
async def test_a_chat_is_applied_as_the_template_makes_it_and_stays_to_be_changed(
    applied: list[TokenIds],
) -> None:
    async with composing("chat") as (driver, room):
        await driver.press("tab", "H", "i", "ctrl+s")
        assert applied == [chat("", "Hi", "")]
        await go(driver, "chat")
        assert inside(driver) is room
        await driver.press("o", "ctrl+s")
        assert applied[1:] == [chat("", "Hio", "")]
        prompts = [branch.ids for branch in driver.workspace.branches]
        assert prompts == [IDS, chat("", "Hi", ""), chat("", "Hio", "")]


# Drafts.


@pytest.mark.parametrize("name", ["edit", "chat"])
def test_escape_leaves_and_keeps_the_draft(name: str) -> None:
    @in_loop
    async def run() -> None:
        async with composing(name) as (driver, room):
            before = driver.workspace
            assert "Esc leave as draft" in driver.text()
            await driver.press("x", "y", "escape")
            assert driver.app.room is None
            assert driver.workspace == before
            written = room.texts
            await go(driver, name)
            assert inside(driver).texts == written
            assert written[0].endswith("xy")

    run()


@in_loop
async def test_without_a_draft_the_editor_shows_the_prompt_that_there_is() -> None:
    async with composing("edit") as (driver, room):
        await driver.press("escape")
        await show(driver, encode("small girl"))
        await go(driver, "edit")
        assert room.boxes[0].text == "small girl"
        check_list(driver, encode("small girl"))


@in_loop
async def test_a_draft_outlives_another_prompt_and_gives_way_when_told_to(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, room):
        await driver.press("x", "escape")
        other = (BOS, *b"small girl")
        await show(driver, other)
        await go(driver, "edit")
        assert room.boxes[0].text == TEXT + "x"
        assert "Draft of another prompt" in driver.text()
        check_list(driver, encode(TEXT + "x"))
        await driver.press("ctrl+r")
        assert room.boxes[0].text == "small girl"
        assert "Draft of another prompt" not in driver.text()
        check_list(driver, other)
        await driver.press("ctrl+z")
        assert room.boxes[0].text == TEXT + "x"
        check_list(driver, encode(TEXT + "x"))
        await driver.press("ctrl+s")
        assert applied == [encode(TEXT + "x")]


@in_loop
async def test_a_draft_that_was_applied_is_no_draft(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, room):
        await driver.press("x", "ctrl+s")
        await show(driver, (*applied[0], token_of(" girl")))
        await go(driver, "edit")
        assert room.boxes[0].text == TEXT + "x girl"
        await driver.press("escape")
        await show(driver, IDS)
        await go(driver, "edit")
        assert room.boxes[0].text == TEXT


@in_loop
async def test_what_was_applied_and_undone_is_no_draft_either() -> None:
    async with composing("edit") as (driver, room):
        await driver.press("x", "ctrl+s", "u")
        assert driver.workspace.branch.ids == IDS
        await go(driver, "edit")
        assert room.boxes[0].text == TEXT
        check_list(driver, IDS)


@in_loop
async def test_bytes_that_are_no_characters_are_explained_and_kept(applied: list[TokenIds]) -> None:
    async with composing("edit") as (driver, room):
        assert "U+FFFD" not in driver.text()
        broken = (*IDS, 0xE6, 0x97)
        await show(driver, broken)
        assert room.boxes[0].text == TEXT + "\ufffd"
        assert "U+FFFD stands for bytes" in driver.text()
        check_list(driver, broken)
        await driver.press("ctrl+s")
        assert applied == [broken]
