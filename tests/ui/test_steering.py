"""Steering on a fake engine: alternatives, searches, samplers, runs, jumps and text, as keys reach them."""

import re
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from textual import events
from textual.keys import _character_to_key

from tests.fakes import VOCABULARY, FakeEngine, distribution, encode, score, token_of
from tests.ui.driving import Driver, driving, in_loop
from tests.ui.truth import check, shown
from token_explorer.config import RunSettings, Settings
from token_explorer.core.cuts import Encoding, Recut
from token_explorer.core.generation import Plan
from token_explorer.core.observation import Following
from token_explorer.core.sampling import Sampler, draw, reshape
from token_explorer.core.search import Query
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import FacetUnavailable, InputError

TEXT = "Once upon a time, there was a"
IDS = encode(TEXT)


# Alternatives at any token


@in_loop
async def test_at_a_token_the_table_shows_what_produced_it_and_scores_nothing() -> None:
    async with driving() as driver:
        for place in range(len(IDS) - 1, 0, -1):
            await driver.press("comma")
            assert driver.workspace.branch.cursor == place
            check(driver)
            (actual,) = (row for row in driver.app.explore.table.rows if row.actual)
            assert actual.id == IDS[place]
            assert actual.rank == score(IDS, 1).ranks[place]
        assert driver.engine.scored == [IDS]
        assert {facet for _, facet in driver.engine.light} == {Following(n) for n in range(1, len(IDS))}
        assert driver.engine.observed == []


@in_loop
async def test_a_place_seen_before_asks_the_engine_nothing() -> None:
    async with driving() as driver:
        await driver.press("comma", "comma", "full_stop", "comma", "escape", "comma")
        assert [facet for _, facet in driver.engine.light] == [
            Following(len(IDS) - 1),
            Following(len(IDS) - 2),
        ]


@in_loop
async def test_the_first_token_has_no_alternatives_and_the_table_says_so() -> None:
    async with driving() as driver:
        await driver.press("0")
        check(driver)
        assert "Nothing comes before the first token" in driver.text()
        await driver.press("right")
        assert len(driver.workspace.branches) == 1
        assert driver.said[0].startswith("No other first token")


@in_loop
async def test_a_click_on_a_token_shows_what_else_could_stand_there_and_one_on_a_row_takes_it() -> None:
    async with driving() as driver:
        await driver.pilot.click("#prompt", offset=(len("│ <|start|>Once up"), 0))
        await driver.settle()
        assert driver.workspace.branch.cursor == 2
        check(driver)
        for _ in range(2):  # the first click chooses a row, the second takes it
            await driver.pilot.click("#candidates", offset=(10, 4))
            await driver.settle()
        assert driver.workspace.branch.ids == (*IDS[:2], int(score(IDS[:2], 30).next.ids[3]))
        assert driver.workspace.branches[0].ids == IDS
        check(driver)


@in_loop
async def test_append_at_a_token_goes_on_from_it_in_a_copy() -> None:
    async with driving() as driver:
        await driver.press("comma", "comma", "down", "enter")
        place = len(IDS) - 2
        token = int(score(IDS[:place], 30).next.ids[1])
        assert driver.workspace.branch.ids == (*IDS[:place], token)
        assert driver.workspace.branch.origin == IDS
        assert [branch.ids for branch in driver.workspace.branches] == [IDS, (*IDS[:place], token)]
        check(driver)
        await driver.press("u")
        assert [branch.ids for branch in driver.workspace.branches] == [IDS]
        assert driver.workspace.branch.cursor == place
        check(driver)


@in_loop
async def test_replace_keeps_what_follows_and_asks_for_its_scores_once() -> None:
    async with driving() as driver:
        await driver.press("comma", "comma", "comma", "down", "r")
        place = len(IDS) - 3
        token = int(score(IDS[:place], 30).next.ids[1])
        changed = (*IDS[:place], token, *IDS[place + 1 :])
        assert driver.workspace.branch.ids == changed
        assert driver.workspace.branch.cursor == place
        assert driver.engine.scored == [IDS, changed]
        check(driver)
        await driver.press("u", "U", "w", "s")
        assert driver.engine.scored == [IDS, changed]
        check(driver)


