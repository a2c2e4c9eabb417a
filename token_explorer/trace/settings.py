"""How a trace is made: how far the model writes, by which sampler, and what is kept of it.

Knows nothing of flags or files.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from token_explorer.core.generation import Plan
from token_explorer.core.sampling import Sampler

# What a snapshot shows of a layer's heads: their mean, each key's largest weight in any of them, one of them
# by its number from 1, or each by itself.
Heads = Literal["mean", "max", "all"] | int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """What was asked for.

    Attributes:
        limit: most tokens to write.
        least: fewest tokens before a stop string may end the text.
        sampler: what chooses each token; None for the likeliest one (greedy).
        seed: of the draws.
        stops: texts that end the writing.
        alternatives: how many of the likeliest tokens each step lists.
        attention_every: so many tokens lie between two snapshots of the attention; 0 for none but the
            prompt's.
        layer: whose attention, from 1; None for the last one.
        heads: see Heads.
    """

    limit: int = 120
    least: int = 0
    sampler: Sampler | None = None
    seed: int = 0
    stops: tuple[str, ...] = ()
    alternatives: int = 10
    attention_every: int = 0
    layer: int | None = None
    heads: Heads = "mean"

    def plan(self, prompt: int) -> Plan:
        """The plan for a prompt of so many tokens."""
        return Plan(
            self.limit,
            self.sampler,
            self.seed,
            prompt,
            self.stops,
            least=self.least,
            alternatives=self.alternatives,
        )

    def document(self) -> dict[str, Any]:
        """As a trace holds them: `sampler` and `seed` are null for greedy, `layer` for the last one."""
        return {
            "limit": self.limit,
            "sampler": None if self.sampler is None else asdict(self.sampler),
            "seed": None if self.sampler is None else self.seed,
            "stops": list(self.stops),
            "least": self.least,
            "alternatives": self.alternatives,
            "attention_every": self.attention_every,
            "layer": self.layer,
            "heads": self.heads,
        }
