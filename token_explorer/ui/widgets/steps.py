"""The steps of a forward by hand, one of them chosen. Knows nothing of what they compute."""

from textual import events
from textual.message import Message

from token_explorer.ui.trail import Trail
from token_explorer.ui.widgets.listing import Listing
from token_explorer.ui.widgets.row import fitted

# Where a step belongs: "2·1" is layer 2, head 1.
WHERE = 5
SYMBOL = 2


class StepList(Listing):
    """All steps that are met, in order; those of the chosen one's layer stand out."""

    class StepClicked(Message):
        """A step was clicked."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._trail: Trail | None = None

    def show(self, trail: Trail, chosen: int) -> None:
        """List the steps."""
        before = self.chosen
        self._trail = trail
        self.fill(len(trail), chosen)
        if chosen != before:
            self.reveal(chosen)

    def on_resize(self) -> None:
        if self.chosen is not None:
            self.reveal(self.chosen)

    def header(self, width: int) -> str:
        return fitted(f" {'layer':<{WHERE}} step", width)

    def row(self, place: int, width: int) -> tuple[str, str]:
        assert self._trail is not None
        label = self._trail.steps[place].label
        layer = "" if label.layer is None else str(label.layer)
        where = layer if label.head is None else f"{layer}·{label.head}"
        mark = "▸" if place == self.chosen else " "
        return fitted(f"{mark}{where:<{WHERE}} {label.symbol:<{SYMBOL}} {label.title}", width), ""

    def is_marked(self, place: int) -> bool:
        if self._trail is None or self.chosen is None:
            return False
        layer = self._trail.steps[self.chosen].label.layer
        return layer is not None and self._trail.steps[place].label.layer == layer

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and (place := self.at(offset.y)) is not None:
            self.post_message(self.StepClicked(place))
