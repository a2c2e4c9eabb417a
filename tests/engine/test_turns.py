"""One engine for many: each is answered in turn, with what is its own, and keeps nobody waiting for long."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests import fakes
from tests.fakes import FakeEngine, encode
from token_explorer.core.ahead import Ahead
from token_explorer.core.engine import EngineInfo, ModelSpec, Progress, Stop, Stopped
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.calls import Answer, Call, Ended, News, Reply
from token_explorer.engine.pool import Pool
from token_explorer.engine.slices import SLICE
from token_explorer.engine.turns import Seat, Turns
from token_explorer.errors import ContextTooLong, EngineDied, ModelLoadError, NotPossible

PATIENCE_S = 20.0
IDS = encode("Once upon")


class Asker:
    """One who asks, and hears what comes."""

    def __init__(self, turns: Turns, loaded: bool = True) -> None:
        self.heard: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.seat = Seat(self.heard.put)
        self.turns = turns
        self.number = 0
        turns.seat(self.seat)
        if loaded:
            self.load()

    def ask(self, method: str, *arguments: Any) -> int:
        self.number += 1
        self.turns.put(self.seat, Call(self.number, method, arguments))
        return self.number

    def reply(self) -> Reply:
        """The reply to what was asked, after all news."""
        while not isinstance(answer := self.heard.get(timeout=PATIENCE_S), Reply):
            assert isinstance(answer, News), answer
        assert answer.number == self.number
        return answer

    def load(self) -> None:
        for method in ("load_tokenizer", "load_model"):
            self.ask(method)
            assert self.reply().error is None

    def score(self, ids: TokenIds = IDS) -> int:
        return self.ask("score", ids, 5)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def turns(engine: FakeEngine) -> Iterator[Turns]:
    turns = Turns(engine)
    yield turns
    engine.release()
    turns.close()


def began(engine: FakeEngine) -> None:
    """Wait until one more question has begun."""
    assert engine.began.acquire(timeout=PATIENCE_S)


def test_a_model_is_loaded_and_proved_once_for_all(engine: FakeEngine, turns: Turns) -> None:
    for asker in (Asker(turns), Asker(turns)):
        asker.ask("prove")
        assert asker.reply().value.checks == engine.checks
    assert engine.calls == ["load_tokenizer", "load_model", "prove"]


def test_who_comes_while_the_model_loads_hears_how_far_that_is(engine: FakeEngine, turns: Turns) -> None:
    engine.hold_loading()
    first, second = Asker(turns, loaded=False), Asker(turns, loaded=False)
    first.ask("load_tokenizer")
    first.reply()
    first.ask("load_model")
    assert isinstance(first.heard.get(timeout=PATIENCE_S), News)
    second.ask("load_tokenizer")
    engine.release_loading()
    first.reply()
    assert second.reply().value == fakes.VOCABULARY
    assert engine.calls.count("load_tokenizer") == 1


class Announcing(FakeEngine):
    """Tells of its load once more when it goes on."""

    def load_model(self, report: Any) -> EngineInfo:
        info = super().load_model(report)
        report(Progress("nearly"))
        return info


def test_news_of_a_load_goes_to_all_who_wait_for_it() -> None:
    engine = Announcing()
    turns = Turns(engine)
    engine.hold_loading()
    first, second = Asker(turns, loaded=False), Asker(turns, loaded=False)
    first.ask("load_tokenizer")
    first.reply()
    first.ask("load_model")
    assert isinstance(first.heard.get(timeout=PATIENCE_S), News)
    second.ask("load_tokenizer")
    engine.release_loading()
    assert second.heard.get(timeout=PATIENCE_S) == News(1, Progress("nearly"))
    turns.close()


def test_a_load_that_fails_is_told_to_who_asked_and_tried_again_for_the_next(
    engine: FakeEngine, turns: Turns
) -> None:
    engine.load_error = ModelLoadError("No weights", "none.")
    asker = Asker(turns, loaded=False)
    asker.ask("load_tokenizer")
    asker.reply()
    asker.ask("load_model")
    assert isinstance(asker.reply().error, ModelLoadError)
    engine.load_error = None
    Asker(turns)
    asker.ask("load_model")
    assert asker.reply().value == engine.info


def test_calls_are_answered_in_the_order_in_which_they_came(engine: FakeEngine, turns: Turns) -> None:
    askers = [Asker(turns) for _ in range(4)]
    engine.hold()
    prompts = [(*IDS, number) for number in range(4)]
    for asker, ids in zip(askers, prompts, strict=True):
        asker.score(ids)
    began(engine)
    engine.release()
    for asker, ids in zip(askers, prompts, strict=True):
        assert asker.reply().value.ids == ids
    assert engine.scored == prompts


def test_a_run_lets_others_in_after_a_slice_and_writes_what_it_would_alone(
    engine: FakeEngine, turns: Turns
) -> None:
    runner, other = Asker(turns), Asker(turns)
    plan = Plan(4 * SLICE + 1, Sampler(temperature=2.0), seed=5, prompt=len(IDS))
    engine.hold()
    runner.ask("generate", IDS, plan)
    began(engine)
    other.score()
    engine.release()
    assert other.reply().value.ids == IDS
    run: Generated = runner.reply().value
    whole = FakeEngine().generate(IDS, plan, lambda step: None, Stop())
    assert (run.ids, run.ending) == (whole.ids, whole.ending)
    assert len(run.ids) == len(IDS) + 4 * SLICE + 1
    assert engine.calls[2:] == ["generate", "score", *["generate"] * 4]


def test_a_run_tells_each_token_once(engine: FakeEngine, turns: Turns) -> None:
    asker = Asker(turns)
    asker.ask("generate", IDS, Plan(2 * SLICE + 1))
    told = []
    while not isinstance(answer := asker.heard.get(timeout=PATIENCE_S), Reply):
        assert isinstance(answer, News)
        assert isinstance(answer.value, Step)
        told.append(answer.value.token)
    assert answer.value.ids == (*IDS, *told)


def test_a_stop_ends_a_run_between_slices_too(engine: FakeEngine, turns: Turns) -> None:
    asker = Asker(turns)
    engine.pace = threading.Semaphore(2 * SLICE - 1)
    number = asker.ask("generate", IDS, Plan(60))
    for _ in range(2 * SLICE):
        asker.heard.get(timeout=PATIENCE_S)
    asker.seat.stops.set(number)
    engine.pace.release()
    assert isinstance(asker.reply().error, Stopped)
    assert [len(ids) - len(IDS) for ids, _ in engine.generated] == [0, SLICE, 2 * SLICE]


def test_a_proof_and_a_look_ahead_give_way_to_what_another_waits_for(
    engine: FakeEngine, turns: Turns
) -> None:
    ahead = Ahead(len(IDS), (1, 2), 2)
    for method, arguments in (("prove", ()), ("observe", (IDS, ahead))):
        patient, other = Asker(turns), Asker(turns)
        engine.hold()
        patient.ask(method, *arguments)
        assert (engine.proving if method == "prove" else engine.began).acquire(timeout=PATIENCE_S)
        other.score()
        began(engine)
        engine.release()
        assert other.reply().error is None
        assert patient.reply().error is None


def test_a_look_ahead_does_not_give_way_to_another(engine: FakeEngine, turns: Turns) -> None:
    first, second = Asker(turns), Asker(turns)
    engine.hold()
    for asker in (first, second):
        asker.ask("observe", IDS, Ahead(len(IDS), (1,), 1))
    began(engine)
    engine.release()
    assert first.reply().error is second.reply().error is None
    assert len(engine.ahead) == 2


def test_a_stop_ends_only_the_calls_of_who_set_it(engine: FakeEngine, turns: Turns) -> None:
    first, second = Asker(turns), Asker(turns)
    engine.hold()
    first.score()
    began(engine)
    second.seat.stops.set(second.score())
    assert isinstance(second.reply().error, Stopped)  # at once, though the other one's call goes on
    engine.release()
    assert first.reply().error is None
    assert len(engine.scored) == 1


def test_who_leaves_has_its_running_call_stopped_and_its_waiting_one_dropped(
    engine: FakeEngine, turns: Turns
) -> None:
    leaving, waiting, staying = Asker(turns), Asker(turns), Asker(turns)
    engine.hold()
    leaving.score((*IDS, 1))
    began(engine)
    waiting.score((*IDS, 2))
    staying.score((*IDS, 3))
    turns.leave(waiting.seat)
    turns.leave(leaving.seat)
    began(engine)
    engine.release()
    assert staying.reply().value.ids == (*IDS, 3)
    assert engine.stopped == [(*IDS, 1)]
    assert (*IDS, 2) not in engine.scored
    turns.leave(staying.seat)
    assert turns.empty


def test_an_error_goes_to_who_asked_alone(turns: Turns, engine: FakeEngine) -> None:
    engine.info = EngineInfo("small", "cpu", "float32", 2, 2)
    first, second = Asker(turns), Asker(turns)
    first.score()
    assert isinstance(first.reply().error, ContextTooLong)
    second.score(IDS[:2])
    assert second.reply().error is None


def test_a_death_amid_a_call_is_told_to_all_and_the_engine_starts_once(
    engine: FakeEngine, turns: Turns
) -> None:
    askers = killer, waiting, idle = [Asker(turns) for _ in range(3)]
    engine.hold()
    engine.deaths = 1
    killer.score()
    began(engine)
    waiting.score()
    engine.release()
    assert isinstance(killer.reply().error, EngineDied)
    assert isinstance(waiting.reply().error, EngineDied)
    assert isinstance(idle.heard.get(timeout=PATIENCE_S), Ended)
    for asker in askers:
        asker.load()
        asker.score()
        assert asker.reply().error is None
    assert engine.calls.count("load_model") == 2


def test_a_death_while_nothing_is_asked_is_told_to_all(engine: FakeEngine, turns: Turns) -> None:
    askers = [Asker(turns) for _ in range(2)]
    wait_for_rest(turns)
    engine.die_idle()
    for asker in askers:
        assert isinstance(asker.heard.get(timeout=PATIENCE_S), Ended)
        asker.score()
        assert isinstance(asker.reply().error, EngineDied)


def wait_for_rest(turns: Turns) -> None:
    with turns._changed:
        assert turns._changed.wait_for(lambda: turns._running is None, PATIENCE_S)


def test_a_pool_holds_an_engine_a_model_and_gives_up_the_one_unused_for_longest() -> None:
    made: dict[str, FakeEngine] = {}

    def make(spec: ModelSpec) -> FakeEngine:
        made[spec.name] = FakeEngine()
        return made[spec.name]

    pool = Pool(make, most=2)
    seats = {name: Seat(lambda answer: None) for name in "abcd"}
    turns = {name: pool.seat(ModelSpec(name), seats[name]) for name in "ab"}
    assert pool.seat(ModelSpec("a"), Seat(lambda answer: None)) is turns["a"]
    with pytest.raises(NotPossible, match="b and a are in use"):
        pool.seat(ModelSpec("c"), seats["c"])
    turns["b"].leave(seats["b"])
    pool.seat(ModelSpec("c"), seats["c"])
    assert (made["a"].calls, made["b"].calls) == ([], ["close"])
    pool.close()
    assert made["c"].calls == ["close"]
