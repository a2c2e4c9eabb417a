"""What a model wrote: its steps are the engine's, its numbers those of the places they stand in."""

import json
import math
import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import BOS, VOCABULARY, FakeEngine, encode, token_of
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Ending, Plan, Step
from token_explorer.core.knobs import KNOBS
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ContextTooLong
from token_explorer.results import document
from token_explorer.results.completion import complete
from token_explorer.results.generation import Written, generate, step_document, step_line
from token_explorer.results.opened import Opened

IDS = encode("Once upon a time")
ALL = len(VOCABULARY)
OPENED = Opened(FakeEngine(), VOCABULARY, FakeEngine().info)
SAMPLER = Sampler(temperature=0.8, top_k=40, top_p=0.9)

seeds = st.integers(0, 2**32 - 1)
endings: tuple[str, ...] = (*get_args(Ending), "interrupted")


def ignore(step: Step) -> None:
    pass


def written(plan: Plan, ids: TokenIds = IDS) -> Written:
    """What the fake engine writes."""
    return generate(OPENED, ids, plan, ignore, Stop())


def made_of(prompt: TokenIds, tokens: TokenIds, plan: Plan | None = None, ending: str = "limit") -> Written:
    """A run that wrote these tokens; of what else it might have, nothing is known."""
    steps = tuple(Step(len(prompt) + count, token, count / 4) for count, token in enumerate(tokens))
    return Written(OPENED, prompt, plan or Plan(None), steps, ending, 1.0)  # type: ignore[arg-type]


def ended(run: Written) -> list[str]:
    """What is said when the steps are told."""
    return [line.plain for line in run.closing()]


def test_each_step_is_told_as_it_comes_and_kept() -> None:
    told: list[Step] = []
    run = generate(OPENED, IDS, Plan(3), told.append, Stop())
    assert len(told) == 3
    assert run.steps == tuple(told)
    assert run.ids == (*IDS, *(step.token for step in told))
    assert run.ending == "limit"


@given(seeds)
def test_one_seed_gives_one_document_but_for_its_timings(seed: int) -> None:
    plan = Plan(6, SAMPLER, seed, alternatives=3)
    one, other = written(plan).document(), written(plan).document()
    assert one.pop("timings").keys() == other.pop("timings").keys()
    assert document.dumps(one) == document.dumps(other)


def test_seeds_make_a_difference() -> None:
    assert len({written(Plan(6, SAMPLER, seed)).ids for seed in range(8)}) > 1


@pytest.mark.parametrize("sampler", [None, SAMPLER])
def test_each_step_says_what_completing_the_prompt_there_says(sampler: Sampler | None) -> None:
    run = written(Plan(6, sampler, 11, alternatives=7))
    for step in run.document()["steps"]:
        there = complete(OPENED, run.ids[: step["place"] - 1], ALL, False, Stop()).document()
        known = {each["id"]: each for each in there["candidates"]}
        assert step["id"] == run.ids[step["place"] - 1]
        assert step["entropy_bits"] == pytest.approx(there["entropy_bits"], abs=1e-5)
        assert {each["id"] for each in there["candidates"][:7]} <= {
            each["id"] for each in step["alternatives"]
        }
        for each in (step, *step["alternatives"]):
            assert each["probability"] == pytest.approx(known[each["id"]]["probability"], abs=1e-6)
            assert each["logprob"] == pytest.approx(math.log(each["probability"]), abs=1e-5)
            assert each["rank"] == known[each["id"]]["rank"]


@given(seeds)
def test_what_the_sampler_leaves_sums_to_one_and_what_it_removed_says_by_which_stage(seed: int) -> None:
    titles = {knob.title for knob in KNOBS}
    for step in written(Plan(3, SAMPLER, seed, alternatives=ALL)).document()["steps"]:
        others = step["alternatives"]
        assert len(others) == ALL
        assert sum(each["sampled"] for each in others) == pytest.approx(1.0, abs=1e-5)
        assert all(each["sampled"] == 0.0 for each in others if each["removed"])
        assert {each["removed"] for each in others} <= {*titles, None}
        assert any(each["removed"] for each in others)
        assert step["sampled"] > 0.0


def test_without_a_sampler_there_is_nothing_of_it() -> None:
    run = written(Plan(3, seed=5, stops=("\n",), least=2, alternatives=2)).document()
    assert run["settings"] == {"limit": 3, "sampler": None, "seed": None, "stops": ["\n"], "least": 2}
    assert all(each["sampled"] is None for step in run["steps"] for each in (step, *step["alternatives"]))
    assert all(each["removed"] is None for step in run["steps"] for each in step["alternatives"])
    assert all(step["rank"] == 1 for step in run["steps"])


def test_every_knob_stands_in_the_document() -> None:
    settings = written(Plan(1, SAMPLER, 7)).document()["settings"]
    assert settings["sampler"] == {knob.name: getattr(SAMPLER, knob.name) for knob in KNOBS}
    assert settings["seed"] == 7


def test_the_numbers_of_a_token_come_even_if_no_alternative_was_asked_for() -> None:
    (step,) = written(Plan(1, SAMPLER, 3)).document()["steps"]
    assert step["id"] in [each["id"] for each in step["alternatives"]]


def test_the_samplers_steps_are_counted_from_the_end_of_the_prompt() -> None:
    engine = FakeEngine()
    generate(Opened(engine, VOCABULARY, engine.info), IDS, Plan(1, SAMPLER), ignore, Stop())
    assert engine.generated[0][1].prompt == len(IDS)


