"""Which steps of a forward by hand are asked for, and which of their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from token_explorer.byhand.forward import Forward
from token_explorer.byhand.step import Step
from token_explorer.errors import InputError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for; () is all.

    Attributes:
        names: of steps: whole ones such as "layer 1 head 2 scores", or parts such as "scores".
        layers, heads, positions: counted from 1; steps outside of all layers are of none.
        column: counted from 1; None for all.
    """

    names: tuple[str, ...] = ()
    layers: tuple[int, ...] = ()
    heads: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    column: int | None = None

    def choose(self, made: Forward) -> tuple[tuple[Step, ...], tuple[int, ...], int | None]:
        """The steps, and their rows and the column, counted from 0. Raises InputError."""
        _check("--layer", self.layers, made.weights.layers, "layer")
        _check("--head", self.heads, made.weights.heads, "head")
        _check("--position", self.positions, len(made.ids), "token")
        for name in self.names:
            _check_name(name, made.steps)
        steps = tuple(step for step in made.steps if self._is_wanted(step))
        if not steps:
            hint = "Leave out one of them; a step of a layer is of a head only within attention."
            raise InputError("No such step", "no step is all that the flags name.", hint)
        rows = tuple(sorted({position - 1 for position in self.positions})) or tuple(range(len(made.ids)))
        if self.column is None:
            return steps, rows, None
        return self._with_column(steps, self.column), rows, self.column - 1

    def _is_wanted(self, step: Step) -> bool:
        label = step.label
        named = not self.names or step.name in self.names or label.part in self.names
        in_layer = not self.layers or label.layer in self.layers
        return named and in_layer and (not self.heads or label.head in self.heads)

    def _with_column(self, steps: Sequence[Step], column: int) -> tuple[Step, ...]:
        """Those of the steps that have a column."""
        most = max(step.values.shape[1] for step in steps)
        _check("--column", (column,), most, "column")
        return tuple(step for step in steps if step.values.shape[1] >= column)


def _check(flag: str, numbers: Sequence[int], most: int, noun: str) -> None:
    """Raise InputError for a number beyond what there is."""
    for given in numbers:
        if given > most:
            there = f"there is 1 {noun}" if most == 1 else f"there are {most} {noun}s"
            allowed = "It can only be 1." if most == 1 else f"It should be from 1 to {most}."
            raise InputError(f"No such {noun}", f"{flag} {given}, and {there}.", allowed)


def _check_name(name: str, steps: Sequence[Step]) -> None:
    """Raise InputError for a name of no step, with the nearest ones."""
    parts = list(dict.fromkeys(step.label.part for step in steps))
    known = [*parts, *(step.name for step in steps)]
    if name in known:
        return
    near = get_close_matches(name, known, 3)
    hint = f"Did you mean {', or '.join(near)}?" if near else f"Steps are {', '.join(parts)}."
    raise InputError("No such step", f"--step {name}.", hint)
