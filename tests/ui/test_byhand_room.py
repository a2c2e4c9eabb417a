"""The room of a forward by hand shows the numbers of that forward, wherever its keys have gone."""

import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual import events

from tests.fakes import HOSTILE, VOCABULARY, WEIGHTS, FakeEngine, encode, token_of
from tests.ui.driving import Driver, driving, in_loop
from token_explorer.byhand.forward import Forward, forward
from token_explorer.byhand.step import SHARES, Step
from token_explorer.byhand.weights import Parameters
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import FacetUnavailable
from token_explorer.ui import walked
from token_explorer.ui.screens import byhand
from token_explorer.ui.screens.byhand import ByHandRoom
from token_explorer.ui.workings import Calculation, figure, share

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


def started(ids: TokenIds) -> Start:
    return Start(ids, len(ids), {id: VOCABULARY.pieces[id] for id in ids})


def inside(driver: Driver) -> ByHandRoom:
    assert isinstance(driver.app.room, ByHandRoom)
    assert driver.app.screen is driver.app.room
    return driver.app.room


def truth(driver: Driver) -> Forward:
    """The forward of the prompt that is shown, computed afresh."""
    return forward(WEIGHTS, driver.workspace.branch.ids)


def looked_at(driver: Driver) -> tuple[Step, int, int]:
    """The step, row and column that are looked at, of a forward computed afresh."""
    room, branch = inside(driver), driver.workspace.branch
    trail = room.trail
    assert trail is not None
    label = trail.steps[room.place].label
    row = len(branch.ids) - 1 if branch.cursor is None else branch.cursor
    step = truth(driver).find(label.part, label.layer, label.head)
    return step, row, room.column(step, row)


def check(driver: Driver) -> None:
    """What is drawn is the number of the forward at the place that is looked at."""
    room = inside(driver)
    assert room.trail is not None
    assert room.place in range(len(room.trail))
    assert room.head in range(1, WEIGHTS.heads + 1)
    step, row, column = looked_at(driver)
    assert row in range(step.values.shape[0])
    assert column in range(step.values.shape[1])
    if step.label.head is not None:
        assert step.label.head == room.head
    write = share if step.label.part in SHARES else figure
    value = write(float(step.values[row, column]))
    text = driver.text()
    assert f" {step.at(row, column)} = {value} " in text
    assert f" {room.place + 1}/{len(room.trail)} " in text
    drawn = [room.grid.render_line(y).text for y in range(room.grid.size.height)]
    (marked,) = (line for line in drawn if line.startswith("▸"))
    assert re.search(rf"▸ *{re.escape(value)}(?= |▸|$)", marked[1:]), marked
    (chosen,) = (line for line in driver.lines() if line.startswith("│▸"))
    assert step.label.title[:10] in chosen
    assert re.match(r"╰─+╯╰─", driver.lines()[-2])  # the panes end above the footer
    calculation = Calculation(step.working(row, column), room.working.width, write)
    assert calculation[len(calculation) - 1][0].endswith(f"= {value}")
    shown = [room.working.render_line(y).text.rstrip() for y in range(room.working.size.height)]
    first = room.working.scroll_offset.y
    expected = [f" {calculation[y][0]}".rstrip() for y in range(first, len(calculation))]
    assert shown[: len(expected)] == expected[: len(shown)]


KEYS = {
    "up": 1,
    "down": 4,
    "pagedown": 2,
    "pageup": 1,
    "home": 1,
    "end": 1,
    "left": 1,
    "right": 3,
    "comma": 2,
    "full_stop": 1,
    "less_than_sign": 1,
    "0": 1,
    "left_square_bracket": 1,
    "right_square_bracket": 2,
    "e": 1,
    "E": 1,
    "space": 1,
    "left_parenthesis": 1,
    "right_parenthesis": 1,
    "right_curly_bracket": 1,
    "left_curly_bracket": 1,
    "n": 1,
    "u": 1,
    "d": 1,
    "w": 1,
}


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
def test_any_keys_show_the_number_of_the_forward_at_that_place(size: tuple[int, int]) -> None:
    @settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.sampled_from([key for key, times in KEYS.items() for _ in range(times)]), max_size=15))
    def walk(keys: list[str]) -> None:
        @in_loop
        async def run() -> None:
            async with driving(size=size) as driver:
                await driver.press("B")
                for key in keys:
                    await driver.pilot.press(key)
                await driver.settle()
                driver.app.clear_notifications()
                await driver.settle()
                check(driver)

        run()

    walk()


