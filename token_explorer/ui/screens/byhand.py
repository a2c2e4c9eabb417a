"""The screen that walks a forward by hand: its steps, each one's numbers, and how each number comes about.

Asks no engine itself; knows nothing of how steps are computed.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from token_explorer.byhand.forward import Forward, forward, size
from token_explorer.byhand.step import SHARES, Axis, Step
from token_explorer.byhand.weights import Parameters, Weights
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError
from token_explorer.results.palette import Palettes
from token_explorer.ui import roomwords, walked
from token_explorer.ui.keys import Key
from token_explorer.ui.last import Last
from token_explorer.ui.screens.room import Known, Room
from token_explorer.ui.trail import Trail
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Bar, run
from token_explorer.ui.widgets.footer import Footer
from token_explorer.ui.widgets.numbers import Matrix, NumberGrid
from token_explorer.ui.widgets.steps import StepList
from token_explorer.ui.widgets.working import WorkingPane
from token_explorer.ui.workings import Calculation

# A forward of so many numbers takes a few milliseconds; a larger one is computed in a thread.
QUICK = 500_000


class ByHandRoom(Room):
    """The steps of a forward, the numbers of one of them, and the working of one of those."""

    needs = "weights"
    DEFAULT_CSS = """
    ByHandRoom { layout: vertical; overflow: hidden; background: $background; }
    ByHandRoom #byhand-title { background: $panel; }
    ByHandRoom #byhand-body { height: 1fr; }
    ByHandRoom #byhand-list { width: 32%; min-width: 26; max-width: 42; }
    ByHandRoom.-narrow #byhand-body { layout: vertical; }
    ByHandRoom.-narrow #byhand-list { width: 100%; max-width: 100%; height: 30%; }
    ByHandRoom WorkingPane { min-height: 5; }
    ByHandRoom StepList, ByHandRoom NumberGrid, ByHandRoom WorkingPane {
        height: 1fr; background: $background; border-left: solid $primary; border-right: solid $primary;
    }
    """

    def __init__(self, palettes: Palettes, keys: Sequence[Key]) -> None:
        super().__init__()
        self.step_list, self.grid, self.working = StepList(), NumberGrid(), WorkingPane()
        self.place = 0
        """Which step is looked at: its place on the trail."""
        self.head = 1
        self.columns: dict[Axis, int] = {}
        """Which column was looked at last, for each thing that columns stand for."""
        self._palettes = palettes
        self._title = Bar(id="byhand-title")
        self._list_top, self._list_bottom = Bar(("╭", "╮"), "─"), Bar(("╰", "╯"), "─")
        self._step_top, self._formula = Bar(("╭", "╮"), "─"), Bar(("│", "│"))
        self._number_top, self._working_bottom = Bar(("├", "┤"), "─"), Bar(("╰", "╯"), "─")
        self._footer = Footer(roomwords.footer(keys, walked.LABELS))
        self._shown: tuple[View, Known] | None = None
        self._forward: Forward | None = None
        self._computing: tuple[Weights, TokenIds] | None = None
        self._trail, self._scale = Last[Trail](), Last[tuple[float, float]]()
        self._working = Last[Calculation]()
        self._walks = {id: walk for id, walk in self.walks().items() if id not in ("pop", "append")}
        self._acts = self._make_acts()

    def _make_acts(self) -> dict[str, Callable[[View, Trail], None]]:
        """What keys do here but walk through the tokens, by the ids of the table."""
        return {
            "choose-up": partial(self._walk, -1),
            "choose-down": partial(self._walk, 1),
            "page-up": lambda view, trail: self._walk(-self.step_list.page, view, trail),
            "page-down": lambda view, trail: self._walk(self.step_list.page, view, trail),
            "first": lambda view, trail: self._walk(-len(trail), view, trail),
            "last": lambda view, trail: self._walk(len(trail), view, trail),
            "layer-down": partial(self._climb, -1),
            "layer-up": partial(self._climb, 1),
            "overlay": partial(self._turn, 1),
            "overlay-back": partial(self._turn, -1),
            "pop": partial(self._cross, -1),
            "append": partial(self._cross, 1),
            "not-top-back": lambda view, trail: self._cross(-self.grid.columns, view, trail),
            "not-top-on": lambda view, trail: self._cross(self.grid.columns, view, trail),
            "pin": self._take_largest,
            "uncertain-back": lambda view, trail: self.working.turn(-1),
            "uncertain-on": lambda view, trail: self.working.turn(1),
        }

    def compose(self) -> ComposeResult:
        yield self._title
        with Horizontal(id="byhand-body"):
            with Vertical(id="byhand-list"):
                yield from (self._list_top, self.step_list, self._list_bottom)
            with Vertical():
                yield from (self._step_top, self._formula, self.grid)
                yield from (self._number_top, self.working, self._working_bottom)
        yield self._footer

    def show(self, view: View, known: Known) -> None:
        """See Room.show."""
        self.arrive(view, None if self._shown is None else self._shown[0])
        self._shown = view, known
        self._draw()

    def wanted(self) -> Sequence[Facet[Any]]:
        """See Room.wanted."""
        return [Parameters()]

    def press(self, id: str) -> bool:
        """See Room.press."""
        walk, act = self._walks.get(id), self._acts.get(id)
        if walk is not None and self._shown is not None:
            walk(self._shown[0])
        elif act is not None and self._shown is not None and (trail := self.trail) is not None:
            act(self._shown[0], trail)
        return walk is not None or act is not None

    def go(self, place: int, view: View) -> None:
        """See Room.go; the row follows at once."""
        super().go(place, view)
        self._draw()

    # What is looked at.

    @property
    def trail(self) -> Trail | None:
        """The steps of the prompt that is shown; None while there are none."""
        made = self._forward
        if made is None or self._shown is None or made.ids != self._shown[0].branch.ids:
            return None
        return self._trail.of(lambda: Trail.along(made, self.head), made, self.head)

    def column(self, step: Step, row: int) -> int:
        """The column that is looked at; of a vocabulary the largest number's, until another is chosen."""
        axis = step.label.columns
        if axis == "vocabulary" and axis not in self.columns:
            return int(step.values[row].argmax())
        return min(self.columns.get(axis, 0), int(step.values.shape[1]) - 1)

    def _walk(self, steps: int, view: View, trail: Trail) -> None:
        self._choose(trail.nearest(self.place + steps))

    def _climb(self, layers: int, view: View, trail: Trail) -> None:
        self._choose(trail.across(self.place, layers))

    def _choose(self, place: int) -> None:
        self.place = place
        self._draw()

    def _turn(self, heads: int, view: View, trail: Trail) -> None:
        self.head = (self.head - 1 + heads) % trail.forward.weights.heads + 1
        self._draw()

    def _cross(self, columns: int, view: View, trail: Trail) -> None:
        step = trail.steps[self.place]
        self._take_column(step, self.column(step, self.position(view)) + columns)

    def _take_largest(self, view: View, trail: Trail) -> None:
        step = trail.steps[self.place]
        self._take_column(step, int(step.values[self.position(view)].argmax()))

    def _take_column(self, step: Step, column: int) -> None:
        """Look at a column, or the nearest there is."""
        self.columns[step.label.columns] = max(0, min(column, step.values.shape[1] - 1))
        self._draw()

    def on_step_list_step_clicked(self, message: StepList.StepClicked) -> None:
        self._choose(message.place)

    def on_number_grid_cell_clicked(self, message: NumberGrid.CellClicked) -> None:
        if self._shown is None or (trail := self.trail) is None:
            return
        if message.column is not None:
            self._take_column(trail.steps[self.place], message.column)
        if message.row is not None:
            self.go(message.row, self._shown[0])

    def on_number_grid_wheeled(self, message: NumberGrid.Wheeled) -> None:
        if self._shown is not None and (trail := self.trail) is not None:
            if message.columns:
                self._cross(message.columns, self._shown[0], trail)
            self.step(message.rows, self._shown[0])

    def on_number_grid_resized(self) -> None:
        self._draw()

    # What is computed.

    def _compute(self, weights: Weights, ids: TokenIds) -> None:
        """Run the prompt by hand: at once, or aside where that takes longer than a key may."""
        self.head = min(self.head, weights.heads)
        if self._forward is not None and (self._forward.weights, self._forward.ids) == (weights, ids):
            return
        if size(weights, len(ids)) <= QUICK:
            self._computing, self._forward = None, forward(weights, ids)
        elif self._computing != (weights, ids):
            self._computing = weights, ids
            self.run_worker(self._compute_aside(weights, ids), group="forward", exclusive=True)

    async def _compute_aside(self, weights: Weights, ids: TokenIds) -> None:
        made = await asyncio.to_thread(forward, weights, ids)
        if self._computing == (weights, ids):
            self._computing, self._forward = None, made
            self._draw()

    # What is shown.

    def _draw(self) -> None:
        """Draw what is known of the prompt; before there is a place for it, nothing."""
        if self._shown is None or not self.grid.size:
            return
        view, known = self._shown
        found, ids = known(Parameters()), view.branch.ids
        if isinstance(found, Weights):
            trouble = walked.too_long(found, len(ids))
            if not trouble:
                self._compute(found, ids)
        else:
            trouble = roomwords.why_not(found) if isinstance(found, ExplorerError) else ""
        trail = None if trouble or not isinstance(found, Weights) else self.trail
        where = [] if trail is None else walked.where(trail)
        self._title.set(roomwords.title("By hand", view), *where)
        if trail is None:
            self._say(trouble or "…")
        else:
            self._draw_step(view, trail)

    def _say(self, text: str) -> None:
        """Draw words in place of numbers."""
        for bar in (self._list_top, self._step_top, self._formula, self._number_top):
            bar.set([])
        self.step_list.wait()
        self.grid.styles.max_height = None
        self.grid.say(text)
        self.working.show(None)

    def _draw_step(self, view: View, trail: Trail) -> None:
        self.place = trail.nearest(self.place)  # an engine that was opened anew may have another model
        step, row, ids = trail.steps[self.place], self.position(view), view.branch.ids
        column, vocabulary = self.column(step, row), view.vocabulary
        low, high = self._scale.of(partial(_scale, step), step)
        shares = step.label.part in SHARES
        palette = self._palettes.usual if shares else self._palettes.signed
        self._list_top.set([run(" steps ", bold=True)], [run(f" {self.place + 1}/{len(trail)} ")])
        self.step_list.show(trail, self.place)
        self._step_top.set([run(f" {walked.name(step)} ", bold=True)], *walked.shape(step))
        self._formula.set([run(f" {step.formula}")], walked.legend(step, low, high, palette), [])
        matrix = Matrix(
            step.values,
            row,
            column,
            low,
            high,
            palette,
            walked.writes(step),
            lambda place: vocabulary[ids[place]].shown,
            walked.column_names(step, ids, vocabulary),
        )
        self.grid.styles.max_height = len(ids) + matrix.header  # few tokens leave the rest to the working
        self.grid.show(matrix)
        self._number_top.set(
            [run(f" {step.at(row, column)} = {matrix.figure(float(step.values[row, column]))} ", bold=True)],
            *walked.looked_at(step, row, column, ids, vocabulary),
        )
        width = self.working.width
        self.working.show(
            self._working.of(
                lambda: Calculation(step.working(row, column), width, matrix.figure), step, row, column, width
            )
        )


def _scale(step: Step) -> tuple[float, float]:
    """The ends of a step's scale: zero and the largest part of 1, or as far to both sides of zero."""
    finite = np.where(np.isfinite(step.values), step.values, 0.0)
    largest = float(np.abs(finite).max())
    return (0.0 if step.label.part in SHARES else -largest), largest
