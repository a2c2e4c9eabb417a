"""The settings of a training: the model's sizes, and how it learns. Knows nothing of flags and torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from token_explorer.errors import InputError


@dataclass(frozen=True, slots=True)
class TinySettings:
    """What a training depends on, beside its data: the same again gives the same model.

    Attributes:
        vocabulary: most words of the model, the space among them.
        positions: tokens that it reads at once.
        layers, heads, width: of the model; each head has width / heads numbers.
        batch_size: windows of a forward.
        grad_accum: forwards whose gradients make one step.
        max_iters: steps in all.
        learning_rate: the highest, reached after the warm-up.
        min_learning_rate: what the cosine ends at.
        warmup_iters: steps on which the learning rate rises from 0.
        weight_decay: of matrices; biases and norms have none.
        beta1, beta2: how much of each moment is kept from step to step.
        grad_clip: the longest gradient, all parameters together; a longer one is shortened. 0: none is.
        eval_interval: steps between evaluations.
        seed: of the first weights and of the windows.
    """

    vocabulary: int = 32
    positions: int = 8
    layers: int = 2
    heads: int = 2
    width: int = 16
    batch_size: int = 4
    grad_accum: int = 4
    max_iters: int = 200
    learning_rate: float = 0.01
    min_learning_rate: float = 0.001
    warmup_iters: int = 20
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    grad_clip: float = 1.0
    eval_interval: int = 100
    seed: int = 3

    def check(self) -> None:
        """Raise InputError for values that don't go together."""
        if self.width % self.heads:
            message = f"--width {self.width} can't be shared by --heads {self.heads}."
            raise InputError("Impossible model", message, "Choose a width that is a multiple of the heads.")
        if self.min_learning_rate > self.learning_rate:
            message = f"{self.min_learning_rate:g} is more than --learning_rate {self.learning_rate:g}."
            raise InputError(
                "Impossible learning rate", f"--min_learning_rate {message}", "Turn one of them."
            )

    def document(self) -> dict[str, Any]:
        """As JSON: each setting by its name."""
        return asdict(self)


def read(document: Mapping[str, Any]) -> TinySettings:
    """The settings that a document has. Raises TypeError and KeyError for one that has others."""
    return TinySettings(**{each.name: document[each.name] for each in fields(TinySettings)})


def changed(kept: TinySettings, given: Mapping[str, Any]) -> list[str]:
    """The flags among those given, by their settings' names, that say something else than what was kept."""
    return [f"--{name} {value}" for name, value in given.items() if getattr(kept, name) != value]
