"""What the user chose to see: overlay, layer, the candidates' layers, a pinned token, sampler, search.

Knows nothing of prompts, nor of what is known of them.
"""

from collections.abc import Callable

from token_explorer.core.engine import EngineInfo
from token_explorer.core.observation import Kind, LayerTable
from token_explorer.core.reading import Grid
from token_explorer.core.sampling import Sampler
from token_explorer.core.search import Query
from token_explorer.errors import NotPossible
from token_explorer.overlays import OVERLAYS, Overlay
from token_explorer.overlays.layers import correlations, probabilities

GRIDS: dict[str, Callable[[LayerTable], Grid]] = {
    "probabilities": probabilities,
    "correlations": correlations,
}
# What the key for layers goes through, and what each shows.
LAYER_MODES = {
    "none": "no layers of the candidates",
    "probabilities": "the candidates' probabilities in each layer",
    "correlations": "the same, as shares of each candidate's maximum over layers",
}
# What the line below the prompt draws, in the order in which its key goes through it; '' for no line.
SPARKS = ("", "surprisal", "entropy")


class Choices:
    """What is to be seen, of what the model has."""

    def __init__(self) -> None:
        self.info: EngineInfo | None = None
        self.pin: int | None = None
        """Id of the token that is followed through the layers; None for none."""
        self.sink = True
        """Whether the first token counts in the scale of attention."""
        self.layer_mode = "none"
        self.sampler = Sampler()
        self.sampler_on = False
        self.seed: int | None = None
        """Of what the sampler draws; None for a fresh one each time."""
        self.query: Query | None = None
        """What the table is searched for; None for its likeliest tokens."""
        self.spark = ""
        """What the line below the prompt draws; one of SPARKS."""
        self._overlay = 0
        self._layer: int | None = None

    def see_as(self, other: "Choices") -> None:
        """See things as they were seen with another model, as far as that means something with this one."""
        self._overlay, self.sink, self.spark = other._overlay, other.sink, other.spark
        self.layer_mode, self.seed = other.layer_mode, other.seed
        self.sampler, self.sampler_on = other.sampler, other.sampler_on

    def meet(self, info: EngineInfo) -> None:
        """The model is this one: what it lacks isn't used any more."""
        self.info = info
        if self.lack("distribution"):
            self.sampler_on, self.query = False, None

    def lack(self, kind: Kind | None) -> str:
        """Why the model can't show a kind of facet; '' where it can, or isn't loaded."""
        return "" if self.info is None or kind is None else self.info.lacks.get(kind, "")

    @property
    def overlay(self) -> Overlay | None:
        """The overlay in use; None for plain text."""
        return OVERLAYS[self._overlay - 1] if self._overlay else None

    def turn_overlay(self, steps: int) -> None:
        """The overlay that stands `steps` further; plain text is one of them."""
        self._overlay = (self._overlay + steps) % (len(OVERLAYS) + 1)

    def use_overlay(self, overlay: Overlay | None) -> None:
        """One overlay; None for plain text."""
        self._overlay = 0 if overlay is None else OVERLAYS.index(overlay) + 1

    @property
    def layer(self) -> int:
        """The layer that layered overlays show; at first the last one."""
        layers = 0 if self.info is None else self.info.layers
        return layers if self._layer is None else min(self._layer, layers)

    def turn_layer(self, steps: int) -> None:
        """Show so many layers higher, as far as there are; 0 is the embeddings. Raises NotPossible."""
        overlay = self.overlay
        if overlay is None or not overlay.layered:
            which = ", ".join(each.name for each in OVERLAYS if each.layered)
            raise NotPossible("No layer to choose", f"these overlays show one layer: {which}.")
        if self.info is not None:
            self._layer = max(0, min(self.layer + steps, self.info.layers))

    def turn_layers(self) -> None:
        """The next of the ways in which the table shows the candidates' layers. Raises NotPossible."""
        modes = tuple(LAYER_MODES)
        self.show_layers(modes[(modes.index(self.layer_mode) + 1) % len(modes)])

    def show_layers(self, mode: str) -> None:
        """Have the table show the candidates' layers in one of LAYER_MODES. Raises NotPossible."""
        if mode in GRIDS and (lack := self.lack("lens")):
            raise NotPossible("No layers here", lack)
        self.layer_mode = mode

    @property
    def attends(self) -> bool:
        """Whether the overlay in use shows attention."""
        return self.overlay is not None and self.overlay.needs == "attention"

    def turn_sink(self) -> None:
        """Leave the first token out of the scale of attention, or no longer."""
        self.sink = not self.sink

    def use_sampler(self, sampler: Sampler, on: bool) -> None:
        """Have a sampler reshape the distribution, or no longer. Raises NotPossible."""
        if on and (lack := self.lack("distribution")):
            raise NotPossible("No sampler here", lack)
        self.sampler, self.sampler_on = sampler, on

    def turn_spark(self) -> None:
        """The next of the lines that can be drawn below the prompt."""
        self.spark = SPARKS[(SPARKS.index(self.spark) + 1) % len(SPARKS)]

    def follow(self, token: int | None) -> None:
        """Pin a token; None for none."""
        self.pin = token
