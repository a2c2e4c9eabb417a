"""A GPT-2 in training: its first weights, its steps, how it is judged, and its state, to go on from.

Knows nothing of words and files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

from token_explorer.core.engine import Stop
from token_explorer.tiny.batches import Parts, Windows, drawn, evaluated
from token_explorer.tiny.schedule import learning_rate
from token_explorer.tiny.settings import TinySettings

# Windows of a forward that evaluates.
_STRIDE = 64
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How good a model is.

    Attributes:
        iteration: how many steps it has learned for.
        training, validation: mean loss in each part of the data, nats a token.
    """

    iteration: int
    training: float
    validation: float


def make_model(settings: TinySettings, words: int) -> GPT2LMHeadModel:
    """A model with its first weights, which the seed decides; no other random numbers are touched."""
    config = GPT2Config(
        vocab_size=words,
        n_positions=settings.positions,
        n_embd=settings.width,
        n_layer=settings.layers,
        n_head=settings.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        # GPT-2's 0.02 is for a width of 768; so few numbers would hardly say anything at first.
        initializer_range=0.8 * settings.width**-0.5,
        bos_token_id=0,  # the space: a text that is empty starts with it
        eos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return GPT2LMHeadModel(config)


def make_optimizer(model: GPT2LMHeadModel, settings: TinySettings) -> torch.optim.AdamW:
    """AdamW, that lets matrices decay, and nothing else."""
    weights = list(model.parameters())
    groups = [
        {"params": [each for each in weights if each.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in weights if each.dim() <= 1], "weight_decay": 0.0},
    ]
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=betas, foreach=False)


class Training:
    """A model that learns, step by step.

    Args:
        words: of its vocabulary.
        device: torch's name of where it runs.
    """

    def __init__(self, settings: TinySettings, parts: Parts, words: int, device: str) -> None:
        self.settings = settings
        self.model = make_model(settings, words)
        cast(nn.Module, self.model).to(device)
        self.optimizer = make_optimizer(self.model, settings)
        self.iteration = 0
        """How many steps were taken."""
        self.history: list[Evaluation] = []
        self.losses: list[float] = []
        """Of each step, before it was taken."""
        self._parts = parts
        self._device = device

    @property
    def parameters(self) -> int:
        """How many numbers the model learns; the embeddings, which are the unembedding too, count once."""
        return sum(each.numel() for each in self.model.parameters())

    @property
    def best(self) -> Evaluation:
        """The evaluation with the lowest validation loss, the first of equals. Raises ValueError for none."""
        return min(self.history, key=lambda each: each.validation)

    @property
    def due(self) -> bool:
        """Whether the model is to be evaluated now."""
        known = bool(self.history) and self.history[-1].iteration == self.iteration
        last = self.iteration == self.settings.max_iters
        return not known and (last or self.iteration % self.settings.eval_interval == 0)

    def batch(self) -> Windows:
        """The windows of the next step, those of all its forwards."""
        count = self.settings.batch_size * self.settings.grad_accum
        return drawn(self._parts.training, self.settings.positions, count, self.settings.seed, self.iteration)

    def gradients(self) -> float:
        """Have the next step's gradients in the model, and give its loss: the mean over all its windows."""
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        batch, size, total = self.batch(), self.settings.batch_size, 0.0
        for start in range(0, len(batch.inputs), size):
            loss = self._loss(batch, slice(start, start + size)) / self.settings.grad_accum
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        if self.settings.grad_clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.grad_clip)
        return total

    def apply(self, loss: float) -> None:
        """Take the step that the gradients give."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, self.iteration)
        self.optimizer.step()
        self.losses.append(loss)
        self.iteration += 1

    @torch.no_grad()
    def evaluate(self) -> Evaluation:
        """Judge the model, and remember how good it is."""
        self.model.eval()  # type: ignore[no-untyped-call]
        losses = (self._mean(part) for part in (self._parts.training, self._parts.validation))
        self.history.append(Evaluation(self.iteration, *losses))
        return self.history[-1]

    def state(self) -> dict[str, Any]:
        """All that a training goes on from."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "history": [(each.iteration, each.training, each.validation) for each in self.history],
            "losses": list(self.losses),
        }

    def restore(self, state: State) -> None:
        """Go on from what `state` gave."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration = state["iteration"]
        self.history = [Evaluation(*each) for each in state["history"]]
        self.losses = list(state["losses"])

    def _loss(self, windows: Windows, part: slice) -> Tensor:
        inputs = torch.from_numpy(windows.inputs[part]).to(self._device)
        targets = torch.from_numpy(windows.targets[part]).to(self._device)
        logits = self.model(input_ids=inputs, use_cache=False).logits
        return cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def _mean(self, ids: Any) -> float:
        windows = evaluated(ids, self.settings.positions)
        count, total = len(windows.inputs), 0.0
        for start in range(0, count, _STRIDE):
            part = slice(start, min(start + _STRIDE, count))
            total += float(self._loss(windows, part)) * (part.stop - start)
        return total / count


def train(
    training: Training,
    step: Callable[[], float],
    tell: Callable[[float], None],
    keep: Callable[[Evaluation], None],
    stop: Stop,
) -> bool:
    """Train to the end, or until `stop` is set; says whether the end was reached.

    Args:
        step: takes a step, and gives its loss.
        tell: called with the loss of each step.
        keep: called with each evaluation.
    """
    while True:
        if training.due:
            keep(training.evaluate())
        if training.iteration >= training.settings.max_iters:
            return True
        if stop.is_set():
            return False
        tell(step())


def plain_step(training: Training) -> float:
    """Take a step that nobody looks at."""
    loss = training.gradients()
    training.apply(loss)
    return loss
