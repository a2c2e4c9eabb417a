"""The text box: any text is given back as it came, and nothing in it is obeyed by a terminal."""

import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from tests.fakes import HOSTILE
from tests.ui.driving import in_loop
from token_explorer.core.tokens import display
from token_explorer.ui.widgets.page import Page
from token_explorer.ui.widgets.textbox import TextBox

UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
BREAKS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
ODD = ("日本", "\t", "e\u0301", "👍🏽", "❤️", "1️⃣", "\ue000", "\U0010fffd", "\U000e0100")
SOME = ("a", "bc ", *ODD, *HOSTILE, *BREAKS)
texts = st.lists(st.one_of(st.sampled_from(SOME), st.characters(exclude_categories=["Cs"]))).map("".join)
KEYS = (
    *("left", "right", "up", "down", "home", "end", "pageup", "pagedown", "ctrl+left", "ctrl+right"),
    *("shift+left", "shift+up", "backspace", "delete", "enter", "x", "ctrl+k", "ctrl+w", "ctrl+z", "ctrl+y"),
)


class Desk(App[None]):
    def compose(self) -> ComposeResult:
        yield TextBox()


@asynccontextmanager
async def writing(
    text: str = "", size: tuple[int, int] = (20, 8)
) -> AsyncIterator[tuple[TextBox, Pilot[None]]]:
    app = Desk()
    async with app.run_test(size=size) as pilot:
        box = app.query_one(TextBox)
        box.fill(text)
        await pilot.pause()
        yield box, pilot


def check_painted(box: TextBox) -> None:
    """Each line is as wide as it says, and holds nothing that a terminal would obey or hide."""
    for strip in box.screen._compositor.render_strips():
        assert strip.cell_length == sum(cell_len(segment.text) for segment in strip) == box.app.size.width
        assert UNSAFE.isdisjoint(map(unicodedata.category, strip.text))
        assert all(display("a" + char) == "a" + char or char == "\u3000" for char in strip.text)


def place(text: str, index: int) -> tuple[int, int]:
    """Row and column of a character."""
    before = text[:index].split("\n")
    return len(before) - 1, len(before[-1])


# What the box holds.


@given(texts)
def test_a_text_comes_back_as_it_went_in(text: str) -> None:
    assert Page(text).text == text


@given(texts, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), texts), max_size=6))
def test_edits_do_to_the_page_what_they_do_to_the_text(text: str, edits: list[tuple[int, int, str]]) -> None:
    page = Page(text)
    for one, other, new in edits:
        start, end = sorted(min(each, len(text)) for each in (one, other))
        here, there = place(text, start), place(text, end)
        assert page.get_text_range(here, there) == text[start:end]
        result = page.replace_range(here, there, new)
        assert result.replaced_text == text[start:end]
        text = text[:start] + new + text[end:]
        assert page.text == text
        assert result.end_location == place(text, start + len(new))


def test_what_is_drawn_of_any_character_is_harmless_and_as_wide_as_it_is_held() -> None:
    odd = [
        char for char in map(chr, range(0x30000)) if display("a" + char) != "a" + char and char not in "\n\t"
    ]
    assert len(odd) > 10_000
    for char in odd:
        page = Page(f"a{char}b")
        (line,) = page.lines
        drawn = page.drawn(line)
        assert len(drawn) == len(line) == 3
        assert cell_len(drawn) == cell_len(line) >= 3
        assert unicodedata.category(drawn[1]) not in UNSAFE


@pytest.mark.parametrize(
    ("char", "sign"),
    [("\x1b", "␛"), ("\r", "␍"), ("\x00", "␀"), ("\x7f", "␡"), ("\u202e", "·"), ("\x9b", "·"), ("\xa0", "⍽")],
)
def test_controls_have_their_pictures_and_the_rest_a_dot(char: str, sign: str) -> None:
    page = Page(char)
    assert page.drawn(page.lines[0]) == sign