@in_loop
async def test_replacing_needs_a_token_and_another_one() -> None:
    async with driving() as driver:
        await driver.press("r")
        assert driver.said[0].startswith("Nothing to replace: no token of the prompt is looked at")
        await driver.press("comma")
        rows = driver.app.explore.table.rows
        driver.app.explore.table.choose(next(n for n, row in enumerate(rows) if row.actual))
        await driver.press("r")
        assert driver.said[0].startswith("Nothing to replace: the chosen token is the one")
        assert len(driver.workspace.branches) == 1


@in_loop
async def test_an_append_that_comes_before_the_table_takes_the_likeliest_there() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("comma", "right")
        driver.engine.release()
        await driver.settle()
        place = len(IDS) - 1
        assert driver.workspace.branch.ids == (*IDS[:place], int(score(IDS[:place], 1).next.ids[0]))


@in_loop
async def test_a_model_that_gives_no_whole_distribution_says_so_at_a_token() -> None:
    engine = FakeEngine()
    why = "the server lists 20 tokens"
    engine.lacks = {"distribution": why, "candidates": why}
    async with driving(engine) as driver:
        await driver.press("comma")
        assert "No alternatives here: the server lists 20 tokens" in driver.text()
        await driver.press("escape")
        check(driver)
        await driver.press("slash")
        assert driver.said[0] == "No search here: the server lists 20 tokens"
        await driver.press("T")
        assert driver.said[0] == "No sampler here: the server lists 20 tokens"
        assert not shown(driver).sampler_on


# Search


@in_loop
async def test_typing_filters_the_whole_vocabulary_with_true_ranks() -> None:
    async with driving() as driver:
        await driver.press("slash", *"th")
        assert shown(driver).query == Query("th")
        check(driver)
        assert {row.id for row in driver.app.explore.table.rows} >= {token_of(" the"), token_of(" there")}
        await driver.press("e", "enter")
        check(driver)
        assert shown(driver).query == Query("the")
        await driver.press("right")
        assert driver.workspace.branch.ids[-1] in (token_of(" the"), token_of(" there"))
        check(driver)  # the search holds for the next table too
        await driver.press("escape")
        assert shown(driver).query is None
        check(driver)


@in_loop
async def test_the_hint_offers_ids_only_where_they_are_read_as_such() -> None:
    async with driving() as driver:
        await driver.press("slash")
        for mode, offered in (("any case", True), ("as typed", True), ("regular expression", False)):
            assert mode in driver.lines()[-2]
            assert ("#id" in driver.lines()[-2]) == offered
            await driver.press("tab")


@in_loop
async def test_leaving_the_search_shows_all_again() -> None:
    async with driving() as driver:
        await driver.press("slash", *"girl", "escape")
        assert shown(driver).query is None
        check(driver)
        assert driver.workspace.branch.ids == IDS


@in_loop
async def test_a_bad_expression_is_told_and_the_last_table_stays() -> None:
    async with driving() as driver:
        await driver.press("slash", "tab", "tab", *"a(")
        assert "Bad regular expression" in driver.text()
        assert shown(driver).query == Query("a", "regex")
        check(driver)
        await driver.press("backspace")
        assert "Bad regular expression" not in driver.text()


@in_loop
async def test_an_expression_that_is_too_slow_is_told_and_not_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(self: Query, vocabulary: Vocabulary) -> NDArray[np.bool_]:
        raise InputError("Search too slow", f"{self.text} takes too long.")

    async with driving() as driver:
        monkeypatch.setattr(Query, "matches", slow)
        await driver.press("slash", "tab", "tab", "a")
        assert "Search too slow" in driver.text()
        assert shown(driver).query is None
        driver.app.obey("find-regex b")
        await driver.settle()
        assert driver.said[0].startswith("Search too slow")
        monkeypatch.undo()
        check(driver)


@in_loop
async def test_a_search_that_finds_nothing_lists_nothing() -> None:
    async with driving() as driver:
        await driver.press("slash", *"qqq", "enter", "right")
        assert driver.app.explore.table.rows == ()
        assert driver.workspace.branch.ids == IDS
        assert "No token matches" in driver.text()


@in_loop
async def test_letters_in_a_line_are_text_and_no_keys() -> None:
    async with driving() as driver:
        await driver.press("slash", *"hjklwsda", "escape")
        assert driver.workspace.branches[0].ids == IDS
        assert len(driver.workspace.branches) == 1


# Samplers


