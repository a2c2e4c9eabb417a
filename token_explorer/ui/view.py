"""All that the explorer's screen shows of a prompt at one moment. Values only; knows nothing of widgets."""

from collections.abc import Mapping
from dataclasses import dataclass

from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.engine import EngineInfo
from token_explorer.core.listing import Listed
from token_explorer.core.reading import Grid, Reading
from token_explorer.core.scores import Scores
from token_explorer.core.search import Query
from token_explorer.core.tokens import Vocabulary
from token_explorer.overlays import Overlay
from token_explorer.ui.ahead import Continuation


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What is shown.

    Attributes:
        workspace: the prompts.
        vocabulary: what their ids mean.
        scores: of exactly the ids of the prompt that is shown; None while they aren't known.
        reading: of the overlay in use; None for plain text, while it isn't known, and where there is trouble.
        coloured: whether an overlay is in use, its reading known or not.
        info: what the model is; None while it isn't loaded.
        pin: id of the token that is followed through the layers; None for none.
        layers: of the candidates, a row for each layer and a column for each candidate; None where they are
            not shown, or not known.
        overlay: the one in use; None for plain text.
        trouble: why the overlay in use has no reading, in words; '' where it has one, or will.
        layered: whether the layers of the candidates are to be shown, known or not.
        layer_trouble: why they can't be, in words.
        chosen: id of the candidate that is chosen to come next; None while there is none.
        listed: what the table lists; None while it isn't known.
        sampler_on: whether a sampler reshapes the distribution.
        query: what the table is searched for; None for its likeliest tokens.
        cut: index of the first token that the tokenizer would cut differently; None where it cuts the
            prompt's text into these very tokens, and while that isn't known.
        writing: how far the model has come with writing, in words; '' while it doesn't write.
        spark: what the line below the prompt draws of its tokens, 'surprisal' or 'entropy'; '' for no line.
        continuations: how the text would go on after candidates, by id, as far as that is known; None where
            the model doesn't look ahead.
    """

    workspace: Workspace
    vocabulary: Vocabulary
    scores: Scores | None
    reading: Reading | None
    coloured: bool
    info: EngineInfo | None = None
    pin: int | None = None
    layers: Grid | None = None
    overlay: Overlay | None = None
    trouble: str = ""
    layered: bool = False
    layer_trouble: str = ""
    chosen: int | None = None
    listed: Listed | None = None
    sampler_on: bool = False
    query: Query | None = None
    cut: int | None = None
    writing: str = ""
    spark: str = ""
    continuations: Mapping[int, Continuation] | None = None

    @property
    def branch(self) -> Branch:
        """The prompt that is shown."""
        return self.workspace.branch

    @property
    def place(self) -> int:
        """How many of its tokens come before those that the table lists."""
        cursor = self.branch.cursor
        return len(self.branch.ids) if cursor is None else cursor