@in_loop
async def test_every_step_and_every_column_can_be_looked_at() -> None:
    async with driving(text="Once upon") as driver:
        await driver.press("B")
        room = inside(driver)
        seen = []
        for _ in range(len(room.trail or [])):
            seen.append(looked_at(driver)[0].name)
            check(driver)
            await driver.pilot.press("down")
        assert seen == [step.name for step in truth(driver).steps if step.label.head in (None, 1)]
        await driver.press("down")
        assert looked_at(driver)[0].name == "probabilities"
        await driver.press("home", "down", "down")
        for column in range(WEIGHTS.width):
            assert looked_at(driver)[0].name == "embeddings"
            assert looked_at(driver)[2] == column
            check(driver)
            await driver.pilot.press("right")
        assert looked_at(driver)[2] == WEIGHTS.width - 1


@in_loop
async def test_the_parameters_are_asked_for_once_whatever_the_prompt() -> None:
    async with driving() as driver:
        await driver.press("B", "n", "n", "u", "d", "escape", "B")
        asked = [facet for _, facet in driver.engine.observed]
        assert asked == [Parameters()]
        assert truth(driver).ids == driver.workspace.branch.ids
        check(driver)


@in_loop
async def test_layers_heads_and_tokens_are_chosen_by_their_keys() -> None:
    async with driving() as driver:
        await driver.press("B", "right_square_bracket")
        assert looked_at(driver)[0].name == "layer 1 norm-1-mean"
        await driver.press(*["down"] * 6, "right_square_bracket", "e", "comma")
        step, row, _ = looked_at(driver)
        assert (step.name, row) == ("layer 2 head 2 scores", len(IDS) - 2)
        await driver.press("right_square_bracket", "e", "0")
        step, row, _ = looked_at(driver)
        assert (step.name, row) == ("layer 2 head 1 scores", 0)
        await driver.press("down", "right")
        check(driver)
        assert "= −∞ " in driver.text()
        await driver.press("end", "left_square_bracket")
        assert looked_at(driver)[0].name == "layer 2 residual-2"


@in_loop
async def test_the_last_step_begins_at_the_most_probable_token() -> None:
    async with driving() as driver:
        await driver.press("B", "end")
        step, row, column = looked_at(driver)
        assert step.name == "probabilities"
        assert column == int(step.values[row].argmax())
        token = VOCABULARY[column].shown
        assert f'after token {row + 1} "␣a": id {column} "{token}"' in driver.text()
        await driver.press("right", "right", "comma")
        assert looked_at(driver)[2] == min(column + 2, len(VOCABULARY) - 1)
        await driver.press("space")
        step, row, column = looked_at(driver)
        assert column == int(step.values[row].argmax())
        check(driver)


@in_loop
async def test_the_working_scrolls_and_begins_anew_at_another_number() -> None:
    async with driving(size=(80, 24)) as driver:
        await driver.press("B", "end", "right_curly_bracket", "right_curly_bracket")
        room = inside(driver)
        assert (there := room.working.scroll_offset.y) > 0
        check(driver)
        driver.app.show()
        assert room.working.scroll_offset.y == there
        for _ in range(60):
            await driver.pilot.press("right_curly_bracket")
        last = room.working.render_line(room.working.size.height - 1).text.strip()
        step, row, column = looked_at(driver)
        assert last == f"= {share(float(step.values[row, column]))}"
        await driver.press("right")
        assert room.working.scroll_offset.y == 0


@in_loop
async def test_clicks_choose_a_step_a_number_a_token_and_a_column() -> None:
    async with driving() as driver:
        await driver.press("B")
        room = inside(driver)
        await driver.pilot.click(room.step_list, offset=(5, 1 + 8))
        assert looked_at(driver)[0].name == "layer 1 head 1 v"
        edge = room.grid._gutter(len(IDS))
        await driver.pilot.click(room.grid, offset=(1 + edge + 2 * 9 + 4, 1 + 3))
        await driver.settle()
        assert looked_at(driver)[1:] == (3, 2)
        await driver.pilot.click(room.grid, offset=(1 + edge + 9, 0))
        await driver.pilot.click(room.grid, offset=(3, 1 + 5))
        await driver.settle()
        assert looked_at(driver)[1:] == (5, 1)
        check(driver)
        # Beside the numbers there is nothing to choose.
        await driver.pilot.click(room.grid, offset=(room.grid.size.width, 3))
        assert looked_at(driver)[1:] == (5, 1)
        place = 0, 0, 0, 0, 0
        room.grid.post_message(events.MouseScrollUp(room.grid, *place, False, False, False))
        room.grid.post_message(events.MouseScrollDown(room.grid, *place, True, False, False))
        await driver.settle()
        check(driver)


