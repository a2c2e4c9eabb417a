"""The raw logit lens of a whole prompt: as a document, as lines, and as a page to look at.

Knows nothing of how the lens is computed, nor of files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.observation import Lens, LensCells
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.overlays.lens import LENS_MODES, LensMode, divergence, entropy, follow
from token_explorer.results import document, figures, page, palette
from token_explorer.results.document import Document
from token_explorer.results.opened import Opened
from token_explorer.results.table import QUIET, STRONG, Cell, Column, table

# Each cell is an element of the page; browsers take seconds to lay out more of them.
MOST_CELLS = 100_000
# What a page has for a cell without a value; palettes have fewer steps.
NO_LEVEL = 255
# The layer that the embeddings are counted as.
EMBEDDINGS = 0
_COLUMNS = (Column("layers", "right"), Column("token", most=24), Column("probability", "right"))


@dataclass(frozen=True, slots=True, eq=False)
class Lensed:
    """What each layer would say after each token of a prompt.

    Attributes:
        opened: the model that was asked.
        ids: the prompt, T tokens.
        pin: a token that was followed through the layers; None for none.
        cells: (L + 1, T) of each measure; the embeddings first, the model's own output last.
    """

    opened: Opened
    ids: TokenIds
    pin: int | None
    cells: LensCells

    def document(self) -> Document:
        """The keys of `document.head`, then "pinned" (a token or null) and "layers".

        Each layer is {"layer", "top_ids", "top_texts", "top_logprobs", "entropy_bits", "kl_bits"}: its
        number, 0 for the embeddings, and for each position the most likely next token, its log probability
        (nats), the entropy of the whole distribution, and its divergence D(final || layer). Where a token
        is pinned, its "pinned_logprobs" and "pinned_ranks" follow.
        """
        pinned = None if self.pin is None else document.token(self.opened.vocabulary, self.pin)
        layers = [self._layer(layer) for layer in range(len(self.cells.tops))]
        return {**document.head(self.opened, self.ids), "pinned": pinned, "layers": layers}

    def text(self) -> Iterator[Text]:
        """What the layers put first after the last token, and from which on it is the model's own choice."""
        shown = page.labels(self.opened.vocabulary, self.ids)
        info = page.about(self.opened.info)
        tokens = "1 token" if len(shown) == 1 else f"{len(shown)} tokens"
        layers = len(self.cells.tops) - 1
        yield Text(f"{info['model']} · {tokens} · {layers} layers and the embeddings, 0", QUIET)
        yield Text.assemble("after the last token, ", (shown[-1], STRONG), ", the layers put first")
        yield from table(_COLUMNS, self._runs())
        yield self._decided()
        yield from self._followed()

    def page(self, colours: str = "viridis") -> str:
        """One HTML page with all the cells, exact, which needs nothing beside it.

        Args:
            colours: name of its palette.
        """
        vocabulary, tops = self.opened.vocabulary, self.cells.tops
        about = page.about(self.opened.info)
        content = {
            **about,
            "tokens": page.labels(vocabulary, self.ids),
            "ids": list(self.ids),
            "layers": len(tops) - 1,
            "tops": page.packed(tops, "i4"),
            "texts": {str(id): vocabulary[id].shown for id in np.unique(tops).tolist()},
            "pinned": None if self.pin is None else vocabulary[self.pin].shown,
            "measures": [_measure(each, self.cells, colours) for each in LENS_MODES if self._has(each)],
            "colours": page.colours(colours),
        }
        return page.page("lens", f"Logit lens · {about['model']}", content)

    def _has(self, measure: LensMode) -> bool:
        return self.pin is not None or not measure.of_pin

    def _layer(self, layer: int) -> Document:
        cells, pieces = self.cells, self.opened.vocabulary.pieces
        tops = cells.tops[layer].tolist()
        row = {
            "layer": layer,
            "top_ids": tops,
            "top_texts": [pieces[id].decode("utf-8", errors="replace") for id in tops],
            "top_logprobs": document.numbers(cells.logprobs[layer]),
            "entropy_bits": document.numbers(entropy(cells).values[layer]),
            "kl_bits": document.numbers(divergence(cells).values[layer]),
        }
        if cells.pinned is not None and cells.ranks is not None:
            row["pinned_logprobs"] = document.numbers(cells.pinned[layer])
            row["pinned_ranks"] = [rank or None for rank in cells.ranks[layer].tolist()]
        return row

    def _runs(self) -> Iterator[list[Cell]]:
        """The layers with one most likely token after the last one, each run with its last probability."""
        tops, logprobs = self.cells.tops[:, -1].tolist(), self.cells.logprobs[:, -1]
        for top, run in groupby(range(len(tops)), key=tops.__getitem__):
            layers = list(run)
            named = str(layers[0]) if len(layers) == 1 else f"{layers[0]}–{layers[-1]}"
            probability = figures.probability(float(logprobs[layers[-1]]))
            yield [named, Text(self.opened.vocabulary[top].shown, STRONG), probability]

    def _decided(self) -> Text:
        """Since when the model's own choice after the last token is that of all layers."""
        tops = self.cells.tops[:, -1]
        same = tops == tops[-1]
        first = int(np.argmax(same))
        since = len(same) - int(np.argmin(same[::-1])) if not same.all() else EMBEDDINGS
        chosen = Text(self.opened.vocabulary[int(tops[-1])].shown, STRONG)
        if first == since:
            return Text.assemble(chosen, f" is put first from layer {since} on")
        return Text.assemble(
            chosen, f" is first put first by layer {first}, and by all from layer {since} on"
        )

    def _followed(self) -> Iterator[Text]:
        """The pinned token through the layers, after the last token."""
        if self.pin is None:
            return
        pinned = Text(self.opened.vocabulary[self.pin].shown, STRONG)
        followed = follow(self.cells, len(self.ids) - 1)
        if followed is None:
            yield Text.assemble("nothing is known of the pinned token, ", pinned)
            return
        best = int(np.argmin(followed.ranks))
        own = figures.probability(float(followed.logprobs[-1]))
        yield Text.assemble(
            pinned,
            f" is pinned: best rank {followed.ranks[best]}, in layer {best}; "
            f"to the model's output rank {followed.ranks[-1]}, probability {own}",
        )


