"""Engines that other processes ask: by address and key, each with its own answers, until either side goes."""

import multiprocessing
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest

from tests import fakes
from tests.fakes import FakeEngine, encode
from token_explorer.core.engine import ModelSpec, Progress, Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.engine.exchange import Exchange
from token_explorer.engine.shared import SharedEngine
from token_explorer.errors import ContextTooLong, EngineDied, NotPossible

PATIENCE_S = 20.0
IDS = encode("Once upon")

Join = Callable[..., SharedEngine]


def silent(_: Progress) -> None:
    pass


class House:
    """An exchange with fake engines, and those who ask it."""

    def __init__(self) -> None:
        self.engines: dict[str, FakeEngine] = {}
        self.exchange = Exchange(self._make)
        self.asking: list[SharedEngine] = []
        self.lost = threading.Semaphore(0)

    def _make(self, spec: ModelSpec) -> FakeEngine:
        self.engines[spec.name] = FakeEngine()
        return self.engines[spec.name]

    def join(self, name: str = "a", loaded: bool = True) -> SharedEngine:
        engine = SharedEngine(
            self.exchange.address, self.exchange.key, ModelSpec(name), lambda: self.lost.release()
        )
        self.asking.append(engine)
        if loaded:
            engine.load_tokenizer(silent)
            engine.load_model(silent)
        return engine


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    for engine in house.engines.values():
        engine.release()
    for asking in house.asking:
        asking.close()
    house.exchange.close()


def test_an_engine_that_is_shared_answers_as_it_does_alone(house: House) -> None:
    engine = house.join()
    assert engine.encode("Once upon") == IDS
    scores, alone = engine.score(IDS, 5, Stop()), fakes.score(IDS, 5)
    np.testing.assert_array_equal(scores.next.logprobs, alone.next.logprobs)
    told: list[Step] = []
    plan = Plan(11, alternatives=2)
    run = engine.generate(IDS, plan, told.append, Stop())
    steps: list[Step] = []
    assert run == FakeEngine().generate(IDS, plan, steps.append, Stop())
    assert [(step.place, step.token, step.seconds) for step in told] == [
        (step.place, step.token, step.seconds) for step in steps
    ]
    assert engine.prove(Stop()).checks == house.engines["a"].checks


def test_a_tokenizer_that_was_begun_is_not_begun_again(house: House) -> None:
    engine = house.join(loaded=False)
    engine.begin()
    assert engine.load_tokenizer(silent) == fakes.VOCABULARY
    assert house.engines["a"].calls == ["load_tokenizer"]


def test_many_who_ask_at_once_get_their_own_answers(house: House) -> None:
    found: dict[int, list[bool]] = {}

    def ask(number: int) -> None:
        engine, ids = house.join(), (*IDS, number)
        found[number] = []
        for id in range(25):
            ids = (*ids, id)
            mine, alone = engine.score(ids, 3, Stop()), fakes.score(ids, 3)
            same = np.array_equal(mine.next.logprobs, alone.next.logprobs)
            found[number].append(mine.ids == ids and same)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [True] * 25 for number in range(4)}
    assert house.engines["a"].calls.count("load_model") == 1


def test_errors_and_stops_cross(house: House) -> None:
    engine = house.join()
    fake = house.engines["a"]
    fake.score_error = ContextTooLong("Too long", "3 tokens.", "Shorten it.")
    with pytest.raises(ContextTooLong, match="3 tokens"):
        engine.score(IDS, 5, Stop())
    fake.score_error = None
    fake.hold()
    stop = Stop()
    threading.Thread(target=lambda: (fake.began.acquire(), fake.began.acquire(), stop.set())).start()
    with pytest.raises(Stopped):
        engine.score(IDS, 5, stop)


def test_a_death_is_told_while_nothing_is_asked_and_the_engine_is_loaded_again(house: House) -> None:
    engine, died = house.join(), threading.Event()
    engine.when_died(died.set)
    engine.prove(Stop())
    while not died.wait(0.01):  # a death amid a call is told by that alone
        house.engines["a"].die_idle()
    with pytest.raises(EngineDied):
        engine.score(IDS, 5, Stop())
    engine.load_tokenizer(silent)
    engine.load_model(silent)
    assert engine.score(IDS, 5, Stop()).ids == IDS
    assert house.lost.acquire(blocking=False) is False


def test_one_that_closes_frees_its_engines_place(house: House) -> None:
    first, _ = house.join("a"), house.join("b")
    third = house.join("c", loaded=False)
    with pytest.raises(NotPossible, match="Too many models"):
        third.load_tokenizer(silent)
    first.close()
    while True:  # until the exchange has heard of it
        try:
            third.load_tokenizer(silent)
            break
        except NotPossible:
            continue
    assert "close" in house.engines["a"].calls


def test_one_that_is_killed_amid_a_call_has_it_stopped(house: House) -> None:
    staying = house.join()
    fake = house.engines["a"]
    fake.hold()
    script = (
        "import sys; from token_explorer.engine.shared import SharedEngine\n"
        "from token_explorer.core.engine import ModelSpec, Stop\n"
        "engine = SharedEngine(sys.argv[1], bytes.fromhex(sys.argv[2]), ModelSpec('a'), print)\n"
        "engine.load_tokenizer(print); engine.load_model(print); engine.score((1, 2), 3, Stop())\n"
    )
    arguments = [house.exchange.address, house.exchange.key.hex()]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments])
    assert fake.began.acquire(timeout=PATIENCE_S)
    process.kill()
    process.wait()
    threading.Thread(target=lambda: (fake.began.acquire(), fake.release())).start()
    assert staying.score(IDS, 5, Stop()).ids == IDS
    assert fake.stopped == [(1, 2)]


def test_who_asks_learns_that_the_exchange_has_gone(house: House) -> None:
    engine = house.join()
    house.exchange.close()
    assert house.lost.acquire(timeout=PATIENCE_S)
    with pytest.raises(EngineDied, match="server has gone"):
        engine.score(IDS, 5, Stop())
    with pytest.raises(EngineDied, match="server has gone"):
        house.join(loaded=False).load_tokenizer(silent)
    assert house.lost.acquire(timeout=PATIENCE_S)


def test_without_the_key_nothing_is_answered_and_the_others_go_on(house: House) -> None:
    for key in (None, b"wrong"):
        with pytest.raises((multiprocessing.AuthenticationError, EOFError, OSError)):
            Client(house.exchange.address, authkey=key).recv() if key else _speak(house.exchange.address)
    assert house.join().encode("Once upon") == IDS


def _speak(address: str) -> None:
    """Say something without being asked for a key."""
    with Client(address) as connection:
        connection.send(ModelSpec("a"))
        connection.recv_bytes()  # the question for the key
        connection.recv_bytes()
        connection.recv_bytes()


@pytest.mark.skipif(os.name != "posix", reason="only there it is a file")
def test_nobody_else_of_the_machine_can_reach_it(house: House) -> None:
    folder = Path(house.exchange.address).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    house.exchange.close()
    assert not folder.exists()


def test_fifty_who_come_and_go_leave_no_thread(house: House) -> None:
    house.join()
    before = set(threading.enumerate())
    for _ in range(50):
        house.join().close()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
