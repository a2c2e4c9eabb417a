"""Long prompts: a key costs what it changes and what is in view, never the whole prompt."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual import events
from textual.app import App, ComposeResult

from tests.fakes import PATIENCE_S, VOCABULARY, FakeEngine, encode, score, token_of
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.truth import check_screen
from token_explorer.core import tokens as shown_tokens
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Stop
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.results import palette
from token_explorer.ui.app import Explorer
from token_explorer.ui.view import View
from token_explorer.ui.widgets.flow import Flow
from token_explorer.ui.widgets.prompt import Levels, PromptPane, Tokens

SHORT, LONG = 200, 8000
SIZE = (60, 20)  # so small that a short prompt, too, is higher than its pane
Act = Callable[[Explorer], None]


def change(operation: Callable[[Workspace], Workspace]) -> Act:
    return lambda app: app._change(operation)


# What keys do, in an order in which each can be done; the prompts part at their sixth token.
ACTS: dict[str, Act] = {
    "append": lambda app: app.append(0),
    "pop": change(Workspace.back),
    "undo": change(Workspace.undo),
    "redo": change(Workspace.redo),
    "copy": change(Workspace.fork),
    "next prompt": change(lambda workspace: workspace.switch(1)),
    "the one after": change(lambda workspace: workspace.switch(1)),
    "previous prompt": change(lambda workspace: workspace.switch(-1)),
    "append again": lambda app: app.append(0),
    "overlay": lambda app: app.action_overlay(1),
    "next overlay": lambda app: app.action_overlay(1),
    "look back": lambda app: app.action_look(-1),
    "look at the first": Explorer.action_look_first,
    "look at the end": Explorer.action_cursor_off,
    "choose": lambda app: app.action_choose(1),
    "spark": Explorer.action_spark,
}


@dataclass(frozen=True)
class Cost:
    """What a key cost.

    Attributes:
        steps: lines of Python that ran until what it asks for was made and laid out.
        shown: tokens that were made fit for the screen meanwhile.
        painted: lines of the prompt that were painted till all was answered.
    """

    steps: int
    shown: int
    painted: int


def steps_of(act: Callable[[], None]) -> int:
    """How many lines of Python something runs in this thread, each as often as it runs."""
    count = 0

    def note(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def shown_so_far() -> int:
    """How many tokens were made fit for the screen since the program began."""
    found = shown_tokens._show_whole.cache_info()
    return found.hits + found.misses


@dataclass(frozen=True)
class Costs:
    """What each key costs.

    Attributes:
        lines: that the prompt has.
        height: of the pane that shows them.
    """

    of: dict[str, Cost]
    lines: int
    height: int


async def costs(length: int) -> Costs:
    """What keys cost in a prompt of so many tokens; each was pressed before, as first times differ."""
    found: dict[str, Cost] = {}
    async with driving(text=" the girl" * (length // 2), size=SIZE) as driver:
        app, pane = driver.app, driver.app.explore.prompt
        change(lambda workspace: workspace.look_at(5))(app)
        await driver.settle()
        change(lambda workspace: workspace.choose(5, token_of("Once"), keep_tail=True).look_at(None))(app)
        await driver.settle()
        for name, act in (*ACTS.items(), *ACTS.items()):
            painted, shown = pane.painted, shown_so_far()
            steps = steps_of(partial(act, app))
            shown = shown_so_far() - shown
            await driver.settle()
            found[name] = Cost(steps, shown, pane.painted - painted)
        check_screen(driver)
        return Costs(found, len(pane._flow), pane.size.height)


@in_loop
async def test_a_key_costs_as_much_at_8000_tokens_as_at_200() -> None:
    short, long = await costs(SHORT), await costs(LONG)
    assert long.height == short.height < short.lines
    for name, cost in long.of.items():
        # A loop over the lines, let alone the tokens, would be as many calls more.
        assert cost.steps - short.of[name].steps < long.lines // 2, name
        assert cost.shown - short.of[name].shown < long.lines // 2, name
        assert cost.painted <= long.height, name
    for name in ("append", "pop", "undo", "redo", "append again"):
        assert long.of[name].painted <= 3, name
    for name in ("copy", "choose", "spark"):
        assert long.of[name].painted == 0, name


# Typing ahead


class Slow(FakeEngine):
    """Doesn't stop when it is asked to, and answers only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        self.scored.append(ids)
        self.began.release()
        assert self.gate.wait(PATIENCE_S), "it was never let"
        return score(ids, top_k)


async def type_ahead(driver: Driver, keys: list[str]) -> None:
    """Press keys all at once, with no frame between them."""
    with driver.app.batch_update():
        for key in keys:
            driver.app.post_message(events.Key(key, None))
        await driver.pilot.pause()


