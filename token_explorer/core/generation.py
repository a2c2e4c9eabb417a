"""Letting a model write: how far, by which sampler, and why it ended. Knows nothing of how it is run."""

from dataclasses import dataclass
from typing import Literal

from token_explorer.core.listing import Listed
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds

# Why a model wrote no further: so many tokens were asked for; it ended the text; a stop string came; its
# context is full; the sampler left no token.
Ending = Literal["limit", "end", "stop", "context", "nothing"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write.

    Attributes:
        limit: most tokens to write; None for as many as the context holds.
        sampler: what chooses each token; None for the likeliest one (greedy).
        seed: of the draws, each a function of the seed and the place it is for: a run is the same again.
        prompt: how many of the tokens are the prompt's own: the sampler's first steps are counted from there.
        stops: texts that end the writing once what was written contains one; the token that completes it
            is kept.
        least: fewest tokens of the run, counted from `prompt`, before a stop string may end it.
        alternatives: how many of the likeliest tokens each step tells of; 0 for none.
        begun: index of the first token that the run wrote, where this goes on with one; None where it begins.
            What was written since may be the beginning of a stop string.
    """

    limit: int | None
    sampler: Sampler | None = None
    seed: int = 0
    prompt: int = 0
    stops: tuple[str, ...] = ()
    least: int = 0
    alternatives: int = 0
    begun: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A token that was written.

    Attributes:
        place: its index in the prompt.
        token: its id.
        seconds: since the first token was asked for, of the engine's time.
        listed: the likeliest tokens of the distribution that it was taken from, itself among them, with what
            the sampler made of them; None where no alternatives were asked for.
    """

    place: int
    token: int
    seconds: float
    listed: Listed | None = None

    @property
    def taken(self) -> tuple[Listed, int]:
        """What the token was taken from, and which of it. Raises ValueError where that wasn't asked for."""
        if self.listed is None:
            raise ValueError(f"the step at {self.place} tells of no alternatives")
        return self.listed, self.listed.ids.tolist().index(self.token)


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written.

    Attributes:
        ids: the prompt, and what was written after it; all of it is scored and needs no forward any more.
        ending: why it ended.
        seconds: what it took, of the engine's time.
    """

    ids: TokenIds
    ending: Ending
    seconds: float
