"""The desk and runs: they go first, end when something else is asked, and are told step by step."""

import threading
from collections.abc import Iterator

import pytest

from tests.fakes import PATIENCE_S, encode, score
from tests.ui.test_desk import Office
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Residuals
from token_explorer.errors import ContextTooLong, EngineDied
from token_explorer.ui.news import Answered, Failed, Observed, Ran, Restarting, RunFailed, Stepped

IDS = encode("Once upon a time")
PLAN = Plan(3)


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    yield made
    made.desk.close()
    made.engine.release()
    made.engine.release_loading()
    if made.engine.pace is not None:
        made.engine.pace.release(1000)


def greedy(ids: tuple[int, ...], count: int) -> tuple[int, ...]:
    for _ in range(count):
        ids = (*ids, int(score(ids, 1).next.ids[0]))
    return ids


def wait_for_steps(office: Office, count: int) -> None:
    arrived = threading.Event()
    told = office.desk._callback

    def tell(news: object) -> None:
        told(news)  # type: ignore[arg-type]
        if len(office.of(Stepped)) >= count:
            arrived.set()

    office.desk._callback = tell
    if len(office.of(Stepped)) < count:
        assert arrived.wait(PATIENCE_S)


def test_a_run_is_told_step_by_step_and_then_as_a_whole(office: Office) -> None:
    office.start()
    office.desk.run(IDS, PLAN)
    office.rest()
    written = greedy(IDS, 3)
    assert [news.step for news in office.of(Stepped)] == [
        Step(place, written[place], (place - len(IDS) + 1) * 0.125) for place in range(len(IDS), len(written))
    ]
    assert all(news.plan is PLAN for news in office.of(Stepped))
    assert office.of(Ran) == [Ran(PLAN, Generated(written, "limit", 0.375))]
    assert office.told.index(office.of(Ran)[0]) == len(office.told) - 1


def test_a_run_goes_before_looks_and_takes_the_place_of_a_question(office: Office) -> None:
    office.desk.ask(IDS, 7)
    office.desk.look([(IDS, Residuals())])
    office.desk.run(IDS, PLAN)
    office.start()
    assert office.engine.calls[3:] == ["generate", "observe", "prove"]
    assert office.of(Answered) == []
    assert len(office.of(Observed)) == 1


@pytest.mark.parametrize("asked", [True, False])
def test_a_run_ends_when_it_is_to_end_and_when_scores_are_asked_for(office: Office, asked: bool) -> None:
    office.start()
    office.engine.pace = threading.Semaphore(1)
    office.desk.run(IDS, Plan(None))
    wait_for_steps(office, 2)
    if asked:
        office.desk.ask(IDS, 7)
    else:
        office.desk.end_run()
    office.engine.pace.release(1000)
    office.rest()
    assert office.of(Ran) == []
    assert len(office.of(Answered)) == asked
    assert len(office.of(Stepped)) == 2


def test_a_run_that_has_not_begun_is_taken_back(office: Office) -> None:
    office.engine.hold_loading()
    office.desk.start()
    office.desk.run(IDS, PLAN)
    office.desk.end_run()
    office.engine.release_loading()
    office.rest()
    assert "generate" not in office.engine.calls


def test_ending_a_run_where_none_is_leaves_what_runs(office: Office) -> None:
    office.start()
    office.engine.hold()
    office.desk.ask(IDS, 7)
    office.begun()
    office.desk.end_run()
    office.engine.release()
    office.rest()
    assert len(office.of(Answered)) == 1


def test_looks_wait_for_a_run_and_do_not_stop_it(office: Office) -> None:
    office.start()
    office.engine.pace = threading.Semaphore(1)
    office.desk.run(IDS, PLAN)
    wait_for_steps(office, 1)
    office.desk.look([(IDS, Residuals())])
    office.engine.pace.release(1000)
    office.rest()
    assert len(office.of(Ran)) == len(office.of(Observed)) == 1


def test_a_run_that_is_refused_is_told(office: Office) -> None:
    office.start()

    def refuse(*_: object) -> Generated:
        raise ContextTooLong("Too long", "no room.")

    office.engine.generate = refuse  # type: ignore[method-assign]
    office.desk.run(IDS, PLAN)
    office.rest()
    ((plan, error),) = [(news.plan, news.error) for news in office.of(RunFailed)]
    assert plan is PLAN
    assert error.message == "no room."


def test_a_run_that_the_engine_dies_of_is_not_begun_again(office: Office) -> None:
    office.start()
    begun = []

    def die(*arguments: object) -> Generated:
        begun.append(arguments)
        raise EngineDied("The engine's process ended", "signal 9 (Killed).")

    office.engine.generate = die  # type: ignore[method-assign]
    office.desk.run(IDS, PLAN)
    office.rest()
    assert len(office.of(Restarting)) == len(begun) == 1
    assert office.of(Failed) == []
    office.desk.ask(IDS, 7)
    office.rest()
    assert len(office.of(Answered)) == 1


def test_closing_ends_a_run(office: Office) -> None:
    office.start()
    office.engine.pace = threading.Semaphore(0)
    office.desk.run(IDS, Plan(None))
    wait_for_steps(office, 1)
    office.desk.close()
    office.engine.pace.release(1000)
    assert office.desk.wait_idle(PATIENCE_S)
    assert len(office.of(Stepped)) == 1
