"""Whatever a user does, in any order, the real engine says what a fresh one says of the same ids."""

import contextlib
import functools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.random_models import VOCABULARY, random_model
from tests.engine.test_runner import assert_bounded, assert_true, fresh
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.core.observation import Following
from token_explorer.core.sampling import Sampler, draw, reshape
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine.generation import generate
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.runner import RECENT_BYTES, ModelRunner
from token_explorer.errors import NotPossible

IDS = tuple((7 * place + place * place) % 240 + 5 for place in range(20))
PIECES = Vocabulary(tuple(f"<{token}>".encode() for token in range(VOCABULARY)))
SAMPLER = Sampler(temperature=1.3, top_k=40, top_p=0.95, repetition_penalty=1.2, no_repeat_ngram=3)

load = functools.cache(random_model)


@dataclass
class Play:
    """A workspace, and the engine that is asked about it."""

    runner: ModelRunner
    space: Workspace = field(default_factory=lambda: Workspace.open(IDS))

    def write(self, tokens: int, sampled: bool, stop_after: int) -> None:
        """Let the model write; it is stopped after so many tokens."""
        stop, prompt = Stop(), self.space.branch.ids
        plan = Plan(tokens, SAMPLER if sampled else None, seed=9, prompt=len(self.space.branch.start))
        told: list[int] = []

        def tell(step: Step) -> None:
            told.append(step.token)
            if len(told) == stop_after:
                stop.set()

        with contextlib.suppress(Stopped):
            generate(self.runner, PIECES, prompt, plan, tell, stop)
        for place, token in enumerate(told):
            self.space = self.space.go_on(token) if place else self.space.append(token)
        assert self.space.branch.ids == (*prompt, *told)

    def check(self) -> None:
        """Scores, and the distribution at any place, are those of one forward with no cache."""
        ids, model = self.space.branch.ids, self.runner.model
        assert_true(self.runner.score(ids, 10, Stop()), model, ids)
        expected, microscope = fresh(model, ids), Microscope(self.runner)
        forwards = self.runner.counts.forwards
        for place in {1, (len(ids) + 1) // 2, len(ids)}:
            seen = microscope.observe(ids, Following(place), Stop())
            np.testing.assert_allclose(seen.logprobs, expected[place - 1], atol=2e-3)
        assert self.runner.counts.forwards == forwards
        assert sum(logits.nbytes for logits in self.runner._recent.values()) <= RECENT_BYTES
        assert_bounded(self.runner)


places = st.floats(0, 1, exclude_max=True)
moves = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 200)),
    st.tuples(st.just("choose"), places, st.integers(0, 200), st.booleans()),
    st.tuples(st.just("write"), st.integers(1, 5), st.booleans(), st.integers(1, 6)),
    st.tuples(st.just("insert"), st.lists(st.integers(0, 200), min_size=1, max_size=4)),
    st.sampled_from([(name,) for name in ("back", "undo", "redo", "fork", "drop", "reset", "switch")]),
)


def do(play: Play, name: str, *arguments: object) -> None:
    space = play.space
    if name == "append":
        play.space = space.append(*arguments)  # type: ignore[arg-type]
    elif name == "insert":
        play.space = space.append(*arguments[0])  # type: ignore[misc]
    elif name == "choose":
        part, token, keep_tail = arguments
        place = 1 + int(part * (len(space.branch.ids) - 1))  # type: ignore[operator]
        if place < len(space.branch.ids):
            play.space = space.choose(place, token, keep_tail=keep_tail)  # type: ignore[arg-type]
    elif name == "write":
        play.write(*arguments)  # type: ignore[arg-type]
    elif name == "switch":
        play.space = space.switch(1)
    else:
        play.space = getattr(space, name)()


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@settings(max_examples=8)
@given(steps=st.lists(moves, min_size=1, max_size=10), room=st.sampled_from([0, 20_000, 1 << 20]))
def test_any_actions_leave_what_a_fresh_engine_says(
    name: str, steps: list[tuple[object, ...]], room: int
) -> None:
    play = Play(ModelRunner(load(name)))
    play.runner.memory.tree.max_bytes = room
    for step in steps:
        with contextlib.suppress(NotPossible):
            do(play, *step)  # type: ignore[arg-type]
        play.check()
    for _ in play.space.past:
        play.space = play.space.undo()
    assert [branch.ids for branch in play.space.branches] == [IDS]
    play.check()


def test_a_replaced_token_with_its_tail_is_one_prefill_of_the_tail_alone() -> None:
    play = Play(ModelRunner(load("llama")))
    play.check()
    counts = play.runner.counts
    before = counts.forwards, counts.tokens
    play.space = play.space.choose(12, 3, keep_tail=True)
    play.runner.score(play.space.branch.ids, 10, Stop())
    assert (counts.forwards - before[0], counts.tokens - before[1]) == (1, len(IDS) - 12)
    play.check()


def test_what_is_sampled_is_drawn_from_what_a_fresh_engine_gives() -> None:
    play = Play(ModelRunner(load("llama")))
    play.write(8, sampled=True, stop_after=99)
    ids = IDS
    for token in play.space.branch.ids[len(IDS) :]:
        logits = fresh(play.runner.model, ids)[-1].float().numpy()
        # Penalties depend on the sign of raw logits, which log probabilities don't have: shift them back.
        raw = play.runner.logits(ids, Stop()).numpy()
        np.testing.assert_allclose(raw - raw.max(), logits - logits.max(), atol=2e-3)
        assert draw(reshape(SAMPLER, raw, ids, len(ids) - len(IDS), PIECES), 9, len(ids)) == token
        ids = (*ids, token)