@in_loop
async def test_of_keys_that_outrun_the_engine_only_the_first_and_the_last_prompt_are_asked_for() -> None:
    engine = Slow()
    async with driving(engine, text=" the girl" * (LONG // 2), size=SIZE) as driver:
        ids, pane = driver.workspace.branch.ids, driver.app.explore.prompt
        engine.scored.clear()
        engine.gate.clear()
        await type_ahead(driver, ["left"])
        await driver.begun()
        painted = pane.painted
        await type_ahead(driver, ["left"] * 29)
        await driver.pilot.pause()
        assert driver.workspace.branch.ids == ids[:-30]
        assert pane.painted - painted <= pane.size.height
        assert engine.scored == [ids[:-1]]
        engine.gate.set()
        await driver.settle()
        assert engine.scored == [ids[:-1], ids[:-30]]
        check_screen(driver)


@in_loop
async def test_a_late_answer_is_kept_and_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Slow()
    async with driving(engine, text=" the girl" * (SHORT // 2), size=SIZE) as driver:
        state, pane, table = driver.app.exploration, driver.app.explore.prompt, driver.app.explore.table
        assert state is not None
        ids = driver.workspace.branch.ids
        engine.gate.clear()
        await driver.pilot.press("left")
        await driver.begun()
        await driver.pilot.press("u")
        await driver.pilot.pause()
        assert (state.scores is not None, table.stale) == (True, False)
        drawn, painted = driver.lines()[1:], pane.painted
        views: list[View] = []
        view = state.view

        def viewed() -> View:
            views.append(view())
            return views[-1]

        monkeypatch.setattr(state, "view", viewed)
        engine.gate.set()
        await driver.settle()
        assert views == []
        assert (driver.lines()[1:], pane.painted) == (drawn, painted)
        await driver.press("left")
        assert driver.workspace.branch.ids == ids[:-1]
        assert engine.scored.count(ids[:-1]) == 1
        check_screen(driver)


# The pane


class OnePane(App[None]):
    def compose(self) -> ComposeResult:
        yield PromptPane(palette.make("viridis", "truecolor"))


STEPS = ("append", "pop", "undo", "redo", "cut", "fork", "replace", "switch", "look", "colour", "reset")
some_steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2**16)), max_size=40)
some_ids = st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=1, max_size=4)


def stepped(space: Workspace, step: str, number: int) -> Workspace:
    """A workspace after something that keys may do to it."""
    ids, token = space.branch.ids, number % len(VOCABULARY)
    if step == "append":
        return space.append(token, token) if number % 2 else space.append(token)
    if step == "pop" and len(ids) > 1:
        return space.back()
    if step == "undo" and space.past:
        return space.undo()
    if step == "redo" and space.future:
        return space.redo()
    if step == "cut":
        return space.rewrite(ids[: 1 + number % len(ids)])
    if step == "fork" and len(space.branches) < space.max_prompts:
        return space.fork()
    if step == "replace" and len(space.branches) < space.max_prompts and len(ids) > 1:
        place = 1 + number % (len(ids) - 1)
        return space.choose(place, token, keep_tail=number % 3 > 0 and ids[place] != token)
    if step == "switch":
        return space.switch(1 + number % 3)
    if step == "look":
        return space.look_at(number % len(ids) if number % 4 else None)
    return space.reset() if step == "reset" else space


def check_pane(pane: PromptPane, width: int) -> None:
    """Its lines are those of a fresh start, and painted as they would be now."""
    tokens = pane._tokens
    fresh = Flow(width)
    fresh.extend(VOCABULARY.show(tokens.ids))
    assert vars(pane._flow) == vars(fresh)
    for y in range(pane.size.height):
        drawn, line = pane.render_line(y), y + pane.scroll_offset.y
        if line < len(fresh):
            assert drawn == pane._paint(line)


@settings(max_examples=20)
@given(some_ids, some_steps)
@example([1], [("pop", 1)] * 7)
@example(
    [1], [("fork", 0), ("replace", 0), ("switch", 0), ("pop", 0), ("append", 6), ("switch", 1), ("switch", 1)]
)
def test_after_any_keys_the_pane_is_as_if_it_had_shown_nothing_before(
    first: list[int], steps: list[tuple[str, int]]
) -> None:
    @in_loop
    async def run() -> None:
        app = OnePane()
        async with app.run_test(size=(23, 9)) as pilot:
            pane = app.query_one(PromptPane)
            space = Workspace.open((*first, *encode(" the girl" * 60)), 4)
            levels: Levels | None = None
            for step, number in [("look", 0), *steps]:
                space = stepped(space, step, number)
                ids = space.branch.ids
                if step == "colour" or (levels is not None and number % 2):
                    levels = np.random.default_rng(number).integers(-1, 4, len(ids))
                else:
                    levels = None
                pane.show(prompt_of(space), levels)
                if number % 5 == 0:
                    await pilot.pause()
                check_pane(pane, pane.line_width)

    run()


def prompt_of(space: Workspace) -> Tokens:
    branch = space.branch
    added = common_length(branch.ids, branch.start)
    return Tokens(branch.ids, partial(VOCABULARY.show, branch.ids), VOCABULARY.special, added, branch.cursor)
