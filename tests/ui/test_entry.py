"""What is typed in the line is text, all of it and nothing else; the other keys still work."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.pilot import Pilot

from tests.ui.driving import driving, in_loop
from token_explorer.core.tokens import display
from token_explorer.ui.widgets.entry import Entry, EntryLine
from token_explorer.ui.widgets.field import WRONG

WORDS = ("overlay", "overlay text", "undo", "uncertain")


def offers(text: str) -> Sequence[str]:
    return [word for word in WORDS if word.startswith(text)]


def only(offer: str, typed: str) -> Sequence[str]:
    return [offer]


FIND = Entry("find", "/", "a hint")
INSERT = Entry("insert", "insert")
OPEN = Entry("open", "open ", remembers=True)
COMMAND = Entry("command", ":", offers=offers, remembers=True)


class OneLine(App[None]):
    """An entry line, and what it tells; keys that get past it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,j,k,l,up,down,pageup,pagedown,enter,tab,escape,left", "past", priority=False)
    ]

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Message] = []
        self.past = 0

    def compose(self) -> ComposeResult:
        yield EntryLine(id="entry")

    def action_past(self) -> None:
        self.past += 1

    def on_paste(self) -> None:
        self.past += 1

    def on_entry_line_changed(self, message: EntryLine.Changed) -> None:
        self.told.append(message)

    def on_entry_line_submitted(self, message: EntryLine.Submitted) -> None:
        self.told.append(message)

    def on_entry_line_left(self, message: EntryLine.Left) -> None:
        self.told.append(message)

    def on_entry_line_strayed(self, message: EntryLine.Strayed) -> None:
        self.told.append(message)
        self.post_message(message.input)

    def on_entry_line_tabbed(self, message: EntryLine.Tabbed) -> None:
        self.told.append(message)


