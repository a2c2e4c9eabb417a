"""A workspace in the tokens of another model: ids belong to a vocabulary, so what goes over is the text.

Pure; knows nothing of tokenizers, but is handed one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.tokens import TokenIds, Vocabulary, common_length
from token_explorer.errors import InputError


@dataclass(frozen=True, slots=True)
class Translated:
    """A workspace after a change of models, with no way back to before.

    Attributes:
        workspace: the same prompts.
        before, after: how many tokens the prompt that is shown had, and has.
        kept: whether the two models have the very same tokens, so that all ids stayed.
        left: texts of prompts that the other model has no tokens for; they are none of the workspace's.
    """

    workspace: Workspace
    before: int
    after: int
    kept: bool
    left: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What became of the prompts, in words."""
        if self.kept:
            return "It has the same tokens, so the prompts are as they were. Undo begins anew."
        if self.left and not self.before:
            return "It can't read the prompt that was shown. Undo begins anew."
        return f"The prompts were cut anew, {self.before} → {self.after} tokens here. Undo begins anew."


def translated(
    workspace: Workspace, old: Vocabulary, new: Vocabulary, cut: Callable[[str], TokenIds]
) -> Translated:
    """A workspace's prompts in another model's tokens; those that it has none for are left.

    Args:
        cut: how the other model cuts a text, as a prompt of its own; '' is where it starts from. Raises
            InputError for a text that it has no tokens for.
    """
    before, fresh = len(workspace.branch.ids), replace(workspace, past=(), future=())
    if old == new:
        return Translated(fresh, before, before, True)
    known: dict[TokenIds, TokenIds] = {}

    def over(ids: TokenIds) -> TokenIds:
        if ids not in known:
            known[ids] = cut(old.text(ids))
        return known[ids]

    there = [_over(branch, over) for branch in workspace.branches]
    left = [each for each, other in zip(workspace.branches, there, strict=True) if other is None]
    lost = there[workspace.active] is None
    active = 0 if lost else sum(each is not None for each in there[: workspace.active])
    branches = tuple(each for each in there if each is not None)
    if not branches:
        start = cut("")
        branches = (Branch(start, start),)
    fresh = replace(fresh, branches=branches, active=active)
    texts = tuple(dict.fromkeys(old.text(each.ids) for each in left))
    return Translated(fresh, 0 if lost else before, len(fresh.branch.ids), False, texts)


def _over(branch: Branch, over: Callable[[TokenIds], TokenIds]) -> Branch | None:
    """A branch in other tokens, None where there are none; the token looked at may not be one any more."""
    try:
        ids, start = over(branch.ids), over(branch.start)
    except InputError:
        return None
    if branch.ids[: len(branch.start)] == branch.start:
        start = ids[: common_length(ids, start)] or start
    return Branch(ids, start, None, _origin(branch, over))


def _origin(branch: Branch, over: Callable[[TokenIds], TokenIds]) -> TokenIds:
    """What a branch was copied from; () for nothing, and where that can't be told in the other tokens."""
    try:
        return over(branch.origin) if branch.origin else ()
    except InputError:
        return ()
