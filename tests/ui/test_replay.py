"""A recording in the explorer: walked by its keys, and never a number on the screen that wasn't recorded."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes import VOCABULARY, FakeEngine, score
from tests.replayed import IDS, recorded
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.truth import check, shown
from token_explorer.core.engine import EngineInfo, Report, Stop
from token_explorer.core.generation import Generated, Plan
from token_explorer.core.listing import Listed, of_candidates
from token_explorer.core.observation import Facet, Likeliest
from token_explorer.core.scores import Scores
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results import figures
from token_explorer.trace.recorded import RecordedEngine, start_of

TRACE = recorded()
WHOLE = TRACE.ids + TRACE.written
OWN, END = len(IDS), len(WHOLE)


class Replay(FakeEngine):
    """The engine of a recording, with what the driver of these tests holds on to."""

    def __init__(self) -> None:
        super().__init__()
        self.recorded = RecordedEngine(TRACE)

    def load_tokenizer(self, report: Report) -> Vocabulary:
        return self.recorded.load_tokenizer(report)

    def load_model(self, report: Report) -> EngineInfo:
        return self.recorded.load_model(report)

    def prove(self, stop: Stop) -> EngineInfo:
        return self.recorded.prove(stop)

    def encode(self, text: str) -> TokenIds:
        return self.recorded.encode(text)

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        return self.recorded.score(ids, top_k, stop)

    def observe(self, ids: TokenIds, facet: Facet[object], stop: Stop) -> object:  # type: ignore[override]
        return self.recorded.observe(ids, facet, stop)

    def generate(self, ids: TokenIds, plan: Plan, tell: object, stop: Stop) -> Generated:
        return self.recorded.generate(ids, plan, tell, stop)  # type: ignore[arg-type]


def replaying(size: tuple[int, int] = (120, 40)):  # type: ignore[no-untyped-def]
    """The explorer on the recording."""
    return driving(Replay(), start_of(TRACE), size)


def at(driver: Driver) -> tuple[TokenIds, int | None]:
    branch = driver.workspace.branch
    return branch.ids, branch.cursor


def in_trace(driver: Driver) -> bool:
    ids, _ = at(driver)
    return WHOLE[: len(ids)] == ids


def listed_at(place: int) -> Listed | None:
    """What was recorded to come in a place."""
    if place == END:
        return None if TRACE.next is None else of_candidates(TRACE.next)
    return TRACE.steps[place - OWN].listed


def check_replay(driver: Driver) -> None:
    """The scores and the table are what was recorded, or there are none."""
    ids, cursor = at(driver)
    state, rows = shown(driver), driver.app.explore.table.rows
    if not in_trace(driver):
        assert state.scores is None
        assert not rows
        return
    check_scores(state.scores, len(ids))
    place = len(ids) if cursor is None else cursor
    if place == 0 or (cursor is not None and place < OWN):
        assert not rows
    elif place < OWN:
        assert [(row.id, row.rank) for row in rows] == [(ids_after(place), TRACE.prompt.ranks[place])]
        assert rows[0].logprob == float(TRACE.prompt.logprobs[place])
    else:
        check_rows(driver, listed_at(place))


def ids_after(place: int) -> int:
    return WHOLE[place]


def check_scores(scores: Scores | None, length: int) -> None:
    """How expected each token was is what was recorded, to the last digit."""
    assert scores is not None
    assert scores.ids == WHOLE[:length]
    own = min(length, OWN)
    np.testing.assert_array_equal(scores.logprobs[:own], TRACE.prompt.logprobs[:own])
    np.testing.assert_array_equal(scores.entropies[:own], TRACE.prompt.entropies[:own])
    assert scores.ranks[:own].tolist() == TRACE.prompt.ranks[:own].tolist()
    for step in TRACE.steps[: max(0, length - OWN)]:
        assert step.listed is not None
        (taken,) = np.flatnonzero(step.listed.ids == step.token)
        assert scores.logprobs[step.place] == step.listed.logprobs[taken]
        assert scores.ranks[step.place] == step.listed.ranks[taken]
        assert scores.entropies[step.place] == np.float32(step.listed.entropy)


def check_rows(driver: Driver, listed: Listed | None) -> None:
    """The table has the recorded rows, the token that was taken marked."""
    table = driver.app.explore.table
    assert listed is not None
    assert not table.stale
    assert [row.id for row in table.rows] == listed.ids.tolist()
    assert [row.rank for row in table.rows] == listed.ranks.tolist()
    assert [row.logprob for row in table.rows] == listed.logprobs.tolist()
    assert [row.id for row in table.rows if row.actual] == ([] if listed.actual is None else [listed.actual])
    np.testing.assert_allclose([row.cumulative for row in table.rows], listed.cumulative, atol=1e-6)


# Walking


@in_loop
async def test_it_opens_at_the_end_of_the_recorded_text_with_what_may_follow() -> None:
    async with replaying() as driver:
        assert at(driver) == (WHOLE, None)
        check_replay(driver)
        text = driver.text()
        assert f"{END} tokens · {END} cached" in text
        assert "fake-model · cpu · float32" in text
        assert f"recorded {TRACE.timings.started[:10]}" in text


@in_loop
async def test_the_cursor_walks_over_recorded_tokens_with_their_recorded_alternatives() -> None:
    async with replaying() as driver:
        for place in range(END - 1, -1, -1):
            await driver.press("comma")
            assert at(driver) == (WHOLE, place)
            check_replay(driver)
            text = driver.text()
            if place:
                assert f"rank {score(WHOLE, 1).ranks[place]:,}" in text
            if 0 < place < OWN:
                assert "No alternatives in the prompt: the trace lists them only for what was written" in text
        assert driver.said == []


@in_loop
async def test_back_and_on_walk_along_the_recording_to_its_end() -> None:
    async with replaying() as driver:
        for length in range(END - 1, 0, -1):
            await driver.press("h")
            assert at(driver) == (WHOLE[:length], None)
            check_replay(driver)
            (chosen,) = (row for row in driver.app.explore.table.rows if row.actual)
            assert chosen.id == shown(driver).chosen == WHOLE[length]
            assert f'went on with "{VOCABULARY[WHOLE[length]].shown}"' in driver.text()
        for length in range(2, END + 1):
            await driver.press("right")
            assert at(driver) == (WHOLE[:length], None)
            check_replay(driver)
        assert driver.said == []


@in_loop
async def test_reset_goes_to_the_end_of_the_recorded_prompt() -> None:
    async with replaying() as driver:
        await driver.press("ctrl+r")
        assert at(driver) == (IDS, None)
        check_replay(driver)
        await driver.press("u")
        assert at(driver) == (WHOLE, None)


@in_loop
async def test_the_recording_is_played_by_the_keys_that_have_a_model_write() -> None:
    async with replaying() as driver:
        await driver.press("ctrl+r", "n")
        assert at(driver) == (WHOLE[: OWN + 1], None)
        await driver.press("G")
        assert at(driver) == (WHOLE, None)
        check_replay(driver)
        assert driver.said[0].startswith("The recording ends here")


@in_loop
async def test_another_candidate_leads_out_of_the_trace_and_the_way_back_is_said() -> None:
    async with replaying() as driver:
        await driver.press("h", "h")
        other = next(row for row in driver.app.explore.table.rows if not row.actual)
        driver.app.explore.table.choose(driver.app.explore.table.rows.index(other))
        await driver.press("right")
        assert at(driver) == ((*WHOLE[: END - 2], other.id), None)
        check_replay(driver)
        assert "Not in this trace" in driver.text()
        assert "--model NAME" in driver.said[0]
        await driver.press("h")
        assert at(driver) == (WHOLE[: END - 2], None)
        check_replay(driver)
        assert shown(driver).chosen == WHOLE[END - 2]


@in_loop
async def test_what_the_trace_does_not_hold_is_said_by_its_key() -> None:
    async with replaying() as driver:
        for key, what in {
            "slash": "No search here: the trace holds only the likeliest tokens",
            "T": "No sampler here: the trace holds only the likeliest tokens",
            "L": "No lens here: the trace holds nothing of the layers",
            "A": "No attention here: the trace holds no attention",
            "v": "No edit here: the trace holds no tokenizer",
            "c": "No chat here: the trace holds no chat template",
            "R": "Not in this trace: the trace holds no tokenizer",
        }.items():
            await driver.press(key)
            assert driver.said[0].startswith(what), key
            assert "--model NAME" in driver.said[0]
        assert at(driver) == (WHOLE, None)


@in_loop
async def test_typed_text_can_not_be_cut_and_nothing_is_appended() -> None:
    async with replaying() as driver:
        await driver.press("i", "a", "enter")
        assert driver.said[0].startswith("Not in this trace: the trace holds no tokenizer")
        assert at(driver) == (WHOLE, None)


@in_loop
async def test_overlays_of_scores_colour_a_recording() -> None:
    async with replaying() as driver:
        for name in ("probability", "entropy"):
            await driver.press("e")
            reading = shown(driver).view().reading
            assert reading is not None
            assert reading.key == name
            check_replay(driver)
        await driver.press("e")
        assert "influence · the trace holds no attention" in driver.text()


@in_loop
async def test_it_walks_in_a_small_terminal() -> None:
    async with replaying((80, 24)) as driver:
        there, back = ["comma", "h"], ["full_stop", "l"]
        for way, other in zip(there, back, strict=True):
            await driver.press(*[way] * (END - 1))
            check_replay(driver)
            await driver.press(*[other] * (END - 1))
        assert at(driver) == (WHOLE, None)
        check_replay(driver)


STEPS = st.sampled_from(
    [
        *[(key,) for key in "hhhlljkn,.,.0duUasweyp<>{}()=TNGRx"],
        *[(key,) for key in ("ctrl+r", "escape", "end", "home", "space", "slash", "left_square_bracket")],
        ("i", "a", "enter"),
        ("colon", *"go 3", "enter"),
        ("colon", *"seed 7", "enter"),
        ("colon", *"run 2", "enter"),
        ("r",),
        ("L",),
        ("t", "escape"),
    ]
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=4, max_size=14))
@in_loop
async def test_any_keys_show_recorded_numbers_or_none(steps: list[tuple[str, ...]]) -> None:
    async with replaying() as driver:
        for step in steps:
            await driver.press(*("space" if key == " " else key for key in step))
            check_replay(driver)
        table = driver.app.explore.table
        drawn = [table.render_line(y).text for y in range(1, table.size.height)]
        recorded = [figures.probability(row.logprob) for row in table.rows]
        assert all(any(each in line for each in recorded) for line in drawn if table.rows and line.strip())


# A live model on recorded tokens


@in_loop
async def test_a_live_model_opens_the_recorded_tokens_and_cuts_no_text() -> None:
    async with driving(FakeEngine(), start_of(TRACE)) as driver:
        assert at(driver) == (WHOLE, None)
        check(driver)
        assert "encode" not in driver.engine.calls
        await driver.press("h")
        (row,) = (row for row in driver.app.explore.table.rows if row.actual)
        assert row.id == WHOLE[-1]
        assert row.rank == score(WHOLE, 1).ranks[-1]
        await driver.press("home", "right")
        assert at(driver) == ((*WHOLE[:-1], int(score(WHOLE[:-1], 1).next.ids[0])), None)
        check(driver)
        await driver.press("ctrl+r")
        assert at(driver) == (IDS, None)


@in_loop
async def test_a_model_with_other_tokens_ends_the_program_in_words() -> None:
    start = Start(WHOLE, OWN, {**start_of(TRACE).pieces, WHOLE[-1]: b"else"})
    async with driving(FakeEngine(), start) as driver:
        error = driver.app.fatal
        assert error is not None
        assert error.exit_code == 2
        assert "Another model's tokens" in str(error)


# An engine that knows only the likeliest tokens


def limited() -> FakeEngine:
    engine = FakeEngine()
    engine.lacks = {"distribution": "the server lists 20 tokens"}
    return engine


@in_loop
async def test_an_engine_without_distributions_lists_the_likeliest_at_each_token() -> None:
    async with driving(limited(), "Once upon a time, there was a") as driver:
        ids, ranks = driver.workspace.branch.ids, score(driver.workspace.branch.ids, 1).ranks
        for place in range(len(ids) - 1, 0, -1):
            await driver.press("comma")
            table, best = driver.app.explore.table, score(ids[:place], 30).next
            assert [row.id for row in table.rows][:30] == best.ids.tolist()
            (actual,) = (row for row in table.rows if row.actual)
            assert (actual.id, actual.rank) == (ids[place], ranks[place])
            assert actual.logprob == float(score(ids, 1).logprobs[place])
            assert len(table.rows) == 30 + (ranks[place] > 30)
        assert {facet for _, facet in driver.engine.light if facet.kind == "candidates"} == {
            Likeliest(place, 30) for place in range(1, len(ids))
        }
        await driver.press("r", "slash")
        assert driver.said[0] == "No search here: the server lists 20 tokens"


@in_loop
async def test_a_sampler_or_search_that_was_on_before_the_engine_told_what_it_lacks_is_off() -> None:
    engine = limited()
    engine.hold_loading()
    async with driving(engine, settled=False) as driver:
        while driver.app.exploration is None:
            await driver.pilot.pause()
        await driver.pilot.press("T", "slash", "a", "enter")
        engine.release_loading()
        await driver.settle()
        assert not shown(driver).sampler_on
        assert shown(driver).query is None
        check(driver)
