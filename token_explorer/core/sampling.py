"""The sampler: what is done to a model's logits before a token is drawn, stage by stage.

The stages and their order are those of transformers' `generate`. Pure numpy; knows nothing of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds, Vocabulary


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting of the sampler.

    Attributes:
        name: of the field of Sampler.
        title: on the screen; also the name of the stage that it sets, and of the command.
        low, high: the smallest and the largest value.
        off: the value that changes nothing.
        notches: values that a key steps through, ascending.
        whole: whether it is a whole number.
        unit: what it counts.
        help: one sentence.
    """

    name: str
    title: str
    low: float
    high: float
    off: float
    notches: tuple[float, ...]
    whole: bool
    unit: str
    help: str


KNOBS: tuple[Knob, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampler:
    """What is done to the logits; each field by itself does nothing at its default.

    Attributes:
        repetition_penalty: divides positive and multiplies negative logits of tokens that are in the prompt
            (Keskar et al. 2019, CTRL).
        no_repeat_ngram: length of the runs of tokens that may not come twice; 0 for none.
        block_end: so many first steps may not end the text.
        block_blank: so many first steps may not be blanks alone.
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: so many likeliest tokens stay, and ties of the last one; 0 for all.
        top_p: the fewest likeliest tokens with this much probability stay (Holtzman et al. 2020, nucleus).
        min_p: tokens with at least this share of the likeliest one's probability stay (Nguyen et al. 2024).
    """

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    block_end: int = 0
    block_blank: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What the sampler makes of a distribution.

    Attributes:
        probabilities (V,): of each token to be drawn; they sum to 1, or to 0 where no token is left.
        removed (V,): index into KNOBS of the stage that removed a token; -1 for those that are left.
    """

    probabilities: Floats
    removed: NDArray[np.int8]


def reshape(sampler: Sampler, logits: Floats, ids: TokenIds, step: int, vocabulary: Vocabulary) -> Sampled:
    """What a sampler makes of the logits (V,) after a prompt.

    Args:
        ids: the prompt.
        step: how many tokens were written since the run began, this one not counted.
    """
    raise NotImplementedError


def draw(sampled: Sampled, seed: int, place: int) -> int | None:
    """The token for a place, drawn with a seed: the same for the same three; None where no token is left."""
    raise NotImplementedError
