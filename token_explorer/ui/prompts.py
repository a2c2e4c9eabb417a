"""The open prompts, and what is known of them: workspace, vocabulary, answers of the engine.

No terminal and no threads; knows nothing of how any of it is shown.
"""

from collections.abc import Callable, Sequence
from typing import Any

from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Answer, EngineInfo
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary, common_length
from token_explorer.errors import ContextTooLong, ExplorerError
from token_explorer.ui.answers import Answers
from token_explorer.ui.choices import Choices
from token_explorer.ui.last import Last
from token_explorer.ui.observations import Observations


class Prompts(Choices):
    """The prompts, and what the engine has said of them.

    Args:
        vocabulary: what ids mean.
        ids: of the first prompt.
        max_prompts: how many prompts may be open.
    """

    def __init__(self, vocabulary: Vocabulary, ids: TokenIds, max_prompts: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.workspace = Workspace.open(ids, max_prompts)
        self.scores: Scores | None = None
        """Of the prompt that is shown; None while they aren't known."""
        self.trail: TokenIds = ()
        """What is walked along: of a prompt that it goes on from, the next token is known; () for nothing."""
        self._on_trail = Last[bool]()
        self._row: int | None = None  # of the candidate that the user chose
        self._answers, self._observations = Answers(), Observations()

    @property
    def ids(self) -> TokenIds:
        """The prompt that is shown."""
        return self.workspace.branch.ids

    @property
    def place(self) -> int:
        """How many tokens come before those that the table lists: all, or those before the cursor."""
        cursor = self.workspace.branch.cursor
        return len(self.ids) if cursor is None else cursor

    @property
    def actual(self) -> int | None:
        """Id of the token that stands in the place that the table is about; at the end, of the trail's next.

        None where there is none.
        """
        ids, trail, cursor = self.ids, self.trail, self.workspace.branch.cursor
        if cursor is not None:
            return ids[cursor]
        on_it = len(ids) < len(trail) and self._on_trail.of(lambda: trail[: len(ids)] == ids, trail, ids)
        return trail[len(ids)] if on_it else None

    @property
    def prompt_length(self) -> int:
        """How many tokens are the prompt's own, and not written after it: the sampler counts from there."""
        branch = self.workspace.branch
        return min(self.place, common_length(branch.ids, branch.start))

    @property
    def worth_keeping(self) -> bool:
        """Whether anything would be lost if the program ended."""
        return self.info is not None or bool(self.workspace.past)

    def walk_along(self, ids: TokenIds, own: int) -> None:
        """Start from tokens, the first `own` of them the prompt's own, and know the way back to their end."""
        self.workspace = Workspace.open(ids, self.workspace.max_prompts, own)
        self.trail = ids

    def change(self, operation: Callable[[Workspace], Workspace]) -> None:
        """Do something to the workspace. Raises NotPossible."""
        before, place, self.workspace = self.ids, self.place, operation(self.workspace)
        if self.ids != before:
            self.scores = self._answers.of(self.ids)
        if self.ids != before or self.place != place:
            self._row = None

    def step_word(self, steps: int) -> None:
        """Move the token cursor to the next or previous token that a word begins with, or to an end."""
        self.go_to(self.vocabulary.next_word(self.ids, self.place, steps))

    def go_to(self, place: int | None) -> None:
        """Put the token cursor on a token, if the prompt has so many, or take it off."""
        there = None if place is None or place >= len(self.ids) else max(0, place)
        self.change(lambda workspace: workspace.look_at(there))

    def check_context(self) -> None:
        """Raises ContextTooLong where the model has no room for one token more."""
        if self.info is not None and 0 < self.info.context <= len(self.ids):
            count = f"{len(self.ids)} tokens are all that {self.info.model} was made for."
            raise ContextTooLong("The context is full", count, "Pop some first, or take another model.")

    def write(self, token: int, joined: bool) -> None:
        """Put a token that the model wrote after the prompt; `joined`: as a part of the last change."""
        self.change(lambda workspace: workspace.go_on(token) if joined else workspace.append(token))

    def take(self, scores: Scores) -> bool:
        """Keep an answer; whether it is of the prompt that is shown."""
        self._answers.keep(scores)
        if scores.ids != self.ids:
            return False
        self.scores = scores
        return True

    # What is known of it.

    def learn(self, info: EngineInfo) -> None:
        """The model is there, perhaps once more: what failed may be tried again."""
        self.meet(info)
        self._observations.forget_errors()

    def keep(self, ids: TokenIds, facet: Facet[Any], answer: object) -> None:
        """Keep what was seen at a prompt, or the ExplorerError that there is in its place."""
        self._observations.keep(ids, facet, answer)

    def known(self, facet: Facet[Answer]) -> Answer | ExplorerError | None:
        """What is known of a facet of the prompt that is shown; see `Known`."""
        return self._observations.of(self.ids, facet)

    def missing(self, facets: Sequence[Facet[Any]]) -> list[Facet[Any]]:
        """Those of the facets in view that aren't known; what is known of them stays so while in view."""
        self._observations.hold(self.ids, facets)
        return [facet for facet in facets if self.known(facet) is None]

    def text(self) -> tuple[str, bool]:
        """The text of the prompt that is shown, and whether all of its bytes are whole characters."""
        return self._text(self.ids)

    def texts(self) -> list[str]:
        """The texts of all open prompts, each once."""
        return list(dict.fromkeys(self._text(branch.ids)[0] for branch in self.workspace.branches))

    def _text(self, ids: TokenIds) -> tuple[str, bool]:
        content = self.vocabulary.utf8(ids)
        text = content.decode("utf-8", errors="replace")
        return text, text.encode("utf-8") == content
