"""The help screen: all that can be done, in lines that fit its box, by the keys that do it."""

import pytest
from rich.cells import cell_len

from tests.ui.driving import driving, in_loop
from token_explorer.core.search import MODES
from token_explorer.overlays import OVERLAYS
from token_explorer.ui.keys import KEYS, remap
from token_explorer.ui.screens.help import INDENT, WIDTH, HelpScreen
from token_explorer.ui.widgets.row import Columns
from token_explorer.ui.widgets.then import beside_bar

FULL = HelpScreen(KEYS, OVERLAYS).text().plain
OWN = {
    "choose-up": ("f2",),
    "append": ("f3",),
    "sampler": ("f4",),
    "lens": ("f5",),
    "chat": ("f6",),
    "cursor-off": ("f7",),
}


def section(text: str, heading: str) -> list[str]:
    """The lines below a heading."""
    after = text.split(f"{heading}\n", 1)[1]
    return after.split("\n\n", 1)[0].splitlines()


def in_words(text: str) -> str:
    return " ".join(text.split())


def test_no_line_is_wider_than_the_box() -> None:
    assert max(map(cell_len, FULL.splitlines())) <= WIDTH


@pytest.mark.parametrize("text", [*(key.help for key in KEYS), *(overlay.help for overlay in OVERLAYS)])
def test_what_a_row_says_is_there_whole(text: str) -> None:
    assert text in in_words(FULL)


def test_what_goes_on_in_the_next_line_stands_below_itself() -> None:
    (change,) = (overlay for overlay in OVERLAYS if overlay.name == "change")
    rows = section(FULL, "Overlays")
    first = next(place for place, row in enumerate(rows) if row.split()[0] == "change")
    assert rows[first][INDENT:] + " " + rows[first + 1][INDENT:] == change.help
    assert rows[first + 1][:INDENT].strip() == ""


@pytest.mark.parametrize(
    ("heading", "named"),
    [
        ("In the sampler's panel", ("choose-up", "append", "sampler", "cursor-off")),
        ("In a room", ("lens", "chat", "cursor-off")),
    ],
)
def test_sections_name_the_keys_of_the_user(heading: str, named: tuple[str, ...]) -> None:
    told = section(HelpScreen(remap(OWN, None), OVERLAYS).text().plain, heading)
    for id in named:
        assert any(OWN[id][0] in line for line in told), id


def test_what_has_no_key_is_named_as_the_command_that_it_is() -> None:
    table = remap({"sampler": ()}, None)
    assert ":sampler" in " ".join(section(HelpScreen(table, OVERLAYS).text().plain, "In the sampler's panel"))


def test_many_keys_for_one_thing_push_its_help_to_the_next_line() -> None:
    table = remap({"undo": ("ctrl+z", "ctrl+u", "f12")}, None)
    rows = section(HelpScreen(table, OVERLAYS).text().plain, "Change")
    place = next(place for place, row in enumerate(rows) if "Ctrl+Z" in row)
    (undo,) = (key for key in KEYS if key.id == "undo")
    assert rows[place].split() == ["Ctrl+Z/Ctrl+U/f12"]
    assert rows[place + 1] == " " * INDENT + undo.help


def test_each_way_to_search_is_named() -> None:
    told = in_words(" ".join(section(FULL, "While you search")))
    for words in MODES.values():
        assert words in told


def test_each_column_of_numbers_and_what_would_follow_is_explained() -> None:
    columns, then = beside_bar(Columns.fitting(200, sampled=True))
    named = {*columns.header.split(), *then.header.split()} - {"#", "token", "id"}
    told = [line[:INDENT].strip() for line in section(FULL, "In the table")]
    assert {name for name in told if name} == named


@in_loop
async def test_all_of_it_can_be_read_in_the_smallest_usual_terminal() -> None:
    async with driving(size=(80, 24)) as driver:
        await driver.press("question_mark")
        seen = driver.lines()
        while True:
            await driver.press("space")
            if (now := driver.lines()) == seen[-len(now) :]:
                break
            seen += now
        drawn = "\n".join(seen)
        for line in FULL.splitlines():
            assert line in drawn
