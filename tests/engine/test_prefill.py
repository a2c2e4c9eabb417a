"""What reading a prompt takes: forwards, rows unembedded, bytes copied and bytes held, counted."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.engine.random_models import random_model
from token_explorer.core.engine import Progress, Stop
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import runner as runner_module
from token_explorer.engine import scoring
from token_explorer.engine.kv import SPARE_TOKENS
from token_explorer.engine.runner import READING, ModelRunner
from token_explorer.engine.scoring import score_alternatives, score_rows

load = functools.cache(random_model)


@pytest.fixture
def llama() -> ModelRunner:
    return ModelRunner(load("llama"))


def prompt(tokens: int) -> TokenIds:
    return tuple(i * 7 % 200 for i in range(tokens))


class NewTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes how large the tensors are that operations make; views of those given are none."""

    def __init__(self, given: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = 0
        self._given = given.untyped_storage().data_ptr()

    def __torch_dispatch__(
        self, operation: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() != self._given:
                self.most = max(self.most, tensor.untyped_storage().nbytes())
        return made


def test_a_prompt_is_read_in_pieces_and_no_position_is_run_or_unembedded_twice(
    llama: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PIECE_TOKENS", 100)
    llama.score(prompt(1000), 10, Stop())
    counts = llama.counts
    assert (counts.forwards, counts.tokens, counts.unembedded_rows) == (10, 1000, 1000)


def test_reading_a_prompt_in_pieces_copies_no_row(
    llama: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PIECE_TOKENS", 100)
    llama.score(prompt(1000), 10, Stop())
    assert llama.memory.track.moved_bytes == 0


def test_what_is_typed_behind_a_long_prompt_copies_no_row_of_it(llama: ModelRunner) -> None:
    ids = prompt(600)
    llama.score(ids, 10, Stop())
    for token in range(100):
        ids = (*ids, token)
        llama.score(ids, 10, Stop())
    assert llama.memory.track.moved_bytes == 0


def test_a_long_prompt_takes_room_for_its_rows_and_the_spare_ones(llama: ModelRunner) -> None:
    llama.score(prompt(1000), 10, Stop())
    assert llama.memory.track.capacity == 1000 + SPARE_TOKENS


def test_logits_are_scored_without_a_second_copy_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(64, 500, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(scoring, "CACHED_BYTES", 8 * 4 * 500)
    with NewTensors(logits) as made:
        score_rows(logits, torch.arange(64))
    assert 0 < made.most <= 8 * 4 * 500


@pytest.mark.parametrize("rows", [1, 3, 8, 100])
def test_scores_do_not_depend_on_how_many_rows_are_gone_over_at_once(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = 4 * torch.randn(20, 1000, generator=torch.Generator().manual_seed(2))
    targets = torch.arange(20) * 50
    together = score_rows(logits.clone(), targets)
    monkeypatch.setattr(scoring, "CACHED_BYTES", rows * 4 * 1000)
    torch.testing.assert_close(score_rows(logits.clone(), targets), together, atol=2e-6, rtol=0)


@pytest.mark.parametrize("spread", [0.0, 0.01, 3.0, 40.0])
@pytest.mark.parametrize("lift", [0.0, 3000.0, -3000.0])
def test_scores_of_flat_and_of_sharp_distributions_are_exact(spread: float, lift: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = lift + spread * torch.randn(12, 150_000, generator=generator)
    logits[:, ::7] = -torch.inf
    targets = 1 + 7 * torch.arange(12)
    exact = logits.double().log_softmax(1)
    chosen = exact.gather(1, targets[:, None])
    entropies = torch.special.entr(exact.exp()).sum(1)
    ranks = 1 + (exact > chosen).sum(1)
    found = score_rows(logits.clone(), targets).double()
    torch.testing.assert_close(found[0], chosen[:, 0], atol=2e-5, rtol=1e-6)
    torch.testing.assert_close(found[1], entropies, atol=1e-5 * NATS_PER_BIT, rtol=0)
    assert found[2].tolist() == ranks.tolist()


@given(st.lists(st.integers(0, 299), min_size=1, max_size=40), st.integers(0, 9))
def test_alternatives_in_one_place_are_scored_as_each_would_be_in_its_own(
    tokens: list[int], seed: int
) -> None:
    logits = 4 * torch.randn(300, generator=torch.Generator().manual_seed(seed))
    logits[::9] = -torch.inf
    before, targets = logits.clone(), torch.tensor(tokens)
    found = score_alternatives(logits, targets)
    assert torch.equal(logits, before)
    assert torch.equal(found, score_rows(logits.repeat(len(tokens), 1), targets))


def test_how_far_a_prompt_of_several_pieces_is_read_is_told(
    llama: ModelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PIECE_TOKENS", 100)
    told: list[Progress] = []
    llama.report = told.append
    llama.score(prompt(100), 10, Stop())
    assert told == []
    llama.score(prompt(350), 10, Stop())
    assert told == [Progress(READING, done, 250) for done in (0, 100, 200)]