@in_loop
async def test_knobs_change_the_table_without_the_engine() -> None:
    async with driving() as driver:
        await driver.press("T")
        asked = list(driver.engine.calls)
        for line in ("top-k 5", "temperature 0.5", "min-p 0.02", "repetition-penalty 1.3", "top-p 0.9"):
            driver.app.obey(line)
            await driver.settle()
            check(driver)
        assert driver.engine.calls == asked
        wanted = Sampler(top_k=5, temperature=0.5, min_p=0.02, repetition_penalty=1.3, top_p=0.9)
        assert shown(driver).sampler == wanted
        await driver.press("T")
        check(driver)


@in_loop
async def test_the_panel_turns_knobs_and_keeps_the_chosen_row() -> None:
    async with driving() as driver:
        await driver.press("T", "down", "down", "t", "down", "right")
        assert driver.app.explore.panel.display
        assert shown(driver).sampler != Sampler()
        assert driver.app.explore.table.chosen == 2
        check(driver)
        await driver.press("escape", "down")
        assert not driver.app.explore.panel.display
        assert driver.app.explore.table.chosen == 3


@in_loop
async def test_an_impossible_knob_is_refused_and_changes_nothing() -> None:
    async with driving() as driver:
        driver.app.obey("top-p 3")
        await driver.settle()
        assert "top-p" in driver.said[0]
        assert not shown(driver).sampler_on


# Runs


def greedy(ids: tuple[int, ...], count: int) -> tuple[int, ...]:
    for _ in range(count):
        ids = (*ids, int(score(ids, 1).next.ids[0]))
    return ids


@in_loop
async def test_one_key_writes_one_token() -> None:
    async with driving() as driver:
        await driver.press("n")
        assert driver.workspace.branch.ids == greedy(IDS, 1)
        check(driver)
        await driver.press("u")
        assert driver.workspace.branch.ids == IDS


@in_loop
async def test_a_run_is_one_step_of_the_history_and_a_prompt_like_any_other() -> None:
    async with driving(settings=Settings(run=RunSettings(tokens=7))) as driver:
        await driver.press("N")
        assert driver.workspace.branch.ids == greedy(IDS, 7)
        check(driver)
        assert driver.said[0].startswith("Wrote 7 tokens: as many as were asked for · 8.0 tokens/s")
        await driver.press("u")
        assert driver.workspace.branch.ids == IDS
        await driver.press("U", "h")
        assert driver.workspace.branch.ids == greedy(IDS, 6)
        check(driver)


@in_loop
async def test_a_sampled_run_draws_by_its_seed() -> None:
    async with driving() as driver:
        driver.app.obey("seed 11")
        driver.app.obey("temperature 1.5")
        driver.app.obey("run 6")
        await driver.settle()
        ids = IDS
        for _ in range(6):
            sampled = reshape(Sampler(temperature=1.5), distribution(ids).logits, ids, len(ids), VOCABULARY)
            token = draw(sampled, 11, len(ids))
            assert token is not None
            ids = (*ids, token)
        assert driver.workspace.branch.ids == ids
        ((_, plan),) = driver.engine.generated
        assert plan == Plan(6, Sampler(temperature=1.5), 11, len(IDS), ())
        check(driver)


@in_loop
async def test_tokens_stream_into_the_prompt_and_escape_keeps_what_came() -> None:
    engine = FakeEngine()
    engine.pace = threading.Semaphore(3)
    async with driving(engine) as driver:
        await driver.pilot.press("G")
        while len(driver.workspace.branch.ids) < len(IDS) + 4:
            await driver.pilot.pause()
        assert "writing 4 · 8.0 tokens/s · Esc stops" in driver.text()
        assert driver.engine.scored == [IDS]  # what comes is not asked for token by token
        await driver.pilot.press("escape")
        engine.pace.release(1000)
        await driver.settle()
        assert driver.workspace.branch.ids == greedy(IDS, 4)
        assert driver.app.writing is None
        assert "writing" not in driver.text()
        check(driver)


@in_loop
async def test_escape_ends_a_run_from_inside_a_room_first() -> None:
    engine = FakeEngine()
    engine.pace = threading.Semaphore(1)
    async with driving(engine) as driver:
        await driver.press("L")
        await driver.pilot.press("G")
        while len(driver.workspace.branch.ids) < len(IDS) + 2:
            await driver.pilot.pause()
        await driver.pilot.press("escape")
        engine.pace.release(1000)
        await driver.settle()
        assert driver.app.writing is None
        assert driver.app.room is not None
        await driver.press("escape")
        assert driver.app.room is None
        assert driver.workspace.branch.ids == greedy(IDS, 2)
        check(driver)


