"""Looks inside: what is asked for and when, what is drawn of it, and what is said where nothing can be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.color import Color
from textual.app import SystemCommand
from textual.content import Content
from textual.timer import Timer

from tests.fakes import HEADS, LAYERS, VOCABULARY, FakeEngine, encode, observe, score
from tests.ui.driving import Driver, driving, in_loop
from token_explorer.config import DisplaySettings, Settings
from token_explorer.core.ahead import Ahead
from token_explorer.core.engine import Answer, Check, Stop
from token_explorer.core.observation import (
    AttentionRow,
    AttentionRows,
    Attribution,
    DecisionDepth,
    Facet,
    LayerLogprobs,
    LayerTable,
    ResidualMeasures,
    Residuals,
)
from token_explorer.core.reading import Reading
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import EngineDied, EngineFault, FacetUnavailable
from token_explorer.overlays import OVERLAYS, Glance, Overlay
from token_explorer.overlays.layers import correlations, probabilities
from token_explorer.ui.choices import LAYER_MODES
from token_explorer.ui.commands import Absent, Commands
from token_explorer.ui.desk import RESTARTS, Look
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.looking import Looking
from token_explorer.ui.screens.explore import ExploreScreen
from token_explorer.ui.widgets.layers import exact

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)
LAST = len(IDS) - 1


def best(ids: TokenIds, row: int = 0) -> int:
    return int(score(ids, 30).next.ids[row])


def use(driver: Driver, name: str) -> None:
    """Use an overlay without passing others, as the palette does."""
    driver.app.use_overlay(next(overlay for overlay in OVERLAYS if overlay.name == name))


def seen(ids: TokenIds, facet: Facet[Any]) -> Any:
    return observe(ids, facet)


def expected(driver: Driver) -> Reading:
    """The reading of the overlay in use, from numbers that no screen and no desk has touched."""
    shown = driver.app.exploration
    assert shown is not None
    assert shown.overlay is not None
    ids, cursor = driver.workspace.branch.ids, driver.workspace.branch.cursor
    chosen = best(ids, driver.app.explore.table.chosen) if cursor is None else None
    heads = driver.app.settings.display.influence_heads
    origin = driver.workspace.branch.origin
    other = score(origin, 30) if shown._answers.peek(origin) else None  # keys may outrun its scores
    glance = Glance(score(ids, 30), cursor, chosen, shown.layer, LAYERS, heads, shown.sink, other)
    facet = shown.overlay.ask(glance)
    return shown.overlay.read(glance, None if facet is None else seen(ids, facet))


def check_colours(driver: Driver) -> None:
    """The prompt has the colours, and the border the legend, of the numbers."""
    reading, prompt = expected(driver), driver.app.explore.prompt
    palette = driver.app.palettes.of(reading)
    assert prompt._levels.tolist() == palette.levels(reading.places).tolist()
    assert prompt.palette == palette
    undefined = bool(np.isnan(reading.values).all())
    told = f"{reading.title} · {reading.note[:9]}" if undefined else f"{reading.title} {reading.low:.4g} "
    assert told in driver.text()
    check_paint(driver, [palette.style(level).bgcolor if level >= 0 else None for level in prompt._levels])


def check_paint(driver: Driver, colours: list[Color | None]) -> None:
    """Each token in view has its colour, and one without has the pane's own."""
    prompt = driver.app.explore.prompt
    for y in range(prompt.size.height):
        line = y + prompt.scroll_offset.y
        pieces = prompt._flow.line(line) if line < len(prompt._flow) else []
        drawn = [(char, segment.style) for segment in prompt.render_line(y) for char in segment.text]
        owned = [(char, token) for token, text in pieces for char in text]
        for (char, style), (expected, token) in zip(drawn, owned, strict=False):
            assert char == expected
            assert style is not None
            assert style.bgcolor == (colours[token] or prompt.base.bgcolor)


