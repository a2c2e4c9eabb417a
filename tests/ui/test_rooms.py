"""Rooms beside the explorer's screen: how they open and close, whose keys come first, what they are told."""

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes import FakeEngine, encode, observe, score
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.truth import check_screen
from token_explorer.core.observation import AttentionRow, Facet, Lens, Residuals
from token_explorer.errors import EngineFault, FacetUnavailable
from token_explorer.overlays import OVERLAYS
from token_explorer.results.palette import Palettes
from token_explorer.ui.app import Explorer
from token_explorer.ui.doors import DOORS, Door
from token_explorer.ui.keys import Key
from token_explorer.ui.screens.attention import AttentionRoom
from token_explorer.ui.screens.lens import LensRoom
from token_explorer.ui.screens.room import Known, Room
from token_explorer.ui.view import View

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


def best(ids: tuple[int, ...], row: int = 0) -> int:
    return int(score(ids, 30).next.ids[row])


class Cell(Room):
    """A room that notes what it is told and wants what a test says."""

    needs = "lens"

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__()
        self.palettes, self.keys = palettes, keys
        self.told: list[View] = []
        self.facets: list[Facet[Any]] = [Residuals()]
        self.answers: list[object] = []
        self.taken: set[str] = set()
        self.pressed: list[str] = []

    def show(self, view: View, known: Known) -> None:
        self.told.append(view)
        self.answers = [known(facet) for facet in self.facets]

    def wanted(self) -> Sequence[Facet[Any]]:
        return self.facets

    def press(self, id: str) -> bool:
        self.pressed.append(id)
        return id in self.taken


class Hall(Cell):
    needs = "attention"


@pytest.fixture
def _own_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Explorer, "ROOMS", {"lens": Cell, "attention": Hall})


own_rooms = pytest.mark.usefixtures("_own_rooms")


def inside(driver: Driver) -> Cell:
    room = driver.app.room
    assert isinstance(room, Cell)
    assert driver.app.screen is room
    return room


@own_rooms
@in_loop
async def test_a_room_is_told_of_the_prompt_and_asked_what_it_wants() -> None:
    async with driving() as driver:
        await driver.press("L")
        room = inside(driver)
        assert (room.palettes, room.keys) == (driver.app.palettes, driver.app.keys)
        assert room.told[0].branch.ids == IDS
        assert driver.engine.observed == [(IDS, Residuals())]
        (answer,) = room.answers
        assert type(answer) is type(observe(IDS, Residuals()))
        await driver.press("right")
        longer = (*IDS, best(IDS))
        assert room.told[-1].branch.ids == longer
        assert driver.engine.observed[1:] == [(longer, Residuals())]


@own_rooms
@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        (["L", "L"], None),
        (["L", "escape"], None),
        (["A", "A"], None),
        (["A", "dollar_sign"], None),
        (["L", "A"], Hall),
        (["A", "L"], Cell),
        (["L", "A", "L", "L"], None),
    ],
)
def test_the_same_key_or_escape_closes_a_room_and_the_other_one_takes_its_place(
    keys: list[str], kind: type[Cell] | None
) -> None:
    @in_loop
    async def run() -> None:
        async with driving() as driver:
            for key in keys:
                await driver.pilot.press(key)
            await driver.settle()
            assert (None if driver.app.room is None else type(driver.app.room)) is kind
            assert len(driver.app.screen_stack) == (1 if kind is None else 2)
            if kind is None:
                await driver.press("right")
                check_screen(driver)

    run()


@own_rooms
@in_loop
async def test_a_key_that_the_room_takes_does_nothing_else() -> None:
    async with driving() as driver:
        await driver.press("L")
        room = inside(driver)
        room.taken = {"append", "cursor-off"}
        await driver.press("right", "escape")
        assert driver.workspace.branch.ids == IDS
        assert room.pressed == ["append", "cursor-off"]
        room.taken = set()
        await driver.press("right", "left", "e", "comma", "space", "u", "d")
        assert len(driver.workspace.branches) == 2
        assert room.told[-1].workspace == driver.workspace
        assert room.told[-1].pin == best(IDS[:-1])
        assert driver.app.room is room


@own_rooms
@in_loop
async def test_what_a_room_wants_goes_before_what_the_explorer_wants() -> None:
    async with driving() as driver:
        await driver.press("L")
        inside(driver).facets = [Lens(0, 2), Residuals()]
        driver.app.use_overlay(next(overlay for overlay in OVERLAYS if overlay.name == "influence"))
        await driver.settle()
        facets = [facet for _, facet in driver.engine.observed]
        assert facets == [Residuals(), Lens(0, 2), AttentionRow(len(IDS) - 1)]


@own_rooms
@in_loop
async def test_nothing_is_looked_for_of_a_prompt_without_scores() -> None:
    async with driving() as driver:
        await driver.press("L")
        driver.engine.score_error = EngineFault("The engine failed", "once.")
        await driver.press("right", "comma", "full_stop")
        assert inside(driver).told[-1].scores is None
        assert driver.engine.observed == [(IDS, Residuals())]


