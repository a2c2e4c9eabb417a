"""A run in slices, so that others are answered in between; together they write what one uncut run would.

A draw is a function of the seed and the place, and what was written is scored: so nothing is lost by a cut.
Knows nothing of who else asks.
"""

from dataclasses import dataclass, replace

from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.tokens import TokenIds

# Tokens of a slice: few enough that who waits hardly notices.
SLICE = 4


@dataclass(frozen=True, slots=True)
class SlicedRun:
    """A run of which a part is written.

    Attributes:
        ids: the prompt, and what was written after it.
        plan: what is left to write.
        seconds: what it took so far, of the engine's time.
    """

    ids: TokenIds
    plan: Plan
    seconds: float = 0.0

    @property
    def slice(self) -> Plan:
        """What to write next."""
        begun = len(self.ids) if self.plan.begun is None else self.plan.begun
        limit = SLICE if self.plan.limit is None else min(SLICE, self.plan.limit)
        return replace(self.plan, limit=limit, begun=begun)

    def timed(self, step: Step) -> Step:
        """A step of the next slice as one of the run."""
        return replace(step, seconds=self.seconds + step.seconds)

    def after(self, written: Generated, context: int) -> "SlicedRun | Generated":
        """The run after its next slice: what is left of it, or how it ended.

        Args:
            context: how many tokens the model was made for; 0 where it states none.
        """
        seconds, count = self.seconds + written.seconds, len(written.ids) - len(self.ids)
        left = None if self.plan.limit is None else self.plan.limit - count
        if written.ending != "limit" or left == 0:
            return replace(written, seconds=seconds)
        if len(written.ids) == context:
            return Generated(written.ids, "context", seconds)
        return SlicedRun(written.ids, replace(self.slice, limit=left), seconds)
