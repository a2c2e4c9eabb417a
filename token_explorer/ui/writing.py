"""A run of the model that is on the screen, as far as it has come. Knows nothing of how it is drawn."""

from dataclasses import dataclass, field

from token_explorer.core.generation import Plan
from token_explorer.core.tokens import TokenIds


@dataclass(slots=True)
class Writing:
    """A run of the model, as far as it has come.

    Attributes:
        first: index of the first token that it wrote.
        ids: the prompt, with what was written.
        seconds: since the first token was asked for.
        later: how far the runs go that shall follow this one, which is of one token.
    """

    plan: Plan
    first: int
    ids: TokenIds
    seconds: float = 0.0
    later: list[int | None] = field(default_factory=list)

    @property
    def words(self) -> str:
        """How far it has come, and how fast."""
        count = len(self.ids) - self.first
        rate = f" · {count / self.seconds:.1f} tokens/s" if self.seconds else ""
        return f"writing {count}{rate}"
