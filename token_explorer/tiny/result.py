"""What a training says at its end. Knows nothing of how models learn."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from token_explorer.tiny.training import Evaluation


@dataclass(frozen=True, slots=True)
class Trained:
    """A training.

    Attributes:
        parameters: how many numbers were learned.
        history: the evaluations.
        best: the one whose model is kept.
    """

    parameters: int
    history: "tuple[Evaluation, ...]"
    best: "Evaluation"

    def text(self) -> Iterator[Text]:
        """The evaluations as a table, and what is kept."""
        yield Text("iteration  training loss  validation loss")
        for each in self.history:
            yield Text(f"{each.iteration:>9}  {each.training:>13.4f}  {each.validation:>15.4f}")
        yield Text()
        kept = f"kept: the model of iteration {self.best.iteration}, the lowest validation loss"
        yield Text(f"{self.parameters:,} parameters; losses in nats a token; {kept}")
