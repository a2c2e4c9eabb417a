"""A workspace in the tokens of another model: ids belong to a vocabulary, so what goes over is the text.

Pure; knows nothing of tokenizers, but is handed one.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.tokens import TokenIds, Vocabulary, common_length


@dataclass(frozen=True, slots=True)
class Translated:
    """A workspace after a change of models, with no way back to before.

    Attributes:
        workspace: the same prompts.
        before, after: how many tokens the prompt that is shown had, and has.
        kept: whether the two models have the very same tokens, so that all ids stayed.
    """

    workspace: Workspace
    before: int
    after: int
    kept: bool

    @property
    def told(self) -> str:
        """What became of the prompts, in words."""
        if self.kept:
            return "It has the same tokens, so the prompts are as they were. Undo begins anew."
        return f"The prompts were cut anew, {self.before} → {self.after} tokens here. Undo begins anew."


def translated(
    workspace: Workspace, old: Vocabulary, new: Vocabulary, cut: Callable[[str], TokenIds]
) -> Translated:
    """A workspace's prompts in another model's tokens.

    Args:
        cut: how the other model cuts a text, as a prompt of its own.
    """
    before, kept = len(workspace.branch.ids), old == new
    fresh = replace(workspace, past=(), future=())
    if not kept:
        known: dict[TokenIds, TokenIds] = {}

        def over(ids: TokenIds) -> TokenIds:
            if ids not in known:
                known[ids] = cut(old.text(ids))
            return known[ids]

        fresh = replace(fresh, branches=tuple(_over(branch, over) for branch in workspace.branches))
    return Translated(fresh, before, len(fresh.branch.ids), kept)


def _over(branch: Branch, over: Callable[[TokenIds], TokenIds]) -> Branch:
    """A branch in other tokens; the token that was looked at may not be one any more."""
    ids, start = over(branch.ids), over(branch.start)
    if branch.ids[: len(branch.start)] == branch.start:
        start = ids[: common_length(ids, start)] or start
    return Branch(ids, start, None, over(branch.origin) if branch.origin else ())
