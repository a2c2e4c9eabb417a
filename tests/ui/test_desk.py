"""The desk: the latest question wins, a dead engine comes back, and nobody ever waits for it."""

import pickle
import threading
import time
from collections.abc import Iterator
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import PATIENCE_S, FakeEngine, encode, score
from token_explorer.core.engine import Answer, EngineInfo, Report, Stop
from token_explorer.core.observation import AttentionRow, DecisionDepth, Facet, ResidualMeasures, Residuals
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ContextTooLong, EngineDied, EngineFault, FacetUnavailable, ModelLoadError
from token_explorer.ui.desk import RESTARTS, Desk, Look
from token_explorer.ui.news import (
    Answered,
    Crashed,
    Failed,
    ModelReady,
    News,
    Observed,
    Proved,
    Refused,
    Restarting,
    TokenizerReady,
    Unproved,
    Unseen,
)

NewsT = TypeVar("NewsT")
IDS = encode("Once upon a time")


class Office:
    """A desk, its engine, and what it told."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.told: list[News] = []
        self.desk = Desk(self.engine, "Once upon", self.told.append)

    def start(self) -> None:
        self.desk.start()
        self.rest()

    def rest(self) -> None:
        assert self.desk.wait_idle(PATIENCE_S)

    def begun(self) -> None:
        assert self.engine.began.acquire(timeout=PATIENCE_S)

    def of(self, kind: type[NewsT]) -> list[NewsT]:
        return [news for news in self.told if isinstance(news, kind)]


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.desk.close()
    made.engine.release()
    made.engine.release_loading()


def test_it_loads_the_tokenizer_then_the_text_then_the_model_and_has_it_proved(office: Office) -> None:
    office.start()
    assert office.engine.calls == ["load_tokenizer", "encode", "load_model", "prove"]
    assert [news.info.checks for news in office.of(Proved)] == [office.engine.checks]
    assert [news.ids for news in office.of(TokenizerReady)] == [encode("Once upon")]
    assert [news.info for news in office.of(ModelReady)] == [office.engine.info]


def test_the_proof_waits_for_questions_and_looks(office: Office) -> None:
    office.desk.ask(IDS, 7)
    office.desk.look([(IDS, Residuals())])
    office.start()
    assert office.engine.calls[3:] == ["score", "observe", "prove"]


@pytest.mark.parametrize("looking", [False, True])
def test_a_proof_is_stopped_by_whatever_is_asked_and_made_afterwards(office: Office, looking: bool) -> None:
    office.engine.hold()
    office.desk.start()
    assert office.engine.proving.acquire(timeout=PATIENCE_S)
    office.desk.look([])
    if looking:
        office.desk.look([(IDS, Residuals())])
    else:
        office.desk.ask(IDS, 7)
    office.begun()
    office.engine.release()
    office.rest()
    assert office.engine.calls[3:] == ["prove", "observe" if looking else "score", "prove"]
    assert len(office.of(Proved)) == 1


def test_a_proof_that_fails_is_told_once_and_questions_are_answered_all_the_same(office: Office) -> None:
    office.engine.prove_error = EngineFault("The engine failed", "somewhere")
    office.start()
    assert [news.error.message for news in office.of(Unproved)] == ["somewhere"]
    office.desk.ask(IDS, 7)
    office.rest()
    assert len(office.of(Answered)) == 1
    assert office.engine.calls.count("prove") == 1


def test_a_new_engine_is_proved_anew(office: Office) -> None:
    office.start()
    office.engine.deaths = 1
    office.desk.ask(IDS, 7)
    office.rest()
    assert len(office.of(Answered)) == 1
    assert len(office.of(Proved)) == 2


def test_a_question_is_answered(office: Office) -> None:
    office.start()
    office.desk.ask(IDS, 7)
    office.rest()
    (answer,) = office.of(Answered)
    assert answer.scores.ids == IDS
    assert answer.scores.next.ids.tolist() == score(IDS, 7).next.ids.tolist()
    assert answer.seconds >= 0.0


def test_an_answer_carries_the_very_ids_that_were_asked_for(office: Office) -> None:
    def elsewhere(ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        answer: Scores = pickle.loads(pickle.dumps(score(ids, top_k)))  # as from another process
        return answer

    office.engine.score = elsewhere  # type: ignore[method-assign]
    office.start()
    office.desk.ask(IDS, 7)
    office.rest()
    assert elsewhere(IDS, 7, Stop()).ids is not IDS
    assert [answer.scores.ids is IDS for answer in office.of(Answered)] == [True]


def test_a_question_from_before_the_model_was_there_is_answered(office: Office) -> None:
    office.desk.ask(IDS, 7)
    office.start()
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS]


def test_of_many_questions_the_running_one_is_stopped_and_only_the_latest_answered(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.ask(IDS, 5)
    office.begun()
    for length in range(1, len(IDS)):
        office.desk.ask(IDS[:length], 5)
    office.begun()
    office.engine.release()
    office.rest()
    assert office.engine.stopped[0] == IDS
    assert len(office.engine.scored) <= 1 + len(IDS)
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS[: len(IDS) - 1]]


def test_the_question_that_runs_is_not_asked_twice(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.ask(IDS, 5)
    office.begun()
    office.desk.ask(IDS, 5)
    office.engine.release()
    office.rest()
    assert office.engine.scored == [IDS]
    assert office.engine.stopped == []


def test_going_back_to_the_running_question_takes_back_the_one_that_waits(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.ask(IDS, 5)
    office.begun()
    office.desk.ask(IDS[:2], 5)
    office.desk.ask(IDS, 5)
    office.engine.release()
    office.rest()
    assert office.of(Answered)[-1].scores.ids == IDS


def test_what_the_engine_refuses_is_told_and_the_next_is_answered(office: Office) -> None:
    office.start()
    office.engine.score_error = ContextTooLong("Too long", "5 of 4.")
    office.desk.ask(IDS, 5)
    office.rest()
    assert [(news.ids, news.error.title) for news in office.of(Refused)] == [(IDS, "Too long")]
    office.engine.score_error = None
    office.desk.ask(IDS[:2], 5)
    office.rest()
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS[:2]]


def test_an_engine_that_dies_of_a_question_is_started_again_and_asked_again(office: Office) -> None:
    office.start()
    office.engine.deaths = RESTARTS
    office.desk.ask(IDS, 5)
    office.rest()
    assert len(office.of(Restarting)) == RESTARTS
    assert len(office.of(ModelReady)) == 1 + RESTARTS
    assert len(office.of(TokenizerReady)) == 1
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS]


def test_a_newer_question_goes_before_the_one_that_the_engine_died_of(office: Office) -> None:
    office.start()
    office.engine.hold_loading()
    office.engine.deaths = 1
    office.desk.ask(IDS, 5)
    office.begun()
    office.desk.ask(IDS[:2], 5)
    office.engine.release_loading()
    office.rest()
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS[:2]]


def test_an_engine_that_dies_idle_is_started_again(office: Office) -> None:
    office.start()
    office.engine.die_idle()
    assert office.desk.wait_idle(PATIENCE_S)
    office.desk.ask(IDS, 5)
    office.rest()
    assert len(office.of(Restarting)) == 1
    assert office.engine.calls.count("load_model") == 2
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS]


def test_a_death_that_is_told_late_is_no_second_death(office: Office) -> None:
    office.start()
    load = office.engine.load_model

    def loading(report: Report) -> EngineInfo:
        office.engine.die_idle()
        return load(report)

    office.engine.load_model = loading  # type: ignore[method-assign]
    office.engine.deaths = 1
    office.desk.ask(IDS, 5)
    office.rest()
    assert len(office.of(Restarting)) == 1
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS]


def test_answers_between_deaths_keep_the_desk_hopeful(office: Office) -> None:
    office.start()
    for length in range(1, 6):
        office.engine.deaths = 1
        office.desk.ask(IDS[:length], 5)
        office.rest()
    assert len(office.of(Restarting)) == 5
    assert office.of(Failed) == []


def test_an_engine_that_goes_on_dying_is_given_up_until_something_else_is_asked(office: Office) -> None:
    office.start()
    office.engine.deaths = RESTARTS + 1
    office.desk.ask(IDS, 5)
    office.rest()
    (failed,) = office.of(Failed)
    assert isinstance(failed.error, EngineDied)
    assert "signal 9" in failed.error.message
    assert len(office.of(Restarting)) == RESTARTS
    office.desk.ask(IDS[:2], 5)
    office.rest()
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS[:2]]


def test_a_model_that_can_not_be_loaded_is_told(office: Office) -> None:
    office.engine.load_error = ModelLoadError("Not loaded", "the file is torn.")
    office.start()
    assert [news.error for news in office.of(Failed)] == [office.engine.load_error]
    assert office.of(ModelReady) == []


def test_an_unforeseen_error_is_told_and_ends_the_desk(office: Office) -> None:
    office.start()
    office.engine.score_error = RuntimeError("a bug")
    office.desk.ask(IDS, 5)
    office.rest()
    assert [str(news.error) for news in office.of(Crashed)] == ["a bug"]


def test_closing_stops_what_runs_waits_for_nothing_and_ends_the_news(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.ask(IDS, 5)
    office.begun()
    told = len(office.told)
    began = time.perf_counter()
    office.desk.close()
    assert time.perf_counter() - began < 1.0
    office.rest()
    assert office.engine.stopped == [IDS]
    assert len(office.told) == told


def test_closing_waits_for_nothing_while_a_model_loads(office: Office) -> None:
    office.engine.hold_loading()
    reached = threading.Event()
    load = office.engine.load_model

    def loading(report: Report) -> EngineInfo:
        reached.set()
        return load(report)

    office.engine.load_model = loading  # type: ignore[method-assign]
    office.desk.start()
    assert reached.wait(PATIENCE_S)
    began = time.perf_counter()
    office.desk.close()
    assert time.perf_counter() - began < 1.0
    office.engine.release_loading()
    office.rest()
    assert office.of(ModelReady) == []


# Looks inside


LOOKS: list[Look] = [(IDS, Residuals()), (IDS, DecisionDepth()), (IDS, AttentionRow(2))]


def test_looks_are_answered_in_their_order(office: Office) -> None:
    office.start()
    office.desk.look(LOOKS)
    office.rest()
    assert office.engine.observed == LOOKS
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS
    answer = office.of(Observed)[0].answer
    assert isinstance(answer, ResidualMeasures)
    assert answer.norms.shape == (3, len(IDS))


def test_looks_from_before_the_model_was_there_are_answered(office: Office) -> None:
    office.desk.look(LOOKS[:1])
    office.start()
    assert [news.facet for news in office.of(Observed)] == [Residuals()]


def test_scores_go_before_looks(office: Office) -> None:
    office.desk.look(LOOKS)
    office.desk.ask(IDS, 5)
    office.start()
    assert office.engine.calls[3:] == ["score", "observe", "observe", "observe", "prove"]


def test_a_question_stops_the_look_that_runs_which_is_taken_again_after_it(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS)
    office.begun()
    office.desk.ask(IDS[:2], 5)
    office.begun()
    office.engine.release()
    office.rest()
    assert office.engine.stopped == [IDS]
    assert office.engine.observed == [LOOKS[0], *LOOKS]
    told = [news for news in office.told if isinstance(news, Answered | Observed | Unseen)]
    assert [type(news) for news in told] == [Answered, Observed, Observed, Observed]
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS


def test_a_look_that_was_stopped_is_not_taken_again_where_others_were_asked_for_meanwhile(
    office: Office,
) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS)
    office.begun()
    office.desk.ask(IDS[:2], 5)
    office.desk.look(LOOKS[1:2])
    office.begun()
    office.engine.release()
    office.rest()
    assert office.engine.observed == LOOKS[:2]
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS[1:2]


def test_other_looks_stop_the_one_that_runs_unless_it_is_among_them(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS[:1])
    office.begun()
    office.desk.look([LOOKS[1], LOOKS[0]])
    assert office.engine.stopped == []
    office.desk.look(LOOKS[1:])
    office.begun()
    office.engine.release()
    office.rest()
    assert office.engine.stopped == [IDS]
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS[1:]


def test_a_look_that_runs_goes_on_and_is_not_taken_twice(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS[:1])
    office.begun()
    office.desk.look([LOOKS[1], LOOKS[0]])
    office.engine.release()
    office.rest()
    assert office.engine.observed == LOOKS[:2]
    assert office.engine.stopped == []


def test_no_looks_are_no_work(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS)
    office.begun()
    office.desk.look([])
    office.rest()
    assert office.of(Observed) == []
    assert office.engine.stopped == [IDS]


def test_what_can_not_be_seen_is_told_and_the_next_look_is_answered(office: Office) -> None:
    office.start()
    office.engine.observe_error = FacetUnavailable("No lens", "this model has none.")
    office.desk.look(LOOKS[:2])
    office.rest()
    assert [(news.ids, news.facet) for news in office.of(Unseen)] == LOOKS[:2]
    assert {news.error.title for news in office.of(Unseen)} == {"No lens"}
    office.engine.observe_error = None
    office.desk.look(LOOKS[2:])
    office.rest()
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS[2:]


def test_an_engine_that_dies_of_a_look_is_started_again_and_asked_again(office: Office) -> None:
    office.start()
    dying_of_looks(office, times=1)
    office.desk.look(LOOKS)
    office.rest()
    assert len(office.of(Restarting)) == 1
    assert [(news.ids, news.facet) for news in office.of(Observed)] == LOOKS


def test_an_engine_that_goes_on_dying_of_looks_is_given_up_with_all_of_them(office: Office) -> None:
    office.start()
    dying_of_looks(office, times=RESTARTS + 1)
    office.desk.look(LOOKS)
    office.rest()
    assert len(office.of(Failed)) == 1
    assert office.of(Observed) == []
    office.desk.ask(IDS, 5)
    office.rest()
    assert [answer.scores.ids for answer in office.of(Answered)] == [IDS]
    assert office.of(Observed) == []


def dying_of_looks(office: Office, times: int) -> None:
    """Have the engine die of so many of the next looks."""
    observe, left = office.engine.observe, [times]

    def dying(ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        if left[0]:
            left[0] -= 1
            raise EngineDied("The engine's process ended", "signal 9 (Killed).")
        return observe(ids, facet, stop)

    office.engine.observe = dying  # type: ignore[method-assign]


def test_closing_stops_a_look_and_leaves_the_others(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.look(LOOKS)
    office.begun()
    office.desk.close()
    office.rest()
    assert office.engine.observed == LOOKS[:1]
    assert office.of(Observed) == []


def test_an_unforeseen_error_of_a_look_is_told_and_ends_the_desk(office: Office) -> None:
    office.start()
    office.engine.observe_error = RuntimeError("a bug")
    office.desk.look(LOOKS)
    office.rest()
    assert [str(news.error) for news in office.of(Crashed)] == ["a bug"]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5) | st.lists(st.integers(0, 2), max_size=3), max_size=12))
def test_whatever_is_asked_in_whatever_order_the_last_of_each_is_answered(
    steps: list[int | list[int]],
) -> None:
    office = Office()
    office.start()
    office.engine.hold()
    looks: list[Look] = []
    for step in steps:
        if isinstance(step, int):
            office.desk.ask(IDS[: step + 1], 5)
        else:
            looks = [LOOKS[place] for place in step]
            office.desk.look(looks)
    office.engine.release()
    office.rest()
    office.desk.close()
    asked = [step for step in steps if isinstance(step, int)]
    assert [answer.scores.ids for answer in office.of(Answered)][-1:] == [IDS[: n + 1] for n in asked[-1:]]
    seen = [(news.ids, news.facet) for news in office.of(Observed)]
    assert set(looks) <= set(seen)