def test_a_run_that_is_stopped_keeps_what_came() -> None:
    stop = Stop()

    def told(step: Step) -> None:
        if step.place == len(IDS) + 2:
            stop.set()

    run = generate(OPENED, IDS, Plan(100), told, stop)
    assert run.ending == run.document()["ending"] == "interrupted"
    assert run.ids == written(Plan(3)).ids
    assert run.seconds == run.steps[-1].seconds


def test_a_run_that_is_stopped_before_its_first_token_has_no_speed() -> None:
    stop = Stop()
    stop.set()
    run = generate(OPENED, IDS, Plan(3), ignore, stop)
    assert run.document()["timings"] == {"seconds": 0.0, "tokens_per_second": None, "steps": []}
    assert ended(run) == ["0 tokens: interrupted"]


def test_a_full_context_is_an_error_before_the_run_and_its_end_within() -> None:
    engine = FakeEngine(context=len(IDS) + 2)
    opened = Opened(engine, VOCABULARY, engine.info)
    run = generate(opened, IDS, Plan(None), ignore, Stop())
    assert (len(run.steps), run.ending) == (2, "context")
    with pytest.raises(ContextTooLong):
        complete(opened, (*run.ids, 0), 1, False, Stop())


def test_the_text_is_of_the_written_bytes_alone() -> None:
    start, end = "日".encode()[:2], "日".encode()[2:]
    run = made_of((BOS, *b"a", *start), (*end, *b"b"))
    assert run.written == "\ufffdb"
    assert made_of((BOS,), tuple(" 日\n".encode())).written == " 日\n"


def test_a_character_that_the_run_completes_is_whole_in_the_text_and_stands_out() -> None:
    start, end = "日".encode()[:2], "日".encode()[2:]
    whole = made_of((BOS, *b"a\nb", *start), (*end, *b"c\n\nd")).closing()[1:-2]
    assert [line.plain for line in whole] == ["a", "b日c", "", "d"]
    assert [(span.start, span.end) for span in whole[1].spans if span.style] == [(1, 3)]
    assert [line.style or line.spans[0].style for line in whole[3:]] == [whole[1].spans[-1].style]


@given(seeds)
def test_no_token_reaches_a_terminal_as_it_is(seed: int) -> None:
    run = written(Plan(8, Sampler(temperature=10.0), seed, stops=("\x1b[31m",), alternatives=20))
    text = "".join(line.plain for line in run.text())
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Zl", "Zp"}


@given(st.lists(st.integers(0, ALL - 1), max_size=12).map(tuple), st.integers(0, 12))
def test_the_whole_text_has_the_lines_of_the_whole_prompt(ids: TokenIds, cut: int) -> None:
    run = made_of((BOS, *ids[:cut]), ids[cut:])
    lines = ended(run)
    assert all(line.isprintable() for line in lines)
    if run.steps:
        assert len(lines) == VOCABULARY.text(run.ids).count("\n") + 1 + 3


def test_all_there_is_to_say_is_the_steps_and_the_closing() -> None:
    run = written(Plan(4, SAMPLER, 2, alternatives=3))
    lines = [step_line(OPENED, step, number) for number, step in enumerate(run.steps, 1)]
    assert [line.plain for line in run.text()] == [line.plain for line in [*lines, *run.closing()]]


def test_a_steps_line_has_its_number_and_every_alternative_with_what_became_of_it() -> None:
    (step,) = written(Plan(1, Sampler(top_k=2), 2, alternatives=4)).steps
    listed = step.listed
    assert listed is not None
    line = step_line(OPENED, step, 12).plain
    assert line.split()[:2] == ["12", VOCABULARY[step.token].shown]
    assert all(VOCABULARY[id].shown in line for id in listed.ids.tolist())
    assert line.count("× top-k") == 2
    assert line.count("→") == 2


@pytest.mark.parametrize("ending", endings)
def test_every_ending_is_told_in_words_of_its_own(ending: str) -> None:
    said = {each: ended(made_of(IDS, (0,), ending=each))[-1] for each in endings}
    assert said[ending].startswith("1 token: ")
    assert list(said.values()).count(said[ending]) == 1


def test_the_stop_text_that_came_is_named() -> None:
    plan = Plan(None, stops=(" girl", "never", "\n"))
    run = made_of(IDS, (token_of(" small"), token_of(" girl")), plan, "stop")
    assert ended(run)[-1] == "2 tokens: a stop text came, “ girl”"


def test_a_step_without_its_alternatives_is_refused() -> None:
    with pytest.raises(ValueError, match="no alternatives"):
        step_document(VOCABULARY, Step(3, 0, 0.0))


def test_the_document_has_its_keys_in_their_order_and_is_json() -> None:
    made = written(Plan(2, SAMPLER, 1, alternatives=ALL)).document()
    assert list(made)[4:] == ["ids", "tokens", "settings", "steps", "text", "ending", "timings"]
    keys = "place id text bytes logprob probability rank sampled entropy_bits alternatives tail"
    assert list(made["steps"][0]) == keys.split()
    keys = "rank id text bytes logprob probability sampled removed"
    assert list(made["steps"][0]["alternatives"][0]) == keys.split()
    assert list(made["timings"]) == ["seconds", "tokens_per_second", "steps"]
    assert json.loads(document.dumps(made)) == made
