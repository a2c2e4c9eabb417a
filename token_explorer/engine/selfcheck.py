"""What a model proves when it is opened, on a short text: the microscope checks itself before it is trusted.

Knows nothing of how the results are shown.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from token_explorer.core.engine import Check, Stop
from token_explorer.core.observation import AttentionRow, AttentionRows
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.anatomy import logits_apart, logits_tolerance
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.runner import ModelRunner

# Characters of one to four bytes, blanks, digits: what a tokenizer may lose.
TEXT = "A naïve test: 3 × 7 = 21 → 👍\n  The capital of France is"
SUM_BOUND = 1e-5


def check_text(vocabulary: Vocabulary, ids: TokenIds, text: str = TEXT) -> Check:
    """Whether the tokens of a text have its bytes; the value is how many bytes are other ones."""
    joined, spelled = vocabulary.utf8(ids), text.encode()
    wrong = sum(a != b for a, b in zip(joined, spelled, strict=False)) + abs(len(joined) - len(spelled))
    return Check("tokens join back to the text, bytes that differ", wrong, 0)


@torch.inference_mode()
def check_numbers(
    runner: ModelRunner, microscope: Microscope, ids: TokenIds, stop: Stop
) -> tuple[Check, ...]:
    """The checks that this model can make on a prompt: of what it lacks there is none.

    Raises Stopped soon after `stop` is set.
    """
    with runner.stopping(stop):
        return tuple(_checks(runner, microscope, ids, stop))


def _checks(runner: ModelRunner, microscope: Microscope, ids: TokenIds, stop: Stop) -> Iterator[Check]:
    lacks = microscope.lacks(stop)
    bound = logits_tolerance(runner.model.dtype)
    whole = runner.model(input_ids=torch.tensor([ids], device=runner.model.device), use_cache=False).logits[0]
    listed = runner.score(ids, runner.vocabulary_size, stop).next
    yield Check(
        "probabilities sum to 1", abs(float(listed.probabilities.sum(dtype=np.float64)) - 1), SUM_BOUND
    )
    if runner.reuse:
        apart = logits_apart(_stepped(runner, ids, stop), whole[-1])
        yield Check("cached logits are the uncached ones, of their spread", apart, bound)
    if "lens" not in lacks:
        apart = logits_apart(_lens_of_last(runner, ids, stop), whole)
        yield Check("the lens of the last layer is the model's output, of its spread", apart, bound)
    if microscope.look_ahead is not None:
        apart = microscope.look_ahead.apart
        yield Check("looking ahead gives what separate steps give, of their spread", apart, bound)
    if "attention" not in lacks:
        rows = microscope.observe(ids, AttentionRow(len(ids) - 1), stop)
        yield check_rows(rows, runner.model.dtype)


def _stepped(runner: ModelRunner, ids: TokenIds, stop: Stop) -> Tensor:
    """The (V,) logits after a prompt whose last token was run alone, on what was kept of the others."""
    runner.score(ids, 1, stop)
    logits: Tensor = runner.replay(ids, len(ids) - 1, stop).logits[0, -1]
    return logits


def _lens_of_last(runner: ModelRunner, ids: TokenIds, stop: Stop) -> Tensor:
    room = runner.residuals.room_for(len(ids))
    runner.replay(ids, 0, stop, into=room)
    return runner.lens(room[-1])


def check_rows(rows: AttentionRows, dtype: torch.dtype) -> Check:
    """Whether attention rows sum to 1, or to less where learned sinks take a part of each, never to more."""
    bound = 1e-4 if dtype == torch.float32 else 2e-2  # weights rounded to bfloat16
    missing = rows.missing
    if missing.max() > bound:
        name = f"attention rows sum to 1 with what goes to no token, up to {missing.max():.2f}"
        return Check(name, float(max(0.0, -missing.min())), bound)
    return Check("attention rows sum to 1", float(np.abs(missing).max()), bound)
