"""Branches and the workspace that holds them: all navigation, with no terminal and no model.

Every operation returns a new workspace; what can't be done raises NotPossible and changes nothing.
"""

from dataclasses import dataclass, replace

from token_explorer.core.tokens import TokenIds
from token_explorer.errors import NotPossible

# A thousand states of a prompt of 8,000 tokens are 64 MB of tuples; a user rarely undoes a hundred.
HISTORY = 400


@dataclass(frozen=True, slots=True)
class Branch:
    """One prompt.

    Attributes:
        ids: its tokens; never empty, as a model can't start from nothing.
        start: the tokens that it was made with, and that reset brings back.
        cursor: index of the token that is looked at; None for the end of the prompt.
        origin: the tokens, at that time, of the prompt that it was copied from; () for none.
    """

    ids: TokenIds
    start: TokenIds
    cursor: int | None = None
    origin: TokenIds = ()

    def __post_init__(self) -> None:
        if not self.ids or not self.start:
            raise ValueError("a branch needs at least one token")
        if self.cursor is not None and not 0 <= self.cursor < len(self.ids):
            raise ValueError(f"the cursor is at {self.cursor} of {len(self.ids)} tokens")


_State = tuple[tuple[Branch, ...], int]


@dataclass(frozen=True, slots=True)
class Workspace:
    """The open prompts, the one that is shown, and the way back.

    Attributes:
        branches: the prompts, in the order in which they are cycled.
        active: index of the prompt that is shown.
        max_prompts: how many may be open.
        past, future: states that undo and redo bring back, nearest last.
    """

    branches: tuple[Branch, ...]
    active: int = 0
    max_prompts: int = 9
    past: tuple[_State, ...] = ()
    future: tuple[_State, ...] = ()

    @classmethod
    def open(cls, ids: TokenIds, max_prompts: int = 9, own: int | None = None) -> "Workspace":
        """A workspace with one prompt.

        Args:
            own: how many of its tokens reset brings back; None for all.
        """
        return cls((Branch(ids, ids[:own]),), max_prompts=max_prompts)

    @property
    def branch(self) -> Branch:
        """The prompt that is shown."""
        return self.branches[self.active]

    def append(self, *tokens: int) -> "Workspace":
        """Put tokens after the prompt."""
        if not tokens:
            return self
        return self._with(replace(self.branch, ids=(*self.branch.ids, *tokens), cursor=None))

    def go_on(self, token: int) -> "Workspace":
        """Put a token after the prompt as a part of the last change, where one can be undone."""
        if not self.past or self.future:
            return self.append(token)
        return replace(self, branches=self._replaced(replace(self.branch, ids=(*self.branch.ids, token))))

    def rewrite(self, ids: TokenIds) -> "Workspace":
        """Give the prompt other tokens, that reset will bring back."""
        return (
            self
            if ids == self.branch.ids
            else self._with(replace(self.branch, ids=ids, start=ids, cursor=None))
        )

    def choose(self, place: int, token: int, keep_tail: bool) -> "Workspace":
        """Copy the prompt to a new one that has another token in a place, and show it.

        Args:
            place: index of the token that is replaced; not 0, before which there is nothing.
            keep_tail: have the same tokens follow, with the cursor on the new one; else it ends there.
        """
        ids = self.branch.ids
        if keep_tail and ids[place] == token:
            raise NotPossible("Nothing to replace", "the chosen token is the one that stands there.")
        kept = ids[place + 1 :] if keep_tail else ()
        return self._beside((*ids[:place], token, *kept), place if kept else None, ids)

    def back(self) -> "Workspace":
        """Take the last token off; the first token stays, as a model can't start from nothing."""
        if len(self.branch.ids) == 1:
            raise NotPossible("Nothing to pop", "the first token stays.", "A model can't start from nothing.")
        return self._with(replace(self.branch, ids=self.branch.ids[:-1], cursor=None))

    def reset(self) -> "Workspace":
        """Bring back the tokens that the prompt was made with."""
        if self.branch.ids == self.branch.start:
            return self
        return self._with(replace(self.branch, ids=self.branch.start, cursor=None))

    def fork(self) -> "Workspace":
        """Copy the prompt to a new one beside it, and show the copy."""
        return self._beside(self.branch.ids, self.branch.cursor, self.branch.ids)

    def add(self, ids: TokenIds) -> "Workspace":
        """Open another prompt beside the one that is shown, and show it."""
        return self._beside(ids)

    def drop(self) -> "Workspace":
        """Remove the prompt and show its neighbour; the last one stays."""
        if len(self.branches) == 1:
            raise NotPossible("Not removed", "this is the only prompt.", "Copy it first, or reset it.")
        rest = self.branches[: self.active] + self.branches[self.active + 1 :]
        return self._moved(rest, min(self.active, len(rest) - 1))

    def switch(self, steps: int) -> "Workspace":
        """Show the prompt that stands `steps` further, around the end."""
        return replace(self, active=(self.active + steps) % len(self.branches))

    def show(self, index: int) -> "Workspace":
        """Show one of the prompts."""
        if not 0 <= index < len(self.branches):
            count = f"there are {len(self.branches)}" if len(self.branches) > 1 else "there is 1"
            raise NotPossible("No such prompt", f"{index + 1}; {count}.")
        return replace(self, active=index)

    def look_at(self, cursor: int | None) -> "Workspace":
        """Put the token cursor on a token of the prompt, or take it off. Not a step of the history."""
        changed = replace(self.branch, cursor=cursor)
        return replace(self, branches=self._replaced(changed))

    def step_cursor(self, steps: int) -> "Workspace":
        """Move the token cursor by so many tokens; past the last one is the end, where it is off."""
        length = len(self.branch.ids)
        here = length if self.branch.cursor is None else self.branch.cursor
        there = max(0, min(here + steps, length))
        return self.look_at(None if there == length else there)

    def undo(self) -> "Workspace":
        """The state before the last change."""
        if not self.past:
            raise NotPossible("Nothing to undo", "this is where it began.")
        (branches, active), here = self.past[-1], (self.branches, self.active)
        return replace(
            self, branches=branches, active=active, past=self.past[:-1], future=(*self.future, here)
        )

    def redo(self) -> "Workspace":
        """The state before the last undo."""
        if not self.future:
            raise NotPossible("Nothing to redo", "nothing was undone since the last change.")
        (branches, active), here = self.future[-1], (self.branches, self.active)
        return replace(
            self, branches=branches, active=active, past=(*self.past, here), future=self.future[:-1]
        )

    def _beside(self, ids: TokenIds, cursor: int | None = None, origin: TokenIds = ()) -> "Workspace":
        """Put a new prompt beside the one that is shown, and show it."""
        if len(self.branches) >= self.max_prompts:
            raise NotPossible(
                "Too many prompts",
                f"{len(self.branches)} are open, which is max_prompts.",
                "Remove one first, or raise [prompt] max_prompts in the configuration.",
            )
        here = self.active + 1
        new = Branch(ids, ids, cursor, origin)
        return self._moved((*self.branches[:here], new, *self.branches[here:]), here)

    def _with(self, branch: Branch) -> "Workspace":
        return self._moved(self._replaced(branch), self.active)

    def _replaced(self, branch: Branch) -> tuple[Branch, ...]:
        return (*self.branches[: self.active], branch, *self.branches[self.active + 1 :])

    def _moved(self, branches: tuple[Branch, ...], active: int) -> "Workspace":
        past = (*self.past, (self.branches, self.active))[-HISTORY:]
        return replace(self, branches=branches, active=active, past=past, future=())
