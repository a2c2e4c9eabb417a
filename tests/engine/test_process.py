"""The engine's process: calls and answers cross unharmed, stops arrive amid work, and a death is told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import pytest

from token_explorer.core.engine import EngineInfo, Progress, Report, Stop, Stopped
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.scores import Candidates, Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.process import EngineProcess
from token_explorer.errors import ContextTooLong, EngineDied, EngineFault, ModelNotFound

# How long a test waits for what should come at once, before it fails.
PATIENCE_S = 30.0

WAITS, FAILS, DIES, TOO_LONG = 901, 902, 903, 904


class Scripted:
    """An engine whose behaviour is chosen by the first id it is asked about."""

    def when_died(self, tell: Callable[[], None]) -> None:
        pass

    def when_long(self, report: Report) -> None:
        self.report_long = report

    def load_tokenizer(self, report: Report) -> Vocabulary:
        print("noise for the terminal", flush=True)
        print("more noise", file=sys.stderr, flush=True)
        report(Progress("reading", 1, 2))
        return Vocabulary((b"a", b"\xff"), bos=1, start=1)

    def load_model(self, report: Report) -> EngineInfo:
        for done in range(3):
            report(Progress("weights", done, 3))
        return EngineInfo("scripted", "cpu", "float32", 100, 2)

    def encode(self, text: str) -> TokenIds:
        return tuple(text.encode("utf-8", "surrogatepass"))

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        if ids[0] == WAITS:
            while True:
                stop.check()
                time.sleep(0.001)
        self.report_long(Progress("reading the prompt", 1, len(ids)))
        if ids[0] == FAILS:
            raise KeyError("a bug")
        if ids[0] == DIES:
            print("out of paper", file=sys.stderr, flush=True)
            os._exit(7)
        if ids[0] == TOO_LONG:
            raise ContextTooLong("The prompt is too long", "3 tokens", "Shorten it.")
        nothing = np.full(len(ids), np.nan, np.float32)
        following = Candidates(np.arange(top_k), np.zeros(top_k, np.float32), 0.25, 1.5)
        return Scores(ids, nothing, nothing, np.zeros(len(ids), np.int64), following, 0)

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        place = len(ids)
        while plan.limit is None or place < len(ids) + plan.limit:
            tell(Step(place, ids[0], place / 4))
            place += 1
            if ids[0] == WAITS:
                self.score(ids, 1, stop)
        return Generated(ids + ids[:1] * (place - len(ids)), "limit", place / 4)

    def close(self) -> None:
        pass


class Missing(Scripted):
    """An engine whose model isn't there."""

    def load_tokenizer(self, report: Report) -> Vocabulary:
        raise ModelNotFound("Model not found", "nowhere.", "Look elsewhere.")


def silent(_: Progress) -> None:
    pass


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    engine = EngineProcess(Scripted)
    engine.load_tokenizer(silent)
    yield engine
    engine.close()


def test_values_cross_as_they_are(engine: EngineProcess) -> None:
    vocabulary = engine.load_tokenizer(silent)
    assert vocabulary == Vocabulary((b"a", b"\xff"), bos=1, start=1)
    assert engine.encode("aé") == (97, 195, 169)
    scores = engine.score((1, 2, 3), 4, Stop())
    assert scores.ids == (1, 2, 3)
    assert scores.next.ids.tolist() == [0, 1, 2, 3]
    assert (scores.next.tail, scores.next.entropy) == (0.25, 1.5)


def test_how_far_a_long_call_is_is_told_and_is_no_step_of_a_run(engine: EngineProcess) -> None:
    seen, steps = list[Progress](), list[Step]()
    engine.score((1, 2, 3), 4, Stop())  # nobody hears of it
    engine.when_long(seen.append)
    engine.score((1, 2, 3), 4, Stop())
    engine.generate((1, 2), Plan(2), steps.append, Stop())
    assert seen == [Progress("reading the prompt", 1, 3)]
    assert [step.place for step in steps] == [2, 3]


@pytest.fixture
def begun() -> Iterator[EngineProcess]:
    engine = EngineProcess(Scripted)
    engine.begin()
    yield engine
    engine.close()


def test_a_tokenizer_that_was_begun_is_waited_for_and_not_begun_again(begun: EngineProcess) -> None:
    pid, seen = begun.pid, list[Progress]()
    assert begun.load_tokenizer(seen.append) == Vocabulary((b"a", b"\xff"), bos=1, start=1)
    assert begun.pid == pid is not None
    assert seen == [Progress("reading", 1, 2)]
    begun.load_tokenizer(silent)
    assert begun.pid != pid


def test_what_has_begun_ends_when_it_is_closed_and_begins_anew(begun: EngineProcess) -> None:
    assert begun.pid is not None
    child = psutil.Process(begun.pid)
    begun.close()
    assert not child.is_running()
    assert begun.load_tokenizer(silent).bos == 1


def test_a_death_before_the_tokenizer_was_asked_for_is_told_when_it_is(begun: EngineProcess) -> None:
    assert begun.pid is not None
    os.kill(begun.pid, signal.SIGKILL)
    with pytest.raises(EngineDied, match="signal 9"):
        begun.load_tokenizer(silent)
    assert begun.load_tokenizer(silent).bos == 1


def test_what_went_wrong_early_is_told_when_the_tokenizer_is_asked_for() -> None:
    engine = EngineProcess(Missing)
    engine.begin()
    with pytest.raises(ModelNotFound, match="nowhere"):
        engine.load_tokenizer(silent)
    engine.close()