def look(opened: Opened, ids: TokenIds, pin: int | None, stop: Stop) -> Lensed:
    """The logit lens after each token of a prompt.

    Args:
        pin: a token to follow through the layers; None for none.

    Raises:
        InputError: there are too many tokens for a page, or `pin` is no token.
        FacetUnavailable: the model can't be looked into so.
        Stopped: soon after `stop` is set.
    """
    fit = MOST_CELLS // (opened.info.layers + 1)
    if len(ids) > fit:
        message = f"{len(ids)} tokens; with {opened.info.layers} layers a page has room for {fit}."
        raise InputError("Too many tokens for a lens", message, f"Shorten the text to {fit} tokens.")
    if pin is not None and not 0 <= pin < len(opened.vocabulary):
        message = f"the model has tokens 0 to {len(opened.vocabulary) - 1}, and no token {pin}."
        raise InputError("No such token", message, "Pin one of them.")
    return Lensed(opened, ids, pin, opened.engine.observe(ids, Lens(0, len(ids), pin), stop))


def _measure(measure: LensMode, cells: LensCells, colours: str) -> dict[str, Any]:
    """A measure for a page: what it counts, its values, and the step of the palette of each."""
    grid = measure.read(cells)
    levels = palette.make(palette.even(colours), "truecolor").levels(grid.places)
    return {
        "name": measure.name,
        "help": measure.help,
        "counts": measure.counts,
        "of_pin": measure.of_pin,
        "unit": grid.unit,
        "low": grid.low,
        "high": grid.high,
        "scale": grid.scale,
        "values": page.packed(grid.values, "f4"),
        "levels": page.packed(np.where(levels < 0, NO_LEVEL, levels), "u1"),
    }
