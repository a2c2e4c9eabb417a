"""The attention screen: which tokens each token attends to, in one head, or in a layer's heads together.

Asks no engine itself; knows nothing of how attention is computed.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from token_explorer.core.observation import AttentionMap, AttentionRow, AttentionRows, AttentionWeights, Facet
from token_explorer.core.scores import Floats
from token_explorer.errors import ExplorerError
from token_explorer.overlays.heads import Choice, Heads, top
from token_explorer.results.attention import SIGNAL
from token_explorer.results.palette import Palettes
from token_explorer.ui import attended, roomwords
from token_explorer.ui.keys import Key
from token_explorer.ui.screens.room import Known, Room, cursor_of
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, run
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.heads import HeadList, WeightList
from token_explorer.ui.widgets.heatmap import Heat, HeatMap
from token_explorer.ui.widgets.window import Window


class AttentionRoom(Room):
    """A map of one layer, the heads of all layers, and the weights of the token that is looked at."""

    needs = "attention"
    DEFAULT_CSS = """
    AttentionRoom { layout: vertical; overflow: hidden; background: $background; }
    AttentionRoom #attention-title { background: $panel; }
    AttentionRoom #attention-body { height: 1fr; }
    AttentionRoom #attention-lists { width: 32%; min-width: 31; max-width: 54; }
    AttentionRoom.-narrow #attention-body { layout: vertical; }
    AttentionRoom.-narrow #attention-lists { width: 100%; max-width: 100%; }
    AttentionRoom HeatMap, AttentionRoom Listing {
        height: 1fr; background: $background; border-left: solid $primary; border-right: solid $primary;
    }
    """

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__()
        self.palette = palettes.usual
        self.heat = HeatMap(self.palette)
        self.head_list, self.weight_list = HeadList(), WeightList()
        self.choice: Choice | None = None
        """What is looked at; None until heads are known."""
        self.sink = True
        """Whether the first key counts: in the map's scale, and in how much heads vary."""
        self._title = Bar(id="attention-title")
        self._map_top, self._map_bottom = Bar(("╭", "╮"), "─"), Bar(("╰", "╯"), "─")
        self._heads_top, self._weights_top = Bar(("╭", "╮"), "─"), Bar(("├", "┤"), "─")
        self._weights_bottom = Bar(("╰", "╯"), "─")
        self._footer = Footer(roomwords.footer(keys, attended.LABELS))
        self._shown: tuple[View, Known] | None = None
        self._heads: Heads | None = None
        self._walks, self._acts = self.walks(), self._make_acts()

    def _make_acts(self) -> dict[str, Callable[[], None]]:
        """What keys do here but walk, by the ids of the table."""
        return {
            "choose-up": partial(self._walk, -1),
            "choose-down": partial(self._walk, 1),
            "page-up": lambda: self._walk(-self.head_list.page),
            "page-down": lambda: self._walk(self.head_list.page),
            "first": lambda: self._take_head(0),
            "last": lambda: self._take_head(-1 if self._heads is None else len(self._heads) - 1),
            "layer-down": partial(self._step_layer, -1),
            "layer-up": partial(self._step_layer, 1),
            "overlay": partial(self._turn, 1),
            "overlay-back": partial(self._turn, -1),
            "sink": self._toggle_sink,
        }

    def compose(self) -> ComposeResult:
        yield self._title
        with Horizontal(id="attention-body"):
            with Vertical():
                yield from (self._map_top, self.heat, self._map_bottom)
            with Vertical(id="attention-lists"):
                yield from (self._heads_top, self.head_list)
                yield from (self._weights_top, self.weight_list, self._weights_bottom)
        yield self._footer

    def show(self, view: View, known: Known) -> None:
        """See Room.show."""
        self.arrive(view, None if self._shown is None else self._shown[0])
        self._shown = view, known
        self._draw()

    def wanted(self) -> Sequence[Facet[Any]]:
        """See Room.wanted."""
        if self._shown is None:
            return []
        view, _ = self._shown
        row = AttentionRow(cursor_of(view))
        if self.choice is None or not self.heat.size:
            return [row]
        return [row, *self._window(view).pieces(self.choice.layer)]

    def press(self, id: str) -> bool:
        """See Room.press."""
        walk, act = self._walks.get(id), self._acts.get(id)
        if self._shown is not None and walk is not None:
            walk(self._shown[0])
        elif self._shown is not None and act is not None:
            act()
        return walk is not None or act is not None

    # What is looked at.

    def on_heat_map_row_clicked(self, message: HeatMap.RowClicked) -> None:
        if self._shown is not None:
            self.go(message.row, self._shown[0])

    def _walk(self, steps: int) -> None:
        """Choose a head so many places further down the list."""
        if self._heads is not None and self.choice is not None:
            self._take_head((self._heads.place(self.choice) or 0) + steps)

    def _take_head(self, place: int) -> None:
        """Choose the head at a place of the list, or the nearest there is; none of a list that is stale."""
        if self._heads is not None and not self.head_list.stale:
            self._choose(self._heads.at(max(0, min(place, len(self._heads) - 1))))

    def on_head_list_head_clicked(self, message: HeadList.HeadClicked) -> None:
        self._take_head(message.place)

    def _step_layer(self, steps: int) -> None:
        if self._heads is not None and self.choice is not None:
            self._choose(self._heads.beside(self.choice, steps))

    def _turn(self, steps: int) -> None:
        if self.choice is not None:
            self._choose(self.choice.turned(steps))

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self._draw()
        self.post_message(self.Changed())

    def _toggle_sink(self) -> None:
        self.sink = not self.sink
        if self._heads is not None:
            self._heads = Heads.of(self._heads.rows, self.sink)
        self._draw()

    def on_heat_map_resized(self) -> None:
        self._draw()
        self.post_message(self.Changed())

    # What is shown.

    def _draw(self) -> None:
        """Draw what is known of the prompt; before there is a place for it, nothing."""
        if self._shown is None or not self.heat.size:
            return
        view, known = self._shown
        found = known(AttentionRow(cursor_of(view)))
        if isinstance(found, AttentionRows):
            self._learn(found)
        self._title.set(roomwords.title("Attention", view), [run(f" {SIGNAL}", dim=True)])
        self._draw_lists(view, found)
        if self.choice is not None:
            self._draw_map(view, known, self.choice)
        else:
            reason = roomwords.why_not(found) if isinstance(found, ExplorerError) else "…"
            self.heat.say(reason)

    def _learn(self, rows: AttentionRows) -> None:
        """Rank the heads, once an answer; the first one of the first answer is chosen."""
        if self._heads is None or self._heads.rows is not rows:
            self._heads = Heads.of(rows, self.sink)
        if self.choice is None or self._heads.place(self.choice) is None:
            self.choice = self._heads.at(0)
            self.post_message(self.Changed())

    def _draw_lists(self, view: View, found: AttentionRows | ExplorerError | None) -> None:
        ids, query = view.branch.ids, cursor_of(view)
        self._weights_top.set(attended.looked_at(query, view.vocabulary[ids[query]], len(ids)))
        if isinstance(found, AttentionRows) and self._heads is not None and self.choice is not None:
            row = self._heads.weights(self.choice)
            self.head_list.show(self._heads, self.choice)
            self.weight_list.show(row, lambda key: view.vocabulary[ids[key]].shown)
            place = self._heads.place(self.choice) or 0
            count = f" {place + 1}/{len(self._heads)} "
            self._heads_top.set([run(attended.order(self.sink), bold=True)], [run(count)])
            self._weights_bottom.set([], *attended.where(row, self.choice))
            return
        self._heads_top.set([run(attended.order(self.sink), bold=True)])
        self._weights_bottom.set([])
        for each in (self.head_list, self.weight_list):
            if isinstance(found, ExplorerError):
                each.say(roomwords.why_not(found))
            else:
                each.wait()

    def _draw_map(self, view: View, known: Known, choice: Choice) -> None:
        window = self._window(view)
        heads = 0 if self._heads is None else len(self._heads.within(choice.layer))
        self._map_top.set(attended.chosen(choice, heads), *attended.in_view(window))
        found = [(piece, known(piece)) for piece in window.pieces(choice.layer)]
        if errors := [answer for _, answer in found if isinstance(answer, ExplorerError)]:
            self._map_bottom.set([])
            self.heat.say(roomwords.why_not(errors[0]))
            return
        weights, unknown = window.gather(_taken(found, choice))
        high = top(weights, window.keys, self.sink)
        drawn = None if np.isnan(weights).all() else high
        notes = attended.scale_notes(self.sink, self.palette)
        self._map_bottom.set(attended.legend(drawn, self.palette), *notes)
        labels = [view.vocabulary[id].shown for id in view.branch.ids[window.start : window.stop]]
        places = np.minimum(weights / high, 1.0)
        self.heat.show(Heat(places, unknown, window.keys, window.start, window.query, labels, window.length))

    def _window(self, view: View) -> Window:
        """The part of the map that there is room for around the token that is looked at."""
        length = len(view.branch.ids)
        return Window.around(cursor_of(view), length, *self.heat.room(length))


def _taken(
    found: Iterable[tuple[AttentionMap, AttentionWeights | ExplorerError | None]], choice: Choice
) -> Iterable[tuple[AttentionMap, Floats | None]]:
    """The pieces of what is chosen, out of those of all heads of the layer."""
    for piece, answer in found:
        yield piece, choice.of(answer.weights) if isinstance(answer, AttentionWeights) else None
