"""Overlays: each a pure function from a glance to a reading. The one list that every front end reads."""

from difflib import get_close_matches

from token_explorer.core.tokens import display
from token_explorer.errors import InputError
from token_explorer.overlays.attention import ask_influence, influence
from token_explorer.overlays.attribution import ask_attribution, attribution
from token_explorer.overlays.change import change
from token_explorer.overlays.depth import ask_depth, depth
from token_explorer.overlays.overlay import Glance, Overlay
from token_explorer.overlays.residuals import ask_residuals, norm, similarity
from token_explorer.overlays.surprise import entropy, probability, rank, surprisal

# The key `e` goes through them in this order; the first three are as those who know the program expect them.
OVERLAYS: tuple[Overlay, ...] = (
    Overlay("probability", "how likely each token was, given those before it", probability),
    Overlay("entropy", "how open the choice was that each token settled", entropy),
    Overlay(
        "influence",
        "what attention drew on: a signal, not an explanation",
        influence,
        ask_influence,
        needs="attention",
    ),
    Overlay("surprisal", "how much of a surprise each token was, in bits", surprisal),
    Overlay("rank", "how many tokens were more likely, counting from 1", rank),
    Overlay(
        "similarity",
        "cosine of each token's state and the last one's, by layer",
        similarity,
        ask_residuals,
        needs="residuals",
        layered=True,
    ),
    Overlay(
        "norm",
        "length of each token's state, by layer, drawn by ratio",
        norm,
        ask_residuals,
        needs="residuals",
        layered=True,
    ),
    Overlay(
        "attribution",
        "what each token gave to a chosen one's logit, signed",
        attribution,
        ask_attribution,
        needs="gradient",
    ),
    Overlay(
        "depth",
        "from which layer on the model puts each token first",
        depth,
        ask_depth,
        needs="lens",
    ),
    Overlay("change", "how much likelier each token is than in the prompt this one was copied from", change),
)

__all__ = ["OVERLAYS", "Glance", "Overlay", "named"]


def named(name: str) -> Overlay:
    """The overlay with a name. Raises InputError, which tells the nearest one and all there are."""
    known = {overlay.name: overlay for overlay in OVERLAYS}
    if name not in known:
        near = get_close_matches(name, known, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        hint = f"{meant}There are: {', '.join(known)}."
        raise InputError("No such overlay", f"{display(name)}.", hint)
    return known[name]
