"""What an overlay is, and what it is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from token_explorer.core.observation import Facet, Kind
from token_explorer.core.reading import Reading
from token_explorer.core.scores import Floats, Scores


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """What an overlay is read at: the prompt, where the user looks, and what they chose.

    Attributes:
        scores: of the prompt.
        cursor: index of the token that is looked at; None for the end.
        chosen: id of the candidate that is chosen to come next; None for none.
        layer: of the overlays that show one; 0 is the embeddings, `layers` the last.
        layers: how many decoder layers the model has.
        heads: how many attention heads the influence is taken from.
        sink: whether the first token, on which attention rests that has nowhere to go, counts in the scale.
        other: scores of the prompt that this one was copied from; None where there is none, or they aren't
            known.
    """

    scores: Scores
    cursor: int | None = None
    chosen: int | None = None
    layer: int = 0
    layers: int = 0
    heads: int = 32
    sink: bool = True
    other: Scores | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """A named way to colour a prompt.

    Attributes:
        name: in commands, configuration and the palette.
        help: one line for the help screen.
        read: the reading, given what `ask` asked for (None where it asks for nothing).
        ask: the facet that it needs beside the scores; None where it needs none, or where nothing is defined.
        needs: what the model must have for it; None for scores alone.
        layered: whether it shows one layer, that the user chooses.
    """

    name: str
    help: str
    read: Callable[[Glance, Any], Reading]
    ask: Callable[[Glance], Facet[Any] | None] = lambda glance: None
    needs: Kind | None = None
    layered: bool = False


def of_first(values: Floats, glance: Glance) -> Floats:
    """(T,) values of the prompt's first tokens; NaN for those after them."""
    whole = np.full(len(glance.scores.ids), np.nan, np.float32)
    whole[: len(values)] = values
    return whole
