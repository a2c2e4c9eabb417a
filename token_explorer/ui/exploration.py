"""What the user is looking at, and what is known of it: workspace, vocabulary, answers, overlay.

No terminal and no threads; the application changes it and draws its View.
"""

from collections.abc import Callable

from token_explorer.core.branch import Workspace
from token_explorer.core.engine import EngineInfo
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ContextTooLong, NotPossible
from token_explorer.overlays import OVERLAYS, Glance
from token_explorer.ui.answers import Answers
from token_explorer.ui.view import View


class Exploration:
    """The state behind the screen.

    Args:
        vocabulary: what ids mean.
        ids: of the first prompt.
        max_prompts: how many prompts may be open.
    """

    def __init__(self, vocabulary: Vocabulary, ids: TokenIds, max_prompts: int) -> None:
        self.vocabulary = vocabulary
        self.workspace = Workspace.open(ids, max_prompts)
        self.info: EngineInfo | None = None
        self.scores: Scores | None = None
        """Of the prompt that is shown; None while they aren't known."""
        self._answers = Answers()
        self._overlay = 0

    @property
    def ids(self) -> TokenIds:
        """The prompt that is shown."""
        return self.workspace.branch.ids

    @property
    def worth_keeping(self) -> bool:
        """Whether anything would be lost if the program ended."""
        return self.info is not None or bool(self.workspace.past)

    def change(self, operation: Callable[[Workspace], Workspace]) -> None:
        """Do something to the workspace. Raises NotPossible."""
        before, self.workspace = self.ids, operation(self.workspace)
        if self.ids != before:
            self.scores = self._answers.of(self.ids)

    def step_word(self, steps: int) -> None:
        """Move the token cursor to the next or previous token that a word begins with, or to an end."""
        here = self.workspace.branch.cursor
        place = (len(self.ids) if here is None else here) + steps
        while 0 < place < len(self.ids) and not self.vocabulary.starts_word(self.ids, place):
            place += steps
        self.workspace = self.workspace.look_at(max(0, place) if place < len(self.ids) else None)

    def append(self, row: int) -> None:
        """Append a candidate of the prompt that is shown. Raises NotPossible, ContextTooLong."""
        if (scores := self.scores) is None or row >= len(scores.next):
            raise NotPossible("Nothing to append", "the next tokens aren't known yet.")
        self._check_context()
        token = int(scores.next.ids[row])
        self.change(lambda workspace: workspace.append(token))

    def _check_context(self) -> None:
        if self.info is not None and 0 < self.info.context <= len(self.ids):
            count = f"{len(self.ids)} tokens are all that {self.info.model} was made for."
            raise ContextTooLong("The context is full", count, "Pop some first, or take another model.")

    def take(self, scores: Scores) -> bool:
        """Keep an answer; whether it is of the prompt that is shown."""
        self._answers.keep(scores)
        if scores.ids != self.ids:
            return False
        self.scores = scores
        return True

    def turn_overlay(self, steps: int) -> None:
        """The overlay that stands `steps` further; plain text is one of them."""
        self._overlay = (self._overlay + steps) % (len(OVERLAYS) + 1)

    def view(self) -> View:
        """What is to be shown."""
        scores, coloured = self.scores, self._overlay > 0
        glance = None if scores is None else Glance(scores)
        reading = OVERLAYS[self._overlay - 1].read(glance, None) if coloured and glance else None
        return View(self.workspace, self.vocabulary, scores, reading, coloured)

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