@own_rooms
@in_loop
async def test_a_closed_room_wants_nothing_more() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("L")
        await driver.begun()
        await driver.pilot.press("escape")
        driver.engine.release()
        await driver.settle()
        assert driver.engine.stopped == [IDS]
        await driver.press("right")
        assert driver.engine.observed == [(IDS, Residuals())]


@own_rooms
@in_loop
async def test_the_messages_of_a_room_are_heard() -> None:
    async with driving() as driver:
        await driver.press("L")
        room = inside(driver)
        room.post_message(Room.CursorMoved(3))
        room.post_message(Room.PinChosen(70))
        await driver.settle()
        assert (room.told[-1].branch.cursor, room.told[-1].pin) == (3, 70)
        room.post_message(Room.CursorMoved(99))
        await driver.settle()
        assert driver.workspace.branch.cursor == 3
        room.facets = [Lens(0, 4)]
        room.post_message(Room.Changed())
        await driver.settle()
        assert driver.engine.observed[-1] == (IDS, Lens(0, 4))
        assert room.answers[0] is not None


@own_rooms
@in_loop
async def test_an_error_reaches_the_room_and_is_said_once() -> None:
    async with driving() as driver:
        error = driver.engine.observe_error = FacetUnavailable("Too long", "9 tokens.")
        await driver.press("L")
        assert inside(driver).answers == [error]
        assert driver.said == ["Too long: 9 tokens."]
        driver.app.clear_notifications()
        await driver.press("comma", "comma", "escape")
        assert driver.said == []


@own_rooms
@in_loop
async def test_a_room_that_the_model_lacks_the_means_for_stays_closed_and_says_why() -> None:
    engine = FakeEngine()
    engine.lacks = {"attention": "its heads are fused"}
    async with driving(engine) as driver:
        await driver.press("A")
        assert driver.app.room is None
        assert "its heads are fused" in driver.said[0]
        await driver.press("L", "A")
        assert type(driver.app.room) is Cell


@own_rooms
@in_loop
async def test_no_room_opens_while_the_model_loads() -> None:
    engine = FakeEngine()
    engine.hold_loading()
    async with driving(engine, settled=False) as driver:
        while driver.app.exploration is None:
            await driver.pilot.pause()
        await driver.pilot.press("L")
        assert driver.app.room is None
        assert "still loading" in driver.said[0]


@own_rooms
@in_loop
async def test_help_and_the_palette_stand_above_a_room() -> None:
    async with driving() as driver:
        await driver.press("L", "question_mark", "escape")
        room = inside(driver)
        await driver.press("ctrl+p", "escape")
        assert driver.app.room is room
        await driver.press("escape")
        assert len(driver.app.screen_stack) == 1


@own_rooms
@in_loop
async def test_the_most_that_is_in_view_at_a_time_is_never_looked_for_twice() -> None:
    async with driving() as driver:
        assert driver.app.exploration is not None
        driver.app.exploration._observations._limit = 1
        await driver.press("L")
        inside(driver).facets = [Lens(0, place) for place in range(1, 6)]
        inside(driver).post_message(Room.Changed())
        await driver.settle()
        assert len(set(driver.engine.observed)) == len(driver.engine.observed) == 6


# The rooms themselves


@in_loop
async def test_the_rooms_of_the_program_open_by_their_keys() -> None:
    async with driving() as driver:
        await driver.press("L")
        assert isinstance(driver.app.screen, LensRoom)
        await driver.press("A")
        assert isinstance(driver.app.screen, AttentionRoom)
        await driver.press("escape")
        check_screen(driver)


WALK = ("L", "A", "escape", "right", "left", "up", "down", "e", "E", "comma", "full_stop", "space", "S", "p")


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([*WALK, "left_square_bracket", "d", "w", "u", "0"]), max_size=25), st.booleans()
)
def test_any_keys_in_any_room_leave_an_explorer_that_is_true(keys: list[str], patient: bool) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=(100, 30)) as driver:
            for key in keys:
                await (driver.press(key) if patient else driver.pilot.press(key))
            await driver.settle()
            assert len(driver.app.screen_stack) == 1 + (driver.app.room is not None)
            if driver.app.room is not None:
                shown = driver.app.exploration
                assert shown is not None
                assert shown.missing(list(driver.app.room.wanted())) == []
            await driver.app._close_room()
            await driver.settle()
            driver.app.clear_notifications()
            await driver.settle()
            check_screen(driver)

    run()


@in_loop
async def test_a_room_opens_again_as_it_was_left() -> None:
    async with driving() as driver:
        await driver.press("A", "j", "e", "S")
        room = driver.app.room
        assert isinstance(room, AttentionRoom)
        choice, text = room.choice, driver.text()
        await driver.press("A")
        assert driver.app.room is None
        await driver.press("L", "A")
        assert driver.app.room is room
        assert (room.choice, room.sink) == (choice, False)
        assert driver.text() == text


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_door_knows_what_its_room_needs(door: Door) -> None:
    assert door.kind.needs == door.needs  # type: ignore[attr-defined]


def test_no_room_is_imported_before_it_is_opened() -> None:
    code = "import sys; import token_explorer.ui.app; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert {f"token_explorer.ui.screens.{door.module}" for door in DOORS.values()}.isdisjoint(loaded)
    assert "token_explorer.ui.screens.explore" in loaded
