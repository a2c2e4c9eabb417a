"""The palette finds commands by their titles and by what they do, and shows brackets as brackets."""

from collections.abc import Iterable

from textual.app import App, SystemCommand
from textual.command import Hit
from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from tests.ui.driving import in_loop
from token_explorer.ui.commands import Absent, Commands

MARK = Style(underline=True)


class Some(App[None]):
    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand("run [N]", "let the model write N tokens", print)
        yield SystemCommand("Overlay: entropy", "how open the choice was", print)
        yield Absent("Layers", "not here: [/b]\x1b[2J", print)
        yield SystemCommand("Wide roads open", "nothing", print)
        yield SystemCommand("Lower priorities", "nothing", print)


def drawn(hit: Hit) -> Content:
    assert isinstance(hit.prompt, Content)
    return hit.prompt


async def found(query: str) -> list[Hit]:
    """What is found, best first."""
    async with Some().run_test() as pilot:
        commands = Commands(pilot.app.screen, MARK)
        hits = [hit async for hit in commands.search(query) if isinstance(hit, Hit)]
        return sorted(hits, key=lambda hit: -hit.score)


@in_loop
async def test_commands_are_found_by_what_they_do_after_those_of_that_title() -> None:
    assert [hit.text for hit in await found("tokens")] == ["run [N]"]
    assert [hit.text for hit in await found("open")] == ["Wide roads open", "Overlay: entropy"]
    assert [hit.text for hit in await found("WRITE N")] == ["run [N]"]
    assert await found("zebra") == []


@in_loop
async def test_what_is_found_by_its_help_comes_before_letters_strewn_over_a_title() -> None:
    assert [hit.text for hit in await found("write")] == ["run [N]", "Lower priorities"]


@in_loop
async def test_titles_and_helps_are_shown_as_they_are_but_safe() -> None:
    assert next(str(drawn(hit)) for hit in await found("run")) == "run [N]\nlet the model write N tokens"
    assert [str(drawn(hit)) for hit in await found("layers")] == ["Layers\nnot here: [/b]␛[2J"]


@in_loop
async def test_what_was_found_is_marked_where_it_was_found() -> None:
    (hit,) = await found("tokens")
    marked = [span for span in drawn(hit).spans if span.style == MARK]
    assert "".join(str(drawn(hit))[span.start : span.end] for span in marked) == "tokens"


@in_loop
async def test_what_is_absent_is_dim() -> None:
    (absent,) = await found("layers")
    assert any(str(span.style) == "dim" and span.start == 0 for span in drawn(absent).spans)
    (present, *_) = await found("entropy")
    assert not any(str(span.style) == "dim" and span.start == 0 for span in drawn(present).spans)