# When a look is asked for


class Clock:
    """Timers that ring when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Alarm] = []

    def later(self, seconds: float, ring: Callable[[], None]) -> Timer:
        alarm = Alarm(self, ring)
        self.waiting.append(alarm)
        return cast(Timer, alarm)

    def ring(self) -> None:
        (alarm,) = self.waiting
        self.waiting.clear()
        alarm.ring()


class Alarm:
    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self.clock, self.ring = clock, ring

    def stop(self) -> None:
        if self in self.clock.waiting:
            self.clock.waiting.remove(self)


LOOKS: list[Look] = [(IDS, Residuals()), (IDS, DecisionDepth()), (IDS, AttentionRow(2))]


class Watch:
    """A Looking whose moments a test chooses."""

    def __init__(self) -> None:
        self.asked: list[list[Look]] = []
        self.clock = Clock()
        self.looking = Looking(lambda looks: self.asked.append(list(looks)), self.clock.later)


def test_nothing_is_asked_before_a_moment_has_passed() -> None:
    watch = Watch()
    watch.looking.want(LOOKS)
    assert (watch.asked, watch.looking.planned) == ([], True)
    watch.clock.ring()
    assert (watch.asked, watch.looking.planned) == ([LOOKS], False)


def test_a_newer_wish_takes_the_place_of_one_that_waits() -> None:
    watch = Watch()
    for look in LOOKS:
        watch.looking.want([look])
    watch.clock.ring()
    assert watch.asked == [LOOKS[2:]]


def test_the_same_wish_again_does_not_begin_to_wait_anew() -> None:
    watch = Watch()
    watch.looking.want(LOOKS)
    alarms = list(watch.clock.waiting)
    watch.looking.want(LOOKS)
    assert watch.clock.waiting == alarms


def test_what_is_no_longer_wanted_is_stopped_at_once_and_the_rest_goes_on() -> None:
    watch = Watch()
    watch.looking.want(LOOKS[:2])
    watch.clock.ring()
    watch.looking.want(LOOKS[1:])
    assert watch.asked[1:] == [LOOKS[1:2]]
    watch.clock.ring()
    assert watch.asked[2:] == [LOOKS[1:]]


def test_a_wish_taken_back_before_it_was_asked_is_never_asked() -> None:
    watch = Watch()
    watch.looking.want(LOOKS)
    watch.looking.want([])
    assert (watch.asked, watch.clock.waiting, watch.looking.planned) == ([], [], False)


def test_what_is_answered_is_not_asked_again_and_the_rest_needs_no_new_wish() -> None:
    watch = Watch()
    watch.looking.want(LOOKS)
    watch.clock.ring()
    assert watch.looking.end(LOOKS[0])
    assert not watch.looking.end(LOOKS[0])
    watch.looking.want(LOOKS[1:])
    assert (watch.asked, watch.clock.waiting) == ([LOOKS], [])


def test_an_engine_that_gave_up_leaves_what_was_asked_and_what_was_planned() -> None:
    watch = Watch()
    watch.looking.want(LOOKS[:1])
    watch.clock.ring()
    watch.looking.want(LOOKS[:2])
    assert watch.looking.end_all() == LOOKS[:2]
    assert (watch.looking.asked, watch.looking.planned, watch.clock.waiting) == ([], False, [])


@given(st.lists(st.one_of(st.none(), st.integers(0, 2), st.lists(st.sampled_from(LOOKS))), max_size=20))
def test_in_the_end_the_last_wish_is_what_the_engine_was_asked_for(
    steps: list[int | list[Look] | None],
) -> None:
    watch, wanted, answered = Watch(), list[Look](), list[Look]()
    for step in steps:
        if step is None:
            if watch.looking.planned:
                watch.clock.ring()
        elif isinstance(step, int):
            if watch.looking.end(LOOKS[step]):
                answered.append(LOOKS[step])
            wanted = [look for look in wanted if look not in answered]
        else:
            wanted = [look for look in dict.fromkeys(step) if look not in answered]
            watch.looking.want(wanted)
    watch.looking.want(wanted)
    if watch.looking.planned:
        watch.clock.ring()
    assert watch.looking.asked == wanted


# What is drawn of the answers


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_every_overlay_colours_the_prompt_by_its_numbers(overlay: Overlay) -> None:
    @in_loop
    async def run() -> None:
        async with driving() as driver:
            use(driver, overlay.name)
            await driver.settle()
            check_colours(driver)
            for key in ("comma", "0", "full_stop", "escape", "right", "down", "left", "[", "S", "]"):
                await driver.press({"[": "left_square_bracket", "]": "right_square_bracket"}.get(key, key))
                check_colours(driver)

    run()


@in_loop
async def test_overlays_of_scores_ask_nothing_more() -> None:
    async with driving() as driver:
        for overlay in OVERLAYS:
            if overlay.needs is None:
                driver.app.use_overlay(overlay)
                await driver.press("comma", "down", "escape", "right", "left")
        assert driver.engine.observed == []


@in_loop
async def test_each_question_is_asked_once_however_often_it_is_looked_at() -> None:
    async with driving() as driver:
        use(driver, "influence")
        await driver.settle()
        await driver.press("comma", "comma", "full_stop", "escape", "right", "left")
        rows = [AttentionRow(LAST), AttentionRow(LAST - 1), AttentionRow(LAST - 2), AttentionRow(LAST + 1)]
        assert [facet for _, facet in driver.engine.observed] == rows
        await driver.press("S", "S", "d", "w", "s")
        assert len(driver.engine.observed) == 4


@in_loop
async def test_layers_of_one_answer_need_no_other_question() -> None:
    async with driving() as driver:
        use(driver, "similarity")
        await driver.settle()
        drawn = []
        for _ in range(LAYERS + 1):
            drawn.append(driver.app.explore.prompt._levels.tolist())
            await driver.press("left_square_bracket")
        measures: ResidualMeasures = seen(IDS, Residuals())
        levels = driver.app.palettes.usual.levels
        assert drawn == [levels(np.clip(row, 0.0, 1.0)).tolist() for row in measures.similarities[::-1]]
        await driver.press("left_square_bracket")
        assert driver.app.exploration is not None
        assert driver.app.exploration.layer == 0
        await driver.press(*["right_square_bracket"] * 5)
        assert driver.app.exploration.layer == LAYERS
        assert driver.engine.observed == [(IDS, Residuals())]


@in_loop
async def test_a_layer_can_not_be_chosen_where_the_overlay_shows_none() -> None:
    async with driving() as driver:
        await driver.press("right_square_bracket")
        assert "No layer to choose" in driver.said[0]
        assert "similarity" in driver.said[0]


@in_loop
async def test_attribution_is_of_the_chosen_candidate_and_of_the_token_under_the_cursor() -> None:
    async with driving() as driver:
        use(driver, "attribution")
        await driver.settle()
        await driver.press("down", "down", "comma")
        facets = [facet for _, facet in driver.engine.observed]
        places = [Attribution(len(IDS), best(IDS, row)) for row in (0, 1, 2)]
        assert facets == [*places, Attribution(LAST, IDS[LAST])]
        await driver.press("up")
        assert len(driver.engine.observed) == 4


@in_loop
async def test_signed_values_have_the_palette_of_two_hues_and_a_sign_under_the_cursor() -> None:
    async with driving(size=(160, 40)) as driver:
        use(driver, "attribution")
        await driver.settle()
        assert driver.app.explore.prompt.palette == driver.app.palettes.signed
        reading = expected(driver)
        value = float(reading.values[LAST])
        assert f"attribution {value:+.3g} logits" in driver.text()
        await driver.press("E")
        assert driver.app.explore.prompt.palette == driver.app.palettes.usual
        check_colours(driver)


@in_loop
async def test_the_number_under_the_cursor_names_its_layer_and_a_missing_one_its_reason() -> None:
    async with driving(size=(160, 40)) as driver:
        use(driver, "similarity")
        await driver.settle()
        await driver.press("comma")
        measures: ResidualMeasures = seen(IDS, Residuals())
        assert f"similarity, layer {LAYERS}: {measures.similarities[-1, LAST]:.3g}" in driver.text()
        use(driver, "influence")
        await driver.settle()
        values = expected(driver).values
        most = int(np.nanargmax(values))
        assert "no value: it comes after what attended" in driver.text()
        token = VOCABULARY[IDS[most]].shown
        assert f'most {most + 1} "{token}" {values[most]:.3g} ' in driver.text()
        await driver.pilot.resize_terminal(80, 24)
        await driver.settle()
        assert f'most {most + 1} "{token}" {values[most]:.3g} ' in driver.text()


@in_loop
async def test_the_bytes_of_a_token_are_spelled_and_long_ones_cut() -> None:
    async with driving(text="’ there", size=(160, 40)) as driver:
        await driver.press("0", "full_stop")
        assert "bytes e2" in driver.text()
        await driver.press("0")
        assert "bytes 3c 7c 73 74 61 72 74 7c …" in driver.text()


@in_loop
async def test_while_an_overlay_is_awaited_the_old_colours_stay_and_the_border_waits() -> None:
    async with driving() as driver:
        await driver.press("e", "e")
        before = driver.app.explore.prompt._levels.tolist()
        driver.engine.hold()
        await driver.pilot.press("e")
        await driver.begun()
        await driver.pilot.pause()
        assert driver.app.explore.prompt._levels.tolist() == before
        assert "influence … " in driver.text()
        driver.engine.release()
        await driver.settle()
        check_colours(driver)


@in_loop
async def test_how_many_heads_are_averaged_is_a_setting() -> None:
    drawn = []
    for heads in (1, LAYERS * HEADS):
        async with driving(settings=Settings(display=DisplaySettings(influence_heads=heads))) as driver:
            use(driver, "influence")
            await driver.settle()
            rows: AttentionRows = seen(IDS, AttentionRow(LAST))
            order = np.argsort(-rows.variances, kind="stable")[:heads]
            mean = rows.weights[order].mean(0, dtype=np.float64)
            places = (mean / mean.max()).astype(np.float32)
            assert (
                driver.app.explore.prompt._levels.tolist()
                == driver.app.palettes.usual.levels(places).tolist()
            )
            drawn.append(driver.app.explore.prompt._levels.tolist())
    assert drawn[0] != drawn[1]


# The latest wins, and scores go first


@in_loop
async def test_of_many_places_passed_only_the_last_is_looked_at() -> None:
    async with driving() as driver:
        driver.engine.hold()
        use(driver, "influence")
        await driver.begun()
        await driver.pilot.press(*["comma"] * 5)
        driver.engine.release()
        await driver.settle()
        last = (IDS, AttentionRow(LAST - 5))
        assert driver.engine.observed[-1] == last
        assert IDS in driver.engine.stopped
        check_colours(driver)
        shown = driver.app.exploration
        assert shown is not None
        answered = [shown.known(AttentionRow(LAST - step)) is not None for step in range(6)]
        assert answered == [False] * 5 + [True]


@in_loop
async def test_a_score_stops_a_look_which_is_taken_again_when_it_is_wanted_again() -> None:
    async with driving() as driver:
        driver.engine.hold()
        use(driver, "similarity")
        await driver.begun()
        await driver.pilot.press("right")
        await driver.begun()
        assert driver.engine.stopped == [IDS]
        driver.engine.release()
        await driver.settle()
        longer = (*IDS, best(IDS))
        assert driver.engine.observed == [(IDS, Residuals()), (longer, Residuals())]
        check_colours(driver)
        await driver.press("left")
        assert driver.engine.observed[2:] == [(IDS, Residuals())]
        check_colours(driver)


@in_loop
async def test_the_appends_of_a_held_key_look_at_the_last_prompt_alone() -> None:
    async with driving() as driver:
        use(driver, "similarity")
        await driver.settle()
        driver.engine.hold()
        await driver.pilot.press("right", "right", "right")
        driver.engine.release()
        await driver.settle()
        assert len(driver.workspace.branch.ids) == len(IDS) + 3
        assert [ids for ids, _ in driver.engine.observed] == [IDS, driver.workspace.branch.ids]


class Deaf(FakeEngine):
    """An engine that answers looks even where it was asked to stop."""

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        return super().observe(ids, facet, Stop())


@in_loop
async def test_a_late_answer_of_a_prompt_that_was_left_is_kept_and_not_drawn() -> None:
    async with driving(Deaf()) as driver:
        driver.engine.hold()
        use(driver, "similarity")
        await driver.begun()
        await driver.pilot.press("left")
        driver.engine.release()
        await driver.settle()
        assert driver.workspace.branch.ids == IDS[:-1]
        check_colours(driver)
        asked = len(driver.engine.observed)
        await driver.press("u")
        check_colours(driver)
        assert len(driver.engine.observed) == asked


# What can't be seen


def lacking(**lacks: str) -> FakeEngine:
    engine = FakeEngine()
    engine.lacks = cast(Any, lacks)
    return engine


@in_loop
async def test_what_the_model_lacks_is_said_in_the_place_of_the_legend() -> None:
    async with driving(lacking(attention="its heads are [/b]\x1b fused")) as driver:
        await driver.press("e", "e", "e")
        assert "influence · its heads are [/b]␛ fused" in driver.text()
        assert set(driver.app.explore.prompt._levels.tolist()) == {-1}
        await driver.press("comma", "right")
        assert driver.engine.observed == []
        await driver.press("E")
        assert set(driver.app.explore.prompt._levels.tolist()) != {-1}


@in_loop
async def test_an_error_is_said_once_and_stays_in_the_border() -> None:
    async with driving() as driver:
        driver.engine.observe_error = FacetUnavailable("No depth", "the lens [/b] is broken.", "Mend it.")
        use(driver, "depth")
        await driver.settle()
        assert driver.said[0] == "No depth: the lens [/b] is broken.\nMend it."
        assert "depth · No depth: the lens [/b] is broken." in driver.text()
        assert set(driver.app.explore.prompt._levels.tolist()) == {-1}
        driver.app.clear_notifications()
        await driver.press("down", "comma", "escape", "E", "e", "right", "left")
        assert driver.said == []
        assert len(set(driver.engine.observed)) == len(driver.engine.observed)


@in_loop
async def test_an_engine_that_dies_of_a_look_comes_back_and_is_asked_again() -> None:
    async with driving() as driver:
        driver.engine.die_idle()
        use(driver, "similarity")
        await driver.settle()
        check_colours(driver)
        assert driver.engine.calls.count("load_model") == 2


@in_loop
async def test_a_look_that_the_engine_goes_on_dying_of_is_said_and_left() -> None:
    engine = FakeEngine()
    with dying_of_looks(engine, RESTARTS + 1):
        async with driving(engine) as driver:
            use(driver, "similarity")
            await driver.settle()
            assert "keeps dying" in driver.said[0]
            assert "similarity · The engine keeps dying" in driver.text()
            await driver.press("down", "up")
            assert engine.calls.count("load_model") == 1 + RESTARTS
            await driver.press("right")
            check_colours(driver)
            await driver.press("left")
            check_colours(driver)


@contextmanager
def dying_of_looks(engine: FakeEngine, times: int) -> Iterator[None]:
    """Have an engine die of so many of the next looks that the user waits for."""
    observed, left = engine.observe, [times]

    def dying(ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        if left[0] and not isinstance(facet, Ahead):
            left[0] -= 1
            raise EngineDied("The engine's process ended", "signal 9 (Killed).")
        return observed(ids, facet, stop)

    engine.observe = dying  # type: ignore[method-assign]
    yield


# Layers in the table


def layers(ids: TokenIds) -> LayerTable:
    table: LayerTable = seen(ids, LayerLogprobs(len(ids), tuple(score(ids, 30).next.ids.tolist())))
    return table


def drawn_grid(driver: Driver) -> list[list[float]] | None:
    """The grid that the table was last told to draw."""
    shown = driver.app.explore._layers
    return None if shown is None or shown[0] is None else shown[0].values.tolist()


@in_loop
async def test_p_goes_from_none_to_probabilities_to_correlations_and_around() -> None:
    async with driving(settings=Settings(display=DisplaySettings(layer_prob=True))) as driver:
        for grid in (probabilities(layers(IDS)), correlations(layers(IDS)), None, probabilities(layers(IDS))):
            await driver.press("p")
            assert drawn_grid(driver) == (None if grid is None else grid.values.tolist())
            assert (grid is not None and grid.title in driver.text()) or grid is None
        assert len(driver.engine.observed) == 1
        await driver.press("right")
        longer = (*IDS, best(IDS))
        assert drawn_grid(driver) == probabilities(layers(longer)).values.tolist()
        assert driver.engine.observed[1:] == [
            (longer, LayerLogprobs(len(longer), tuple(score(longer, 30).next.ids.tolist())))
        ]


@in_loop
async def test_layers_that_are_not_enabled_are_explained_and_p_again_switches_them_on() -> None:
    async with driving() as driver:
        await driver.press("p")
        assert "Press p again" in driver.said[0]
        assert "layer probability" not in driver.text()
        await driver.press("down", "p")
        assert drawn_grid(driver) == probabilities(layers(IDS)).values.tolist()
        assert driver.said == [], "what was offered has been taken"
        await driver.press("p", "p", "p")
        assert drawn_grid(driver) == probabilities(layers(IDS)).values.tolist()


@in_loop
async def test_the_layers_of_the_chosen_row_are_told_in_numbers() -> None:
    async with driving(settings=Settings(display=DisplaySettings(layer_prob=True))) as driver:
        await driver.press("p", "down", "down")
        grid = probabilities(layers(IDS))
        assert "".join(part.text for part in exact(grid, 2)[0]).strip() in driver.text()


@in_loop
async def test_a_model_without_a_lens_says_so_for_the_key_p() -> None:
    async with driving(lacking(lens="its norm isn't known")) as driver:
        await driver.press("p")
        assert driver.said[0] == "No layers here: its norm isn't known"
        await driver.press("p")
        assert driver.engine.observed == []


@in_loop
async def test_layers_that_can_not_be_had_are_told_below_the_table() -> None:
    async with driving(settings=Settings(display=DisplaySettings(layer_prob=True))) as driver:
        driver.engine.observe_error = EngineFault("The engine failed", "once.")
        await driver.press("p")
        assert "The engine failed: once." in driver.said[0]
        driver.app.clear_notifications()
        await driver.settle()
        assert "no layers: The engine failed: once." in driver.text()
        driver.engine.observe_error = None
        await driver.press("right")
        assert "no layers" not in driver.text()


# Sink, pin, checks


@in_loop
async def test_the_sink_is_left_out_of_the_scale_and_let_in_again() -> None:
    async with driving() as driver:
        use(driver, "influence")
        await driver.settle()
        before = driver.app.explore.prompt._levels.tolist()
        await driver.press("S")
        check_colours(driver)
        assert "the first token is left out of the scale" in driver.text()
        await driver.press("S")
        assert driver.app.explore.prompt._levels.tolist() == before
        assert driver.said == []
        await driver.press("e", "S")
        assert "is left out of the scale of the influence overlay" in driver.said[0]


@in_loop
async def test_space_pins_the_chosen_token_and_unpins_it() -> None:
    async with driving() as driver:
        assert driver.app.exploration is not None
        await driver.press("down", "space")
        assert driver.app.exploration.pin == best(IDS, 1)
        assert "· pinned " in driver.text()
        await driver.press("down", "space")
        assert driver.app.exploration.pin == best(IDS, 2)
        await driver.press("space")
        assert driver.app.exploration.pin is None
        assert "pinned" not in driver.text()


@in_loop
async def test_nothing_is_pinned_while_the_candidates_are_not_known() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right", "space")
        assert "Nothing to pin" in driver.said[0]


@pytest.mark.parametrize("size", [(120, 24), (80, 24)])
def test_the_title_tells_of_checks_that_hold_and_more_of_those_that_fail(size: tuple[int, int]) -> None:
    @in_loop
    async def run() -> None:
        async with driving(size=size) as driver:
            assert "✓ 1/1 checks" in driver.lines()[0]
        engine = FakeEngine()
        bad = Check("lens", float("nan"), 1e-3)
        engine.info = replace(engine.info, model="m" * 60)
        engine.checks = (*engine.checks, bad)
        async with driving(engine, size=size) as driver:
            assert "✗ 1/2 checks" in driver.lines()[0]
            assert "token-explorer doctor" not in driver.lines()[0]  # such a long name leaves no room
        engine.info = replace(engine.info, model="m")
        async with driving(engine, size=size) as driver:
            told = ": token-explorer doctor" if size[0] == 120 else ""
            assert f"✗ 1/2 checks{told} " in driver.lines()[0]
        engine.checks = ()
        async with driving(engine, size=size) as driver:
            assert "checks" not in driver.lines()[0]

    run()


# The command palette


def commands(driver: Driver) -> dict[str, SystemCommand]:
    return {command.title: command for command in driver.app.get_system_commands(driver.app.screen)}


@in_loop
async def test_the_palette_has_every_overlay_and_way_to_show_layers() -> None:
    async with driving() as driver:
        listed = commands(driver)
        for overlay in OVERLAYS:
            assert listed[f"Overlay: {overlay.name}"].help == overlay.help
        listed["Overlay: similarity"].callback()
        await driver.settle()
        check_colours(driver)
        for mode in LAYER_MODES:
            listed[f"Layers: {mode}"].callback()
            await driver.settle()
            assert driver.app.exploration is not None
            assert driver.app.exploration.layer_mode == mode
        listed["Overlay: text"].callback()
        assert set(driver.app.explore.prompt._levels.tolist()) == {-1}


@in_loop
async def test_what_the_model_lacks_is_dim_in_the_palette_and_says_why() -> None:
    engine = lacking(attention="fused [/b]", lens="no norm")
    async with driving(engine) as driver:
        listed = commands(driver)
        absent = {title for title, command in listed.items() if isinstance(command, Absent)}
        lacked = {f"Overlay: {each.name}" for each in OVERLAYS if each.needs and each.needs in engine.lacks}
        layered = {"Layers: probabilities", "Layers: correlations"}
        keys = {"Open the logit lens", "Open the attention maps", "Layers: none, probabilities, correlations"}
        assert absent == {*lacked, *layered, *keys}
        assert listed["Overlay: influence"].help == "not here: fused [/b]"
        listed["Overlay: influence"].callback()
        await driver.settle()
        assert driver.said[0] == "Overlay: influence: fused [/b]"
        assert driver.app.exploration is not None
        assert driver.app.exploration.overlay is None


def is_dim(prompt: object) -> bool:
    """Whether a title is dim to its first character."""
    assert isinstance(prompt, Content)
    return any(span.style == "dim" and span.start == 0 for span in prompt.spans)


@in_loop
async def test_the_palette_is_searched_and_drawn_literally() -> None:
    async with driving(lacking(attention="fused [/b]"), size=(100, 40)) as driver:
        await driver.pilot.press("ctrl+p")
        for key in "influence":
            await driver.pilot.press(key)
        while "not here: fused [/b]" not in driver.text():
            await driver.pilot.pause()
        dim = [hit async for hit in Commands(driver.app.screen).search("influence")]
        bright = [hit async for hit in Commands(driver.app.screen).search("Overlay: entropy")]
        assert [is_dim(hit.prompt) for hit in (*dim, *bright)] == [True, False]
        await driver.pilot.press("escape")


@in_loop
async def test_a_command_chosen_in_the_palette_is_done() -> None:
    async with driving(size=(100, 40)) as driver:
        await driver.pilot.press("ctrl+p", *"similarity")
        while "Overlay: similarity" not in driver.text():
            await driver.pilot.pause()
        await driver.pilot.press("enter")
        while driver.app.exploration is None or driver.app.exploration.overlay is None:
            await driver.pilot.press("enter")
        await driver.settle()
        check_colours(driver)


# Any keys


KEYS = (
    *("right", "left", "down", "up", "d", "a", "w", "s", "u", "U", "ctrl+r", "escape", "end", "home"),
    *("comma", "full_stop", "0", "less_than_sign", "e", "E", "p", "S", "space"),
    *("left_square_bracket", "right_square_bracket"),
)


def picture(screen: ExploreScreen) -> dict[str, object]:
    """What is drawn, but for what depends on the way there: times, reuse, how high the pane once was."""
    table = screen.table
    return {
        "tokens": screen.prompt._tokens.ids,
        "cursor": screen.prompt._tokens.cursor,
        "levels": screen.prompt._levels.tolist(),
        "looks": list(map(screen.prompt._look, range(len(screen.prompt._tokens.ids)))),
        "legend": (screen._prompt_bottom._left, screen._prompt_bottom._rights),
        "table": [table._paint(row, 90) for row in range(len(table.rows))],
        "chosen": table.chosen,
        "frame": (screen._table_top._left, screen._table_top._rights, screen._table_bottom._rights),
    }


async def straight_to(fresh: Driver, state: Exploration) -> None:
    """Bring a fresh explorer to a state without its history."""
    shown = fresh.app.exploration
    assert shown is not None
    shown.change(lambda _: state.workspace)
    origin = state.workspace.branch.origin
    if state._answers.peek(origin):
        shown.take(score(origin, 30))  # what an overlay may compare with
    shown.use_overlay(state.overlay)
    shown._layer, shown.sink, shown.pin = state._layer, state.sink, state.pin
    shown.layer_mode = state.layer_mode
    shown.outlook = state.outlook  # with what was seen of rows that were chosen on the way
    fresh.app.show()
    await fresh.settle()
    fresh.app.explore.table.choose(state.row)
    await fresh.settle()


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(KEYS), max_size=30), st.booleans(), st.sampled_from(OVERLAYS))
def test_any_keys_lead_to_the_screen_that_a_fresh_run_shows_of_the_same_state(
    keys: list[str], patient: bool, overlay: Overlay
) -> None:
    @in_loop
    async def run() -> None:
        wanted = Settings(display=DisplaySettings(layer_prob=True))
        async with driving(size=(100, 30), settings=wanted) as driver:
            driver.app.use_overlay(overlay)
            for key in keys:
                await (driver.press(key) if patient else driver.pilot.press(key))
            await driver.settle()
            state = driver.app.exploration
            assert state is not None
            if state.overlay is not None:
                check_colours(driver)
            async with driving(size=(100, 30), settings=wanted) as fresh:
                await straight_to(fresh, state)
                assert picture(driver.app.explore) == picture(fresh.app.explore)
        assert len(set(driver.engine.observed)) == len(driver.engine.observed) or not patient

    run()