@in_loop
async def test_a_change_of_the_prompt_ends_the_run() -> None:
    engine = FakeEngine()
    engine.pace = threading.Semaphore(1)
    async with driving(engine) as driver:
        await driver.pilot.press("G")
        while len(driver.workspace.branch.ids) < len(IDS) + 2:
            await driver.pilot.pause()
        await driver.pilot.press("h")
        engine.pace.release(1000)
        await driver.settle()
        assert driver.workspace.branch.ids == greedy(IDS, 1)
        assert driver.app.writing is None
        check(driver)


@in_loop
async def test_a_run_ends_at_the_context_and_none_begins_there() -> None:
    async with driving(FakeEngine(context=len(IDS) + 3)) as driver:
        await driver.press("G")
        assert driver.workspace.branch.ids == greedy(IDS, 3)
        assert "the context is full" in driver.said[0]
        await driver.press("n")
        assert driver.said[0].startswith("The context is full")
        assert len(driver.engine.generated) == 1


@in_loop
async def test_the_engine_is_seen_to_rest_after_a_run_over_what_is_known() -> None:
    async with driving(settings=Settings(run=RunSettings(tokens=3))) as driver:
        await driver.press("N", "u")
        asked = len(driver.engine.scored)
        await driver.press("N")
        assert driver.workspace.branch.ids == greedy(IDS, 3)
        assert len(driver.engine.scored) == asked
        assert re.search(r"checks +[0-9.]+ m?s *$", driver.lines()[0])


@in_loop
async def test_keys_that_come_faster_than_tokens_are_not_lost() -> None:
    async with driving(settings=Settings(run=RunSettings(tokens=4))) as driver:
        engine = driver.engine
        engine.pace = threading.Semaphore(0)
        for key in ("n", "n", "n", "N"):
            await driver.pilot.press(key)
        engine.pace.release(100)
        await driver.settle()
        assert driver.workspace.branch.ids == greedy(IDS, 7)
        await driver.press("u")
        assert driver.workspace.branch.ids == greedy(IDS, 3)
        await driver.press("u")
        assert driver.workspace.branch.ids == greedy(IDS, 2)
        check(driver)


@in_loop
async def test_escape_also_ends_the_runs_that_wait() -> None:
    async with driving() as driver:
        driver.engine.pace = threading.Semaphore(0)
        for key in ("n", "n", "n", "escape"):
            await driver.pilot.press(key)
        driver.engine.pace.release(100)
        await driver.settle()
        assert len(driver.workspace.branch.ids) <= len(IDS) + 1
        assert driver.app.writing is None
        check(driver)


@in_loop
async def test_a_stop_text_ends_a_run_and_is_kept() -> None:
    wanted = VOCABULARY[greedy(IDS, 3)[-1]].bytes.decode(errors="replace")
    async with driving(settings=Settings(run=RunSettings(stop=wanted))) as driver:
        await driver.press("N")
        ids = driver.workspace.branch.ids
        assert len(IDS) < len(ids) <= len(IDS) + 3
        assert wanted.encode() in VOCABULARY.utf8(ids[len(IDS) :])
        assert "the stop text came" in driver.said[0]


@in_loop
async def test_an_engine_that_fails_in_a_run_leaves_what_it_wrote() -> None:
    engine = FakeEngine()
    async with driving(engine) as driver:
        engine.generate = _dying(engine)  # type: ignore[method-assign]
        await driver.press("N")
        assert driver.app.writing is None
        assert driver.workspace.branch.ids == greedy(IDS, 1)
        check(driver)


def _dying(engine: FakeEngine):  # type: ignore[no-untyped-def]
    from token_explorer.core.generation import Step
    from token_explorer.errors import EngineDied

    def generate(ids, plan, tell, stop):  # type: ignore[no-untyped-def]
        tell(Step(len(ids), greedy(ids, 1)[-1], 0.1))
        raise EngineDied("The engine's process ended", "signal 9 (Killed).")

    return generate


# Text


@in_loop
async def test_inserted_text_becomes_tokens_at_the_end() -> None:
    async with driving() as driver:
        await driver.press("i", *"girl", "enter")
        assert driver.workspace.branch.ids == (*IDS, *encode("girl")[1:])
        check(driver)
        await driver.press("u")
        assert driver.workspace.branch.ids == IDS
        driver.app.obey(r"insert  very small\n")
        await driver.settle()
        assert driver.workspace.branch.ids == (*IDS, *encode(" very small\n")[1:])