def test_only_newlines_end_a_line() -> None:
    assert Page("".join(BREAKS)).line_count == 3


def test_what_is_no_text_becomes_the_replacement_character() -> None:
    assert Page("a\ud800b\udfff").text == "a\ufffdb\ufffd"


def test_beyond_the_kinds_that_can_be_held_characters_become_the_replacement_character() -> None:
    kinds = "".join(map(chr, range(0xE01F0, 0xE1000)))
    assert len(kinds) > 2048
    assert all(display("a" + char) != "a" + char and cell_len(char) == 0 for char in kinds)
    assert Page(kinds).text == kinds[:2048] + "\ufffd" * (len(kinds) - 2048)


# What the box shows and takes.


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(texts, st.lists(st.sampled_from(KEYS), max_size=12))
def test_any_text_under_any_keys_is_painted_harmlessly_and_undone(text: str, keys: list[str]) -> None:
    @in_loop
    async def run() -> None:
        async with writing(text) as (box, pilot):
            assert box.text == text
            check_painted(box)
            for key in keys:
                await pilot.press(key)
            check_painted(box)
            for _ in keys:
                box.undo()
            assert box.text == text
            await pilot.pause()
            check_painted(box)

    run()


@in_loop
async def test_a_sign_is_underlined_and_a_character_that_is_itself_is_not() -> None:
    async with writing("a\x1bb␛") as (box, _):
        segments = [segment for segment in box.render_line(0) if segment.text.strip("│ ")]
        lined = {segment.text: bool(segment.style and segment.style.underline) for segment in segments}
        assert lined == {"a": False, "␛": True, "b␛": False}


@in_loop
async def test_many_lines_are_pasted_as_lines_and_nothing_in_them_is_obeyed() -> None:
    async with writing() as (box, pilot):
        pilot.app.post_message(events.Paste("one\r\ntwo\rthree\n\x1b[31mfour\t" + "line\r" * 300))
        await pilot.pause()
        assert box.text == "one\ntwo\nthree\n\x1b[31mfour\t" + "line\n" * 300
        assert box.cursor_location == box.document.end
        check_painted(box)
        await pilot.press("ctrl+z")
        assert box.text == ""


@in_loop
async def test_the_clipboard_has_the_text_and_not_its_signs() -> None:
    text = "a\r\n\x1b[31m\u202eb\u200b"
    async with writing(text) as (box, pilot):
        await pilot.press("f7", "ctrl+c")
        assert pilot.app.clipboard == text
        await pilot.press("ctrl+x")
        assert (box.text, pilot.app.clipboard) == ("", text)
        await pilot.press("ctrl+v", "ctrl+v")
        assert box.text == text * 2


@in_loop
async def test_a_text_put_in_place_of_another_can_be_taken_back() -> None:
    async with writing("one\r\ntwo") as (box, pilot):
        await pilot.press("x")
        box.rewrite("three")
        assert (box.text, box.cursor_location) == ("three", (0, 5))
        await pilot.press("ctrl+z")
        assert box.text == "one\r\ntwox"


@in_loop
async def test_all_signs_of_the_keyboard_are_text() -> None:
    async with writing(size=(120, 5)) as (box, pilot):
        typed = [chr(code) for code in range(0x20, 0x7F)]
        await pilot.press(*typed)
        assert box.text == "".join(typed)


@pytest.mark.parametrize("part", ["x", "word ", "\x1b", "some words\r\n"])
def test_a_very_long_text_can_be_written_in(part: str) -> None:
    text = part * (100_000 // len(part))

    @in_loop
    async def run() -> None:
        async with writing(text, (120, 40)) as (box, pilot):
            await pilot.press("A", "left", "up", "down", "pageup")
            assert box.text == f"{text}A"
            box.move_cursor(box.document.start)
            await pilot.press("right", "B", "ctrl+z", "C")
            assert box.text == f"{text[:1]}C{text[1:]}A"
            check_painted(box)

    run()