class Hands:
    """An entry line that runs, and hands to type in it."""

    def __init__(self, app: OneLine, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot
        self.line = app.query_one(EntryLine)

    async def open(self, entry: Entry, text: str = "") -> None:
        self.line.open(entry, text)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        await self.press(*text)

    async def paste(self, text: str) -> None:
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    def told(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.app.told if isinstance(message, kind)]

    @property
    def submitted(self) -> list[str]:
        return [message.text for message in self.app.told if isinstance(message, EntryLine.Submitted)]

    @property
    def drawn(self) -> str:
        """The line as it is painted; '' while it is hidden."""
        if not self.line.display:
            return ""
        return self.app.screen._compositor.render_strips()[self.line.region.y].text


@asynccontextmanager
async def typing(width: int = 60) -> AsyncIterator[Hands]:
    app = OneLine()
    async with app.run_test(size=(width, 5)) as pilot:
        yield Hands(app, pilot)


@in_loop
async def test_it_is_hidden_until_it_is_opened_and_after_it_is_closed() -> None:
    async with typing() as hands:
        assert hands.drawn == ""
        assert hands.line.entry is None
        await hands.open(FIND, "abc")
        assert hands.drawn.startswith(" /abc ")
        assert hands.drawn.rstrip().endswith("a hint")
        assert hands.line.entry is FIND
        hands.line.close()
        await hands.pilot.pause()
        assert hands.drawn == ""
        assert (hands.line.entry, hands.line.text, hands.app.focused) == (None, "", None)
        await hands.press("h")
        assert (hands.app.past, hands.line.text) == (1, "")


@in_loop
async def test_keys_that_follow_at_once_are_text() -> None:
    async with typing() as hands:
        hands.line.open(FIND)
        await hands.write("hjkl")
        assert hands.line.text == "hjkl"
        assert hands.app.past == 0


@in_loop
async def test_every_change_is_told_with_its_entry_and_closing_is_none() -> None:
    async with typing() as hands:
        await hands.open(FIND, "ab")
        await hands.press("c", "backspace", "backspace")
        hands.line.close()
        await hands.pilot.pause()
        await hands.open(COMMAND)
        texts = ("ab", "abc", "ab", "a")
        assert hands.told(EntryLine.Changed) == [EntryLine.Changed(FIND, text) for text in texts]


@in_loop
async def test_enter_submits_and_escape_leaves_and_neither_goes_further() -> None:
    async with typing() as hands:
        await hands.open(FIND)
        await hands.write("x ")
        await hands.press("enter")
        assert (hands.line.entry, hands.drawn) == (None, "")
        await hands.open(COMMAND)
        await hands.press("escape")
        assert (hands.line.entry, hands.drawn) == (None, "")
        assert hands.app.past == 0
        assert hands.told(EntryLine.Submitted) == [EntryLine.Submitted(FIND, "x ")]
        assert hands.told(EntryLine.Left) == [EntryLine.Left(COMMAND)]


@pytest.mark.parametrize("end", ["enter", "escape"])
@in_loop
async def test_keys_that_arrive_together_with_the_end_of_the_line_are_no_text_and_not_lost(end: str) -> None:
    async with typing() as hands:
        await hands.open(FIND, "a")
        for key in ("b", end, "h", "j"):
            hands.app.post_message(events.Key(key, key if len(key) == 1 else None))
        hands.app.post_message(events.Paste("pasted"))
        await hands.pilot.pause()
        await hands.pilot.pause()
        told = [message for message in hands.app.told if not isinstance(message, EntryLine.Changed)]
        ended, *strayed = told
        assert ended == (EntryLine.Submitted(FIND, "ab") if end == "enter" else EntryLine.Left(FIND))
        *keys, paste = [message.input for message in strayed]
        assert [key.key for key in keys] == ["h", "j"]
        assert paste.text == "pasted"
        assert hands.app.past == 3
        assert hands.line.text == ""


@in_loop
async def test_keys_that_are_of_no_use_in_the_line_go_to_the_app() -> None:
    async with typing() as hands:
        await hands.open(FIND, "abc")
        await hands.press("up", "down", "pageup", "pagedown")
        assert hands.app.past == 4
        await hands.press("left")
        assert hands.app.past == 4
        await hands.open(COMMAND)
        await hands.press("up", "down")
        assert hands.app.past == 4


@in_loop
async def test_tab_is_told_where_nothing_can_be_offered() -> None:
    async with typing() as hands:
        await hands.open(FIND)
        await hands.press("tab")
        assert hands.told(EntryLine.Tabbed) == [EntryLine.Tabbed(FIND)]
        await hands.open(COMMAND)
        await hands.press("tab")
        assert hands.told(EntryLine.Tabbed) == [EntryLine.Tabbed(FIND)]
        assert hands.app.past == 0


@in_loop
async def test_tab_goes_round_what_is_offered_and_back_to_what_was_typed() -> None:
    async with typing() as hands:
        await hands.open(COMMAND)
        await hands.write("u")
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab", "shift+tab", "shift+tab"):
            await hands.press(key)
            seen.append(hands.line.text)
        assert seen == ["undo", "uncertain", "u", "uncertain", "undo", "u"]


@in_loop
async def test_after_the_only_offer_tab_goes_on_from_there() -> None:
    async with typing() as hands:
        await hands.open(COMMAND)
        await hands.write("overlay")
        await hands.press("tab")
        assert hands.line.text == "overlay text"
        await hands.press("tab")
        assert hands.line.text == "overlay text"
        await hands.press("ctrl+u", *"unc", "tab")
        assert hands.line.text == "uncertain"


@in_loop
async def test_what_is_offered_is_drawn_after_the_cursor_and_taken_with_the_right_arrow() -> None:
    async with typing() as hands:
        await hands.open(COMMAND)
        assert hands.drawn.strip() == ":"
        await hands.write("unc")
        assert hands.drawn.strip() == ":uncertain"
        assert hands.line.text == "unc"
        await hands.press("left")
        assert hands.drawn.strip() == ":unc"
        await hands.press("right")
        assert hands.line.text == "unc"
        await hands.press("right")
        assert hands.line.text == "uncertain"
        await hands.write("x")
        assert hands.drawn.strip() == ":uncertainx"


@in_loop
async def test_up_and_down_go_through_the_lines_of_that_name_from_the_newest() -> None:
    async with typing() as hands:
        for entry, text in ((COMMAND, "undo"), (OPEN, "a file"), (COMMAND, "over")):
            await hands.open(entry, text)
            await hands.press("enter")
            hands.line.close()
        for typed in ("ov", ""):
            await hands.open(COMMAND, typed)
            seen = []
            for key in ("up", "up", "up", "down", "down", "down", "up", "up"):
                await hands.press(key)
                seen.append(hands.line.text)
            assert seen == ["over", "undo", "undo", "over", typed, typed, "over", "undo"]
        await hands.open(OPEN)
        await hands.press("up")
        assert hands.line.text == "a file"


LINES = "one\r\ntwo ↵ \rthree\n\x1b[2J\u202e\n"


@in_loop
async def test_pasted_lines_are_inserted_as_they_are_and_become_blanks_elsewhere() -> None:
    async with typing() as hands:
        await hands.open(INSERT, "<>")
        await hands.press("left")
        await hands.paste(LINES)
        await hands.press("x")
        assert hands.drawn.startswith(" insert <one↵two ↵ ↵three↵␛[2J‹202e›↵x> ")
        await hands.press("enter")
        assert hands.submitted == ["<one\ntwo ↵ \nthree\n\x1b[2J\u202e\nx>"]
        await hands.open(FIND)
        await hands.paste(LINES)
        assert hands.line.text == "one two ↵  three \x1b[2J\u202e"
        assert hands.app.past == 0


@in_loop
async def test_text_that_is_selected_is_replaced_by_what_is_pasted_and_can_be_pasted_itself() -> None:
    async with typing() as hands:
        await hands.open(INSERT, "a\nb")
        await hands.press("shift+home", "ctrl+c")
        await hands.paste("c")
        assert hands.line.text == "c"
        await hands.press("ctrl+v", "ctrl+v")
        assert hands.line.text == "ca\nba\nb"
        await hands.open(FIND)
        await hands.press("ctrl+v")
        assert hands.line.text == "a b"


HOSTILE = (
    "".join(map(chr, range(0x20))) + "".join(map(chr, range(0x7F, 0xA1))),
    "\u202egnp.exe\u2066 \u200b\ufeff\u2028\udc80 \U000f0000",
    "e\u0301\u0301 \u0301 日本 ❤️ 👨\u200d👩 👍🏽 1️⃣ हिन्दी",
    "\u0301",
    "",
)


@pytest.mark.parametrize("width", [1, 9, 90])
def test_nothing_that_is_typed_offered_or_told_reaches_the_terminal_raw(width: int) -> None:
    @in_loop
    async def run_it() -> None:
        async with typing(width) as hands:
            for text in HOSTILE:
                await hands.open(Entry("insert", text[:3], text, partial(only, text)))
                for key in (*text[:1].strip(), "tab", "left", "home", "shift+right", "end"):
                    await hands.press(key)
                    assert display(hands.drawn) == hands.drawn
                    assert hands.line._field.render_line(0).cell_length == width
                hands.line.tell(text, wrong=True)
                await hands.pilot.pause()
                assert display(hands.drawn) == hands.drawn

    run_it()


@in_loop
async def test_the_cursor_stays_in_view_and_a_click_puts_it_on_what_was_clicked() -> None:
    async with typing(20) as hands:
        await hands.open(FIND, "日本 " * 10 + "end")
        assert "end " in hands.drawn
        await hands.press("home")
        assert hands.drawn.startswith(" /日本 日本")
        await hands.pilot.click(EntryLine, offset=(7, 0))
        await hands.press("x")
        assert hands.line.text.startswith("日本 x日本")
        await hands.press("end")
        assert "end " in hands.drawn
        shown = hands.drawn
        await hands.press(*["left"] * 8)
        assert hands.drawn == shown
        await hands.press(*["left"] * 4, "y")
        assert "y" in hands.drawn


@in_loop
async def test_a_click_takes_the_keys_again() -> None:
    async with typing() as hands:
        await hands.open(FIND, "ab")
        hands.app.screen.set_focus(None)
        await hands.press("h")
        assert (hands.line.text, hands.app.past) == ("ab", 1)
        assert hands.line.entry is FIND
        await hands.pilot.click(EntryLine, offset=(30, 0))
        await hands.press("h")
        assert (hands.line.text, hands.app.past) == ("abh", 1)


@in_loop
async def test_the_hint_gives_way_to_the_text_and_what_is_told_has_half_of_the_line() -> None:
    async with typing(40) as hands:
        await hands.open(FIND, "some text")
        assert hands.drawn.rstrip().endswith("a hint")
        await hands.write(" that is long enough to need it")
        assert "hint" not in hands.drawn
        hands.line.tell("no such thing", wrong=True)
        await hands.pilot.pause()
        assert hands.drawn.rstrip().endswith(f"{WRONG}no such thing")
        assert "need it " in hands.drawn
        hands.line.tell("told without end: all of it that there is room for")
        await hands.pilot.pause()
        assert hands.drawn.rstrip().endswith("…")
        assert WRONG not in hands.drawn
        hands.line.tell("")
        await hands.pilot.pause()
        assert "told" not in hands.drawn
        await hands.press("ctrl+u")
        assert hands.drawn.rstrip().endswith("a hint")


@pytest.mark.parametrize("text", ["[bold]", "[/x]", "\\[", "[@click=app.quit]x[/]"])
def test_brackets_are_drawn_as_brackets(text: str) -> None:
    @in_loop
    async def run_it() -> None:
        async with typing(90) as hands:
            await hands.open(Entry("find", text, text), text)
            assert hands.drawn.count(text) == 3

    run_it()


@in_loop
async def test_in_the_explorer_letters_are_text_and_escape_takes_no_cursor_off() -> None:
    async with driving() as driver:
        line = EntryLine(id="another")
        await driver.app.screen.mount(line)
        line.open(FIND)
        await driver.press("down")
        assert driver.app.explore.table.chosen == 1
        await driver.app.action_press("look-back")
        await driver.settle()
        before = driver.workspace
        assert before.branch.cursor is not None
        await driver.press(*"hjkldauxew0")
        assert line.text == "hjkldauxew0"
        await driver.press("left", "right", "home", "space")
        assert line.text == " hjkldauxew0"
        await driver.press("escape")
        assert line.entry is None
        assert driver.workspace is before


@in_loop
async def test_in_the_explorer_the_palette_opens_and_ctrl_q_quits() -> None:
    async with driving() as driver:
        line = EntryLine(id="another")
        await driver.app.screen.mount(line)
        line.open(FIND)
        await driver.press("ctrl+p")
        assert len(driver.app.screen_stack) == 2
        await driver.press("escape", "a")
        assert line.text == "a"
        await driver.press("ctrl+q")
        assert not driver.app.is_running
