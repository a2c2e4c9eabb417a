"""What the user is looking at, and what is known of it: workspace, vocabulary, answers, readings.

No terminal and no threads; the application changes it and draws its View.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from token_explorer.core.branch import Workspace
from token_explorer.core.engine import Answer, EngineInfo
from token_explorer.core.observation import Facet, LayerLogprobs
from token_explorer.core.reading import Grid, Reading
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ContextTooLong, ExplorerError, NotPossible
from token_explorer.overlays import Glance
from token_explorer.ui.answers import Answers
from token_explorer.ui.choices import GRIDS, Choices
from token_explorer.ui.observations import Observations
from token_explorer.ui.view import View

Made = TypeVar("Made")


class _Last(Generic[Made]):
    """What was made last: a reading takes a while, and most keys leave it as it is."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._made: Made | None = None

    def of(self, make: Callable[[], Made], *key: object) -> Made:
        """The same thing again as long as all parts of its key are the same."""
        if self._made is None or self._key != key:
            self._key, self._made = key, make()
        return self._made


class Exploration(Choices):
    """The state behind the screen.

    Args:
        vocabulary: what ids mean.
        ids: of the first prompt.
        max_prompts: how many prompts may be open.
        heads: how many attention heads the influence overlay averages.
    """

    def __init__(self, vocabulary: Vocabulary, ids: TokenIds, max_prompts: int, heads: int = 32) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.workspace = Workspace.open(ids, max_prompts)
        self.scores: Scores | None = None
        """Of the prompt that is shown; None while they aren't known."""
        self._heads = heads
        self._answers, self._observations = Answers(), Observations()
        self.row = 0
        """Of the chosen candidate."""
        self._reading, self._grid = _Last[Reading](), _Last[Grid]()

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
            self.scores, self.row = self._answers.of(self.ids), 0

    def step_word(self, steps: int) -> None:
        """Move the token cursor to the next or previous token that a word begins with, or to an end."""
        here = self.workspace.branch.cursor
        place = self.vocabulary.next_word(self.ids, len(self.ids) if here is None else here, steps)
        self.workspace = self.workspace.look_at(place if place < len(self.ids) else None)

    def look_at(self, cursor: int | None) -> None:
        """Put the token cursor on a token, if the prompt has so many, or take it off."""
        if cursor is None or cursor < len(self.ids):
            self.workspace = self.workspace.look_at(cursor)

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

    # What is to be seen of it.

    @property
    def chosen(self) -> int | None:
        """Id of the chosen candidate; None while the candidates aren't known."""
        if self.scores is None or self.row >= len(self.scores.next):
            return None
        return int(self.scores.next.ids[self.row])

    def turn_pin(self) -> None:
        """Follow the chosen candidate through the layers, or no longer. Raises NotPossible."""
        if self.chosen is None:
            raise NotPossible("Nothing to pin", "the next tokens aren't known yet.")
        self.follow(None if self.pin == self.chosen else self.chosen)

    # What is known of it.

    def learn(self, info: EngineInfo) -> None:
        """The model is there, perhaps once more: what failed may be tried again."""
        self.info = info
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

    def wanted(self) -> list[Facet[Any]]:
        """The facets that are needed to show what is to be seen, most urgent first; none without scores."""
        facets: list[Facet[Any] | None] = []
        if (glance := self._glance()) is not None:
            overlay = self.overlay
            if overlay is not None and not self.lack(overlay.needs):
                facets.append(overlay.ask(glance))
            facets.append(self._layer_facet())
        return [facet for facet in facets if facet is not None]

    def _glance(self) -> Glance | None:
        if self.scores is None:
            return None
        layers = 0 if self.info is None else self.info.layers
        cursor = self.workspace.branch.cursor
        return Glance(self.scores, cursor, self.chosen, self.layer, layers, self._heads, self.sink)

    def _layer_facet(self) -> LayerLogprobs | None:
        if self.layer_mode not in GRIDS or self.scores is None or self.lack("lens"):
            return None
        return LayerLogprobs(len(self.ids), tuple(self.scores.next.ids.tolist()))

    def view(self) -> View:
        """What is to be shown."""
        reading, trouble = self._read()
        layers, layer_trouble = self._layers()
        return View(
            self.workspace,
            self.vocabulary,
            self.scores,
            reading,
            coloured=self.overlay is not None,
            info=self.info,
            pin=self.pin,
            layers=layers,
            overlay=self.overlay,
            trouble=trouble,
            layered=self.layer_mode in GRIDS,
            layer_trouble=layer_trouble,
            chosen=self.chosen,
        )

    def _read(self) -> tuple[Reading | None, str]:
        """The reading of the overlay in use, or why there is none; neither while it isn't known."""
        overlay, glance = self.overlay, self._glance()
        if overlay is None:
            return None, ""
        if lack := self.lack(overlay.needs):
            return None, lack
        if glance is None:
            return None, ""
        facet = overlay.ask(glance)
        answer = None if facet is None else self.known(facet)
        if isinstance(answer, ExplorerError):
            return None, _reason(answer)
        if facet is not None and answer is None:
            return None, ""
        looked = (getattr(glance, each.name) for each in fields(glance))
        return self._reading.of(lambda: overlay.read(glance, answer), overlay, answer, *looked), ""

    def _layers(self) -> tuple[Grid | None, str]:
        """The candidates' layers, or why there are none; neither where they aren't shown or known."""
        facet = self._layer_facet()
        table = None if facet is None else self.known(facet)
        if isinstance(table, ExplorerError):
            return None, _reason(table)
        if table is None:
            return None, ""
        made = GRIDS[self.layer_mode]
        return self._grid.of(lambda: made(table), made, table), ""

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


def _reason(error: ExplorerError) -> str:
    return f"{error.title}: {error.message}"