@in_loop
async def test_pasted_text_goes_to_the_end_of_the_prompt() -> None:
    async with driving() as driver:
        driver.app.post_message(events.Paste("three\r\nlines\rhere \x1b[31m"))
        await driver.pilot.pause()
        await driver.settle()
        assert driver.workspace.branch.ids == (*IDS, *encode("three\nlines\nhere \x1b[31m")[1:])
        check(driver)


@in_loop
async def test_a_file_opens_as_another_prompt(tmp_path: Path) -> None:
    path = tmp_path / "story.txt"
    path.write_text("there was a girl\n")
    async with driving() as driver:
        driver.app.obey(f"open {path}")
        await driver.settle()
        assert [branch.ids for branch in driver.workspace.branches] == [IDS, encode("there was a girl\n")]
        check(driver)
        driver.app.obey(f"open {path}x")
        await driver.settle()
        assert "Did you mean" in driver.said[0]


@in_loop
async def test_a_prompt_that_the_tokenizer_would_cut_differently_says_so_and_is_cut_anew_on_demand() -> None:
    async with driving() as driver:
        for byte in b" the":
            driver.app.obey(f"find #{byte}")
            await driver.press("right")
        oddly = (*IDS, *b" the")
        assert driver.workspace.branch.ids == oddly
        await driver.press("escape")
        assert f"cut differently from token {len(IDS) + 1}" in driver.text()
        await driver.press("R")
        assert driver.workspace.branch.ids == (*IDS, token_of(" the"))
        assert "cut differently" not in driver.text()
        check(driver)
        await driver.press("u")
        assert driver.workspace.branch.ids == oddly


@in_loop
async def test_the_first_prompt_is_known_to_be_cut_as_the_tokenizer_does() -> None:
    async with driving() as driver:
        await driver.press("R")
        assert driver.said[0].startswith("Nothing to cut anew")
        assert Recut() not in [facet for _, facet in driver.engine.light]


@in_loop
async def test_a_text_that_can_not_be_cut_says_why_each_time_it_is_asked_for() -> None:
    async with driving() as driver:
        driver.engine.observe_error = FacetUnavailable("Can't cut this", "its bytes are no text.")
        for _ in range(2):
            driver.app.clear_notifications()
            driver.app.insert("girl")
            await driver.settle()
            assert driver.said[0] == "Can't cut this: its bytes are no text."
        assert driver.workspace.branch.ids == IDS
        assert driver.app._awaited == {}


@in_loop
async def test_text_that_is_awaited_is_not_inserted_into_another_prompt() -> None:
    async with driving() as driver:
        driver.engine.hold()
        driver.app.insert("girl")
        await driver.pilot.press("h")
        driver.engine.release()
        await driver.settle()
        assert driver.workspace.branch.ids == IDS[:-1]
        assert driver.said[0].startswith("Not inserted")
        assert any(isinstance(facet, Encoding) for _, facet in driver.engine.light)


# Jumps


@in_loop
async def test_jumps_go_to_the_tokens_that_their_rules_name() -> None:
    async with driving(text="Once upon a time there was a very small girl and the girl was there") as driver:
        ids, scores = driver.workspace.branch.ids, shown(driver).scores
        assert scores is not None
        marked = [n for n in range(1, len(ids)) if scores.ranks[n] > 1]
        await driver.press("0")
        seen = []
        for _ in marked:
            await driver.press("right_parenthesis")
            seen.append(driver.workspace.branch.cursor)
            check(driver)
        assert seen == marked
        await driver.press("right_parenthesis")
        assert driver.workspace.branch.cursor == marked[0]
        await driver.press("left_parenthesis", "left_parenthesis")
        assert driver.workspace.branch.cursor == marked[-2]


@in_loop
async def test_a_prompt_without_such_a_token_says_so() -> None:
    async with driving(text="") as driver:
        await driver.press("right_curly_bracket")
        assert driver.said[0].startswith("Nowhere to jump: no token had more than 3 bits of entropy")
        await driver.press("left_parenthesis")
        assert driver.said[0].startswith("Nowhere to jump: no token of this prompt was less")