def test_progress_arrives_in_order_while_the_call_runs(engine: EngineProcess) -> None:
    seen: list[Progress] = []
    assert engine.load_model(seen.append).model == "scripted"
    assert seen == [Progress("weights", done, 3) for done in range(3)]


def test_each_step_of_a_run_arrives_in_order_before_its_end(engine: EngineProcess) -> None:
    told: list[Step] = []
    run = engine.generate((5, 6), Plan(200), told.append, Stop())
    assert told == [Step(place, 5, place / 4) for place in range(2, 202)]
    assert run == Generated((5, 6, *[5] * 200), "limit", 202 / 4)


def test_a_stop_ends_a_run_and_what_came_was_told(engine: EngineProcess) -> None:
    stop, told = Stop(), []

    def tell(step: Step) -> None:
        told.append(step)
        stop.set()

    with pytest.raises(Stopped):
        engine.generate((WAITS,), Plan(None), tell, stop)
    assert told == [Step(1, WAITS, 0.25)]
    assert engine.score((1,), 3, Stop()).ids == (1,)


def test_what_a_run_left_untold_is_not_told_to_the_next(engine: EngineProcess) -> None:
    def refuse(_: Step) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate((5,), Plan(9), refuse, Stop())
    told: list[Step] = []
    engine.generate((6,), Plan(2), told.append, Stop())
    assert [step.token for step in told] == [6, 6]


def test_a_stop_ends_a_running_call_and_the_next_one_is_answered(engine: EngineProcess) -> None:
    stop = Stop()
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(Stopped):
        engine.score((WAITS,), 3, stop)
    assert engine.score((1,), 3, Stop()).ids == (1,)


def test_a_stop_set_before_the_call_ends_it_too(engine: EngineProcess) -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        engine.score((WAITS,), 3, stop)


def test_a_stop_after_the_answer_does_not_touch_the_next_call(engine: EngineProcess) -> None:
    late = Stop()
    engine.score((1,), 3, late)
    late.set()
    assert engine.score((2,), 3, Stop()).ids == (2,)


def test_an_error_keeps_its_three_parts(engine: EngineProcess) -> None:
    with pytest.raises(ContextTooLong) as caught:
        engine.score((TOO_LONG,), 3, Stop())
    error = caught.value
    assert (error.title, error.message, error.hint) == ("The prompt is too long", "3 tokens", "Shorten it.")


def test_a_bug_is_told_with_its_place_and_the_engine_goes_on(engine: EngineProcess) -> None:
    with pytest.raises(EngineFault, match=r"KeyError at test_process\.py:\d+"):
        engine.score((FAILS,), 3, Stop())
    assert engine.score((1,), 3, Stop()).ids == (1,)


def test_a_death_amid_a_call_is_told_with_its_cause_and_last_words(engine: EngineProcess) -> None:
    with pytest.raises(EngineDied, match=r"exit code 7.*out of paper"):
        engine.score((DIES,), 3, Stop())


def test_a_killed_engine_starts_again_when_it_is_loaded_again(engine: EngineProcess) -> None:
    pid = engine.pid
    assert pid is not None
    threading.Timer(0.05, lambda: os.kill(pid, signal.SIGKILL)).start()
    with pytest.raises(EngineDied, match="signal 9"):
        engine.score((WAITS,), 3, Stop())
    engine.load_tokenizer(silent)
    assert engine.score((1,), 3, Stop()).ids == (1,)
    assert engine.pid != pid


def test_a_death_is_told_while_nothing_is_asked(engine: EngineProcess) -> None:
    told = threading.Event()
    engine.when_died(told.set)
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    assert told.wait(PATIENCE_S)
    with pytest.raises(EngineDied):
        engine.score((1,), 3, Stop())


def test_closing_ends_the_child_and_tells_of_no_death(engine: EngineProcess) -> None:
    told: list[int] = []
    engine.when_died(lambda: told.append(1))
    watcher = next(t for t in threading.enumerate() if t.name == "engine-watch")
    engine.close()
    watcher.join(PATIENCE_S)
    assert engine.pid is None
    assert told == []
    with pytest.raises(EngineDied, match="isn't running"):
        engine.score((1,), 3, Stop())


def test_what_the_child_prints_does_not_reach_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    engine = EngineProcess(Scripted)
    engine.load_tokenizer(silent)
    engine.close()
    assert capfd.readouterr() == ("", "")


def test_the_child_goes_when_its_parent_does() -> None:
    script = (
        "import os\n"
        "from tests.engine.test_process import Scripted, silent\n"
        "from token_explorer.engine.process import EngineProcess\n"
        "if __name__ == '__main__':\n"
        "    engine = EngineProcess(Scripted); engine.load_tokenizer(silent)\n"
        "    print(engine.pid, flush=True); os._exit(0)\n"
    )
    # The child holds the pipe's other end: reading it ends when both processes have.
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=PATIENCE_S, check=True)
    child = int(ran.stdout)
    deadline = time.monotonic() + PATIENCE_S
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(os.name != "posix", reason="only there a process can be sent ctrl+c's signal alone")
def test_ctrl_c_while_the_child_starts_is_not_its_business() -> None:
    engine = EngineProcess(Scripted)
    over = threading.Event()

    def interrupt() -> None:
        while not over.wait(0.001):
            if engine.pid is not None:
                os.kill(engine.pid, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        engine.load_tokenizer(silent)
        assert engine.encode("a") == (97,)
    finally:
        over.set()
        thread.join()
        engine.close()
