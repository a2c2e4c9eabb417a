"""The way through a forward by hand: which of its steps are met, and which one is beside another.

Pure; knows nothing of widgets, nor of what is drawn of a step.
"""

from dataclasses import dataclass

from token_explorer.byhand.forward import Forward
from token_explorer.byhand.step import Step


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """The steps that are met by who follows one head of each layer.

    Whatever the prompt and the head, a place is that of the same step.

    Attributes:
        forward: all steps.
        head: the one that is followed, counted from 1.
        steps: those met, in the order in which they are computed.
    """

    forward: Forward
    head: int
    steps: tuple[Step, ...]

    @classmethod
    def along(cls, forward: Forward, head: int) -> "Trail":
        """The way along a head of each layer."""
        met = (step for step in forward.steps if step.label.head in (None, head))
        return cls(forward, head, tuple(met))

    def __len__(self) -> int:
        return len(self.steps)

    def nearest(self, place: int) -> int:
        """That place, or the nearest there is."""
        return max(0, min(place, len(self) - 1))

    def across(self, place: int, layers: int) -> int:
        """The same step so many layers higher; from outside of the layers, the first or last step in them.

        The place itself where there is no such layer.
        """
        layer = self.steps[place].label.layer
        inside = [each for each, step in enumerate(self.steps) if step.label.layer is not None]
        if layer is not None:
            each = len(inside) // self.forward.weights.layers
            return place + layers * each if 0 < layer + layers <= self.forward.weights.layers else place
        before = inside and place < inside[0]
        if before and layers > 0:
            return inside[0]
        return inside[-1] if inside and not before and layers < 0 else place