@in_loop
async def test_the_divergence_from_the_origin_and_from_another_prompt_is_found() -> None:
    async with driving() as driver:
        await driver.press("equals_sign")
        assert driver.said[0].startswith("Nothing to compare with")
        await driver.press("comma", "comma", "down", "r", "escape", "equals_sign")
        assert driver.workspace.branch.cursor == len(IDS) - 2
        driver.app.obey("prompt 1")
        await driver.settle()
        assert driver.workspace.active == 0
        driver.app.obey("diverge 2")
        await driver.settle()
        assert driver.workspace.branch.cursor == len(IDS) - 2


@in_loop
async def test_the_sparkline_comes_and_goes() -> None:
    async with driving() as driver:
        before = driver.text()
        await driver.press("y")
        assert "surprisal" in driver.text()
        await driver.press("y")
        assert "entropy" in driver.text().split("next token")[0]
        await driver.press("y")
        assert driver.text() == before


# Keys that come faster than what they are for


def key_of(sign: str) -> str:
    return {"\r": "enter", "\x1b": "escape"}.get(sign) or _character_to_key(sign)


def type_at_once(driver: Driver, text: str) -> None:
    """Press keys as a terminal sends them that were typed in one go."""
    for sign in text:
        driver.app.post_message(events.Key(key_of(sign), sign))


@pytest.mark.parametrize(
    "keys",
    [
        *("{{jr$,", "{kr", "{l", "),jjlh", "lljl", "{jr,jr", ",,,rl"),
        *("/the\rl", "/the\rlh,", "/the\x1bl", "/th\r/e\rl", ":goto 3\r,", ":goto 3\r/gi\rr"),
    ],
)
@in_loop
async def test_keys_that_come_at_once_do_what_they_do_slowly(keys: str) -> None:
    text = "Once upon a time there was a very small girl and the girl was there"
    async with driving(text=text) as slow:
        for key in keys:
            await slow.press(key_of(key))
        wanted = slow.workspace
    async with driving(text=text) as driver:
        type_at_once(driver, keys)
        await driver.pilot.pause()
        await driver.settle()
        assert driver.workspace == wanted
        assert driver.app.later == []
        check(driver)


@pytest.mark.parametrize("opener", [":", "i", "/"])
@in_loop
async def test_text_that_comes_with_the_key_that_opens_a_line_is_typed_into_it(opener: str) -> None:
    async with driving() as driver:
        type_at_once(driver, f"{opener}goto 3")
        while driver.app.explore.entry.text != "goto 3":
            await driver.pilot.pause()
        assert driver.workspace.branch.ids == IDS


@in_loop
async def test_a_whole_command_may_come_at_once() -> None:
    async with driving() as driver:
        type_at_once(driver, ":goto 3\r")
        while driver.workspace.branch.cursor != 2:
            await driver.pilot.pause()
        await driver.settle()
        check(driver)
        driver.app.obey("goto 99")
        await driver.settle()
        assert driver.said[0] == f"No such token: 99; the prompt has {len(IDS)}."


@in_loop
async def test_a_key_that_needs_no_table_makes_those_that_wait_for_scores_of_no_use() -> None:
    async with driving() as driver:
        driver.engine.hold()
        await driver.pilot.press("right", "right", "right", "h")
        driver.engine.release()
        await driver.settle()
        assert driver.workspace.branch.ids == IDS


# Any sequence of keys

STEPS = st.sampled_from(
    [
        ("right",),
        ("left",),
        ("down",),
        ("comma",),
        ("full_stop",),
        ("less_than_sign",),
        ("0",),
        ("escape",),
        ("r",),
        ("n",),
        ("N",),
        ("d",),
        ("a",),
        ("w",),
        ("s",),
        ("u",),
        ("U",),
        ("ctrl+r",),
        ("T",),
        ("t", "down", "right", "t"),
        ("slash", "t", "h", "enter"),
        ("i", "x", "space", "enter"),
        ("R",),
        ("right_curly_bracket",),
        ("left_parenthesis",),
        ("equals_sign",),
        ("e",),
    ]
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=4, max_size=14))
@in_loop
async def test_any_keys_leave_what_a_fresh_engine_would_show(steps: list[tuple[str, ...]]) -> None:
    async with driving(settings=Settings(run=RunSettings(tokens=3))) as driver:
        for step in steps:
            await driver.press(*step)
            check(driver)
        end = driver.workspace
        for _ in end.past:
            await driver.press("u")
        assert [branch.ids for branch in driver.workspace.branches] == [IDS]
        check(driver)
