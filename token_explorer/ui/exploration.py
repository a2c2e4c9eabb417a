"""What the user is looking at: what the table lists, what colours the prompt, and what must be known for it.

No terminal and no threads; the application changes it and draws its View.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from token_explorer.core.ahead import Ahead
from token_explorer.core.cuts import Cut, Recut
from token_explorer.core.jumps import divergence
from token_explorer.core.listing import Listed, Taken, of_candidates, of_distribution
from token_explorer.core.observation import Distribution, Facet, Following, LayerLogprobs, Likeliest
from token_explorer.core.reading import Grid, Reading
from token_explorer.core.sampling import Sampled, reshape
from token_explorer.core.scores import Candidates
from token_explorer.core.search import Query
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ExplorerError, NotPossible
from token_explorer.overlays import Glance
from token_explorer.ui.ahead import Continuation, Outlook
from token_explorer.ui.choices import GRIDS
from token_explorer.ui.last import Last
from token_explorer.ui.prompts import Prompts
from token_explorer.ui.view import View


class Exploration(Prompts):
    """The state behind the screen.

    Args:
        vocabulary: what ids mean.
        ids: of the first prompt.
        max_prompts: how many prompts may be open.
        heads: how many attention heads the influence overlay averages.
        top_k: how many tokens the table lists.
        look_ahead: how many of them the model goes on from at a time; 0 for none.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        ids: TokenIds,
        max_prompts: int,
        heads: int = 32,
        top_k: int = 30,
        look_ahead: int = 30,
    ) -> None:
        super().__init__(vocabulary, ids, max_prompts)
        self._heads, self._top_k = heads, top_k
        self.outlook = Outlook(vocabulary, look_ahead)
        self._reading, self._grid = Last[Reading](), Last[Grid]()
        self._sampled, self._listed = Last[Sampled](), Last[Listed]()
        self._cut = Last[int | None]()

    def append(self, row: int) -> None:
        """Take a candidate: at the end it is appended; at a token, a copy of the prompt goes on from it.

        Raises NotPossible, ContextTooLong.
        """
        token, place = self._candidate(row), self.place
        if self.workspace.branch.cursor is None:
            self.check_context()
            self.change(lambda workspace: workspace.append(token))
        else:
            self.change(lambda workspace: workspace.choose(place, token, keep_tail=False))

    def replace(self, row: int) -> None:
        """Put a candidate in place of the token that is looked at, in a copy that keeps what follows.

        Raises NotPossible.
        """
        place = self.place
        if self.workspace.branch.cursor is None:
            hint = "Put the token cursor on one: click it, or press the keys for looking."
            raise NotPossible("Nothing to replace", "no token of the prompt is looked at.", hint)
        token = self._candidate(row)
        self.change(lambda workspace: workspace.choose(place, token, keep_tail=True))

    def _candidate(self, row: int) -> int:
        """Id of a candidate. Raises NotPossible where there is none."""
        listed = self.listed()
        if self.place == 0:
            raise NotPossible("No other first token", "nothing comes before it that could predict it.")
        if listed is None or row >= len(listed):
            unknown = self.list_trouble() or "the next tokens aren't known yet."
            none = "the search finds no token." if listed is not None else unknown
            raise NotPossible("Nothing to append", none)
        return int(listed.ids[row])

    def search(self, query: Query | None) -> None:
        """Have the table list what a query finds; None for the likeliest tokens. Raises InputError."""
        if query is not None:
            # Remembered by the search itself: here an expression proves too slow, and never while drawing.
            query.matches(self.vocabulary)
        self.query, self._row = query, None

    # What is to be seen of it.

    @property
    def row(self) -> int:
        """Of the chosen candidate; until the user chose one, of the trail's next, or the first."""
        return self._row_ahead() if self._row is None else self._row

    @row.setter
    def row(self, row: int) -> None:
        self._row = row

    def _row_ahead(self) -> int:
        listed = self.listed() if self.workspace.branch.cursor is None and self.query is None else None
        if listed is None or listed.actual is None:
            return 0
        return int(np.flatnonzero(listed.ids == listed.actual)[0])

    @property
    def chosen(self) -> int | None:
        """Id of the chosen candidate; None while the candidates aren't known."""
        listed = self.listed()
        return None if listed is None or self.row >= len(listed) else int(listed.ids[self.row])

    def turn_pin(self) -> None:
        """Follow the chosen candidate through the layers, or no longer. Raises NotPossible."""
        if self.chosen is None:
            raise NotPossible("Nothing to pin", "the next tokens aren't known yet.")
        self.follow(None if self.pin == self.chosen else self.chosen)

    def wanted(self) -> list[Facet[Any]]:
        """The facets that are needed to show what is to be seen, most urgent first; none without scores."""
        facets: list[Facet[Any] | None] = []
        if (glance := self._glance()) is not None:
            facets.append(self._place_facet())
            overlay = self.overlay
            if overlay is not None and not self.lack(overlay.needs):
                facets.append(overlay.ask(glance))
            facets.append(self._layer_facet())
            facets.append(None if self.lack("tokenizer") else Recut())
        return [facet for facet in facets if facet is not None]

    def ahead(self) -> list[Ahead]:
        """The looks ahead to take when there is nothing else to do, in this order."""
        full = self.info is not None and 0 < self.info.context <= self.place
        listed = None if full or self.lack("ahead") else self.listed()
        return [] if listed is None else self.outlook.looks(self.place, listed.ids, self.row)

    def continuations(self) -> Mapping[int, Continuation] | None:
        """What is known of how the text would go on, by candidate; None where nothing is looked at ahead."""
        if not self.outlook.rows or self.lack("ahead"):
            return None
        return self.outlook.continuations(self.ids[: self.place], self.ahead(), self.known)

    def _place_facet(self) -> Facet[Any] | None:
        """What tells of the place that the table is about, where the scores don't."""
        needed = self.actual is not None or self.sampler_on or self.query is not None
        if not needed or not self.place:
            return None
        if not self.lack("distribution"):
            return Following(self.place)
        at_end = self.workspace.branch.cursor is None
        return None if at_end or self.lack("candidates") else Likeliest(self.place, self._top_k)

    def listed(self) -> Listed | None:
        """What the table lists; None while it isn't known, and where there is nothing to list."""
        facet, at_end = self._place_facet(), self.workspace.branch.cursor is None
        if self.scores is None or self.place == 0:
            return None
        known = self.known(facet) if facet is not None else self.scores.next if at_end else None
        if isinstance(known, Candidates):
            return self._list_likeliest(known)
        return self._list(known) if isinstance(known, Distribution) else None

    def _list_likeliest(self, known: Candidates) -> Listed | None:
        taken = self._taken()
        listed = self._listed.of(lambda: of_candidates(known, taken), known, taken)
        return listed if len(listed) else None

    def _taken(self) -> Taken | None:
        """The token that stands in the table's place, with what the scores know of it."""
        if (actual := self.actual) is None:
            return None
        at_end = self.workspace.branch.cursor is None
        scores = self._answers.peek(self.trail) if at_end else self.scores
        if scores is None:
            return Taken(actual)
        return Taken(actual, float(scores.logprobs[self.place]), int(scores.ranks[self.place]))

    def _list(self, known: Distribution) -> Listed:
        actual = self.actual
        sampled = self._reshaped(known) if self.sampler_on else None

        def make() -> Listed:
            return of_distribution(known, self.vocabulary, self._top_k, actual, sampled, self.query)

        return self._listed.of(make, known, actual, sampled, self.query)

    def _reshaped(self, known: Distribution) -> Sampled:
        ids, step = self.ids[: self.place], self.place - self.prompt_length

        def make() -> Sampled:
            return reshape(self.sampler, known.logits, ids, step, self.vocabulary)

        return self._sampled.of(make, known, self.sampler, step)

    def list_trouble(self) -> str:
        """Why there is nothing to list, in words; '' where there is, or will be."""
        if self.place == 0:
            return "Nothing comes before the first token, so nothing predicts it."
        facet = self._place_facet()
        if facet is None and self.workspace.branch.cursor is not None:
            return f"No alternatives here: {self.lack('distribution')}"
        if facet is None and self.scores is not None and self.listed() is None:
            return "The next tokens aren't known here."
        known: object = None if facet is None else self.known(facet)
        return _reason(known) if isinstance(known, ExplorerError) else ""

    def cut(self) -> int | None:
        """Index of the first token that the tokenizer would cut differently; None for none, or not known."""
        known, ids = self.known(Recut()), self.ids
        if not isinstance(known, Cut):
            return None
        return self._cut.of(lambda: divergence(ids, known.tokens), known, ids)

    def _glance(self) -> Glance | None:
        if self.scores is None:
            return None
        layers = 0 if self.info is None else self.info.layers
        branch = self.workspace.branch
        other = self._answers.peek(branch.origin)
        where = branch.cursor, self.chosen, self.layer, layers
        return Glance(self.scores, *where, self._heads, self.sink, other)

    def _layer_facet(self) -> LayerLogprobs | None:
        listed = self.listed()
        if self.layer_mode not in GRIDS or listed is None or not len(listed) or self.lack("lens"):
            return None
        return LayerLogprobs(self.place, tuple(listed.ids.tolist()))

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
            listed=self.listed(),
            sampler_on=self.sampler_on,
            query=self.query,
            cut=self.cut(),
            spark=self.spark,
            continuations=self.continuations(),
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


def _reason(error: ExplorerError) -> str:
    return f"{error.title}: {error.message}"
