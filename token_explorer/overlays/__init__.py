"""Overlays: each a pure function from scores to a reading. The one list that every front end reads."""

from token_explorer.overlays.overlay import Glance, Overlay
from token_explorer.overlays.surprise import entropy, probability, rank, surprisal

OVERLAYS: tuple[Overlay, ...] = (
    Overlay("probability", "how likely each token was, given those before it", probability),
    Overlay("entropy", "how open the choice was that each token settled", entropy),
    Overlay("surprisal", "how much of a surprise each token was, in bits", surprisal),
    Overlay("rank", "how many tokens were more likely, counting from 1", rank),
)

__all__ = ["OVERLAYS", "Glance", "Overlay"]