@in_loop
async def test_keys_faster_than_the_application_all_count() -> None:
    async with driving() as driver:
        await driver.press("B")
        room = inside(driver)
        for id in ("look-back", "look-back", "look-back", "look-on"):
            assert room.press(id)
        await driver.settle()
        assert driver.workspace.branch.cursor == len(IDS) - 3
        check(driver)


@in_loop
async def test_text_of_tokens_can_do_nothing_to_the_screen() -> None:
    ids = (256, *(token_of(text) for text in HOSTILE))
    async with driving(text=started(ids)) as driver:
        await driver.press("B", *["down"] * 9)
        for _ in ids:
            check(driver)
            await driver.press("comma", "right")
        await driver.press("end")
        controls = {char for char in driver.text() if unicodedata.category(char) in ("Cc", "Cf")}
        assert controls == {"\n"}


@in_loop
async def test_a_prompt_that_is_too_long_is_refused_in_words() -> None:
    ids: TokenIds = (IDS * 10)[: WEIGHTS.positions + 1]
    async with driving(text=started(ids)) as driver:
        await driver.press("B")
        assert f"goes up to {WEIGHTS.positions} of this model" in driver.text()
        await driver.press("down", "e", "right", "space", "comma")
        assert inside(driver).trail is None
    async with driving(text=started(ids[:-1])) as driver:
        await driver.press("B")
        check(driver)


def test_what_is_too_long_follows_from_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    most = walked.size(WEIGHTS, 20)
    monkeypatch.setattr(walked, "MOST_NUMBERS", most)
    assert [walked.too_long(WEIGHTS, length) for length in (1, 20)] == ["", ""]
    assert "goes up to 20 of this model: more would be" in walked.too_long(WEIGHTS, 21)
    assert "goes up to 20 of this model" in walked.too_long(WEIGHTS, 500)


@in_loop
async def test_a_long_forward_is_computed_aside_and_only_the_last_one_is_drawn() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(byhand, "QUICK", 0)
        async with driving() as driver:
            await driver.press("B")
            room = inside(driver)
            await driver.app.workers.wait_for_complete()
            await driver.settle()
            check(driver)
            await driver.pilot.press("n", "n", "u")
            await driver.settle()
            await driver.app.workers.wait_for_complete()
            await driver.settle()
            assert room.trail is not None
            assert room.trail.forward.ids == driver.workspace.branch.ids
            check(driver)


@in_loop
async def test_a_model_that_cannot_be_followed_says_why() -> None:
    engine = FakeEngine()
    engine.lacks = {"weights": "by hand follows a GPT-2, and this is a LlamaForCausalLM"}
    async with driving(engine) as driver:
        await driver.press("B")
        assert driver.app.room is None
        assert "this is a LlamaForCausalLM" in driver.said[0]


@in_loop
async def test_an_error_stands_in_place_of_the_numbers() -> None:
    async with driving() as driver:
        driver.engine.observe_error = FacetUnavailable("Not to be had", "for a reason.")
        await driver.press("B", "down", "comma")
        assert "Not to be had:" in driver.text()
        assert inside(driver).trail is None


@in_loop
async def test_it_opens_again_as_it_was_left() -> None:
    async with driving() as driver:
        await driver.press("B", *["down"] * 9, "e", "right", "right", "comma")
        text = driver.text()
        await driver.press("B", "B")
        assert driver.text() == text


def test_names_and_shapes_are_said_in_words() -> None:
    made = forward(WEIGHTS, IDS)
    scores = made.find("scores", 2, 1)
    assert walked.name(scores) == "layer 2, head 1: how well each key fits each query"
    assert walked.name(made.logits) == "what speaks for each token as the next"
    (whole, *_) = walked.shape(scores)
    assert "".join(part.text for part in whole) == f" T × T = {len(IDS)} × {len(IDS)} · tokens × keys "
