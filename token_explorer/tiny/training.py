"""Training a tiny model: batches, gradients, AdamW, evaluations. Knows nothing of files and words.

Each iteration's batches are drawn by the seed and the iteration's number alone, so that a run that is
resumed is the same run.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.tiny.settings import BETAS, EPSILON, VALIDATION_PART, Recipe, Shape

# Sequences that an evaluation looks at, at most.
EVALUATED = 256
# Of first weights, about one over the root of the default width: GPT-2's 0.02 learns little in 200 steps.
SPREAD = 0.2
State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a model did: mean cross-entropy of a token, nats.

    Attributes:
        iteration: how many there were before it.
    """

    iteration: int
    training: float
    validation: float


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """A training so far.

    Attributes:
        iteration: how many iterations are done.
        model, optimizer: their states now.
        losses: of each iteration's batches, nats.
        evaluations: in their order.
        best: the state of the model that had the lowest validation loss.
    """

    iteration: int
    model: State
    optimizer: State
    losses: tuple[float, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    best: State = field(default_factory=dict)

    @property
    def best_evaluation(self) -> Evaluation:
        """The one with the lowest validation loss, the first of equals."""
        return min(self.evaluations, key=lambda each: each.validation)


@dataclass(frozen=True, slots=True)
class Data:
    """What is learned from, and what it is tried on."""

    training: Tensor
    validation: Tensor


def split(ids: TokenIds, positions: int) -> Data:
    """Training and validation data: the end of the text is kept for the latter.

    Raises InputError for a text that is too short for both.
    """
    kept = max(positions + 1, round(len(ids) * VALIDATION_PART))
    if len(ids) - kept < positions + 1:
        least = 2 * (positions + 1)
        message = f"the data has {len(ids)} tokens; with {positions} positions it needs {least}."
        raise InputError("Too little to learn from", message, "Give it more text, or fewer --positions.")
    tokens = torch.tensor(ids)
    return Data(tokens[:-kept], tokens[-kept:])


def new_model(shape: Shape, size: int, seed: int) -> GPT2LMHeadModel:
    """A GPT-2 of a shape with random weights.

    Args:
        size: how many tokens there are.
    """
    torch.manual_seed(seed)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=size,
            n_positions=shape.positions,
            n_embd=shape.width,
            n_layer=shape.layers,
            n_head=shape.heads,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
            initializer_range=SPREAD,
            bos_token_id=0,
            eos_token_id=None,
        )
    )


def new_optimizer(model: GPT2LMHeadModel, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW, which has matrices decay, and neither biases nor gains."""
    matrices = [each for each in model.parameters() if each.dim() > 1]
    others = [each for each in model.parameters() if each.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=BETAS, eps=EPSILON)


class Training:
    """A training, step by step.

    Args:
        model: it is trained.
        resumed: where to go on from; None for the beginning.
    """

    def __init__(
        self, model: GPT2LMHeadModel, data: Data, recipe: Recipe, device: str, resumed: Progress | None = None
    ) -> None:
        self.model, self.recipe = model, recipe
        model.to(torch.device(device))  # type: ignore[arg-type]  # it is wrapped in a way that hides its self
        self.optimizer = new_optimizer(model, recipe)
        self._data, self._device = data, device
        self.progress = resumed or Progress(0, {}, {})
        if resumed is not None:
            self.model.load_state_dict(resumed.model)
            self.optimizer.load_state_dict(resumed.optimizer)

    def run(self, tell: Callable[[Progress], None], stop: Stop) -> Progress:
        """Train to the end, or until `stop` is set; what was best is kept.

        Args:
            tell: called after each iteration.
        """
        while self.progress.iteration < self.recipe.iterations and not stop.is_set():
            if self._is_due and not self._is_evaluated:
                self.evaluate()
            self.step(self.batches())
            tell(self.progress)
        if not self._is_evaluated:
            self.evaluate()
        return self.keep()

    @property
    def _is_due(self) -> bool:
        return self.progress.iteration % self.recipe.evaluate_every == 0

    @property
    def _is_evaluated(self) -> bool:
        done = self.progress.evaluations
        return bool(done) and done[-1].iteration == self.progress.iteration

    def batches(self) -> list[Tensor]:
        """The batches (B, T + 1) of the next iteration."""
        draws = torch.Generator().manual_seed((self.recipe.seed << 32) + self.progress.iteration)
        sequences, tokens = self.recipe.batch_size, self._data.training
        return [
            _windows(tokens, self._places(tokens, sequences, draws), self._length)
            for _ in range(self.recipe.accumulation)
        ]

    def step(self, batches: Sequence[Tensor]) -> float:
        """One iteration: the gradients of all batches, and AdamW's step; the loss before that, nats."""
        loss = self.backward(batches)
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.rate(self.progress.iteration)
        self.optimizer.step()
        before = self.progress
        self.progress = replace(before, iteration=before.iteration + 1, losses=(*before.losses, loss))
        return loss

    def backward(self, batches: Sequence[Tensor]) -> float:
        """Leave the mean gradient of batches of one size in the parameters; returns the mean loss, nats."""
        self.model.train()
        self.optimizer.zero_grad()
        total = 0.0
        for batch in batches:
            loss = self.loss(batch) / len(batches)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def loss(self, batch: Tensor) -> Tensor:
        """The mean cross-entropy of the tokens that follow, nats, of a batch (B, T + 1)."""
        batch = batch.to(self._device)
        logits = self.model(batch[:, :-1], use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """How well the model does now on both parts of the data; keeps it where it is the best so far."""
        self.model.eval()  # type: ignore[no-untyped-call]
        losses = [
            float(self.loss(_spread(part, self._length)))
            for part in (self._data.training, self._data.validation)
        ]
        made = Evaluation(self.progress.iteration, losses[0], losses[1])
        before = self.progress
        is_best = not before.evaluations or made.validation < before.best_evaluation.validation
        best = _copy(self.model.state_dict()) if is_best else before.best
        self.progress = replace(before, evaluations=(*before.evaluations, made), best=best)
        return made

    def keep(self) -> Progress:
        """The training so far, with the states that it can be resumed from."""
        model, optimizer = _copy(self.model.state_dict()), self.optimizer.state_dict()
        self.progress = replace(self.progress, model=model, optimizer=optimizer)
        return self.progress

    @property
    def _length(self) -> int:
        """Of the sequences, the token that follows included."""
        return int(self.model.config.n_positions) + 1

    def _places(self, tokens: Tensor, count: int, draws: torch.Generator) -> Tensor:
        return torch.randint(len(tokens) - self._length + 1, (count,), generator=draws)


def _windows(tokens: Tensor, places: Tensor, length: int) -> Tensor:
    """Sequences (B, length) that begin at some places."""
    return tokens[places[:, None] + torch.arange(length)]


def _spread(tokens: Tensor, length: int) -> Tensor:
    """Sequences spread evenly over a text, as many as an evaluation looks at."""
    last = len(tokens) - length
    places = torch.linspace(0, last, min(EVALUATED, last + 1)).round().long()
    return _windows(tokens, places, length)


def _copy(state: State) -> State:
    return {name: values.detach().cpu().clone() for name, values in state.items()}
