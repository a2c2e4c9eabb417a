"""Attention maps of whole layers: as a document, as lines, and as a page to look at.

Knows nothing of how attention is computed, nor of files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.observation import AttentionMaps, AttentionRow
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.overlays.attention import ROUNDING
from token_explorer.overlays.heads import Choice, masses, top
from token_explorer.results import document, figures, page
from token_explorer.results.blocks import bar
from token_explorer.results.document import Document
from token_explorer.results.opened import Opened
from token_explorer.results.table import BAR_CELLS, DRAWN, QUIET, STRONG, Cell, Column, table

# What of a layer is looked at: the mean or the maximum over its heads, or one of them, counted from 1.
How = Literal["mean", "max"] | int

SIGNAL = "attention is a signal, not an explanation"
# Browsers get slow on larger files.
MOST_BYTES = 64_000_000
# float32 in base64.
BYTES_A_WEIGHT = 4 * 4 / 3
LISTED = 10
_COLUMNS = (Column("key", "right"), Column("token", most=24), Column("weight", "right"), Column(""))


def choice(layer: int, how: How) -> Choice:
    """What is looked at of a layer."""
    if isinstance(how, int):
        return Choice(layer, how)
    return Choice(layer, 1, "mean" if how == "mean" else "maximum")


@dataclass(frozen=True, slots=True, eq=False)
class LayerMaps:
    """All maps of one layer.

    Attributes:
        layer: counted from 1.
        weights (H, T, T): softmax weights of each head; NaN where the key comes after the query.
    """

    layer: int
    weights: Floats

    @property
    def heads(self) -> int:
        """How many heads the layer has."""
        return len(self.weights)

    def choice(self, how: How) -> Choice:
        """What is looked at. Raises InputError for a head that the layer doesn't have."""
        if isinstance(how, int) and not 1 <= how <= self.heads:
            message = f"layer {self.layer} has heads 1 to {self.heads}, and no head {how}."
            raise InputError("No such head", message, "Name one of them, or mean or max, with --head.")
        return choice(self.layer, how)

    def names(self, how: How) -> str:
        """What is looked at, in words."""
        chosen = f"{how} of {self.heads} heads" if isinstance(how, str) else f"head {how}"
        return f"layer {self.layer}, {chosen}"


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """How each token of a prompt attends to itself and those before it.

    Attributes:
        opened: the model that was asked.
        ids: the prompt, T tokens.
        layers: the maps of each layer that was asked for.
    """

    opened: Opened
    ids: TokenIds
    layers: tuple[LayerMaps, ...]

    def document(self) -> Document:
        """The keys of `document.head`, then "note" and "layers".

        Each layer is {"layer", "head_count", "weights"}: for each head a list of one row a query; row q,
        counted from 0, has the q + 1 weights of the keys up to the query.
        """
        layers = [
            {"layer": maps.layer, "head_count": maps.heads, "weights": _rows(maps.weights)}
            for maps in self.layers
        ]
        return {**document.head(self.opened, self.ids), "note": SIGNAL, "layers": layers}

    def text(self, layer: int | None = None, how: How = "mean") -> Iterator[Text]:
        """What there is, and what the last token attends to most.

        Args:
            layer: of the view that is told of; None for the last one.
            how: likewise.

        Raises InputError for a layer or a head that isn't there.
        """
        maps = self._maps(layer)
        row = maps.choice(how).of(maps.weights[:, -1])
        shown = page.labels(self.opened.vocabulary, self.ids)
        yield Text(self._counted(), QUIET)
        yield Text.assemble(f"{maps.names(how)}: token {len(row)} ", (shown[-1], STRONG), " attends to")
        yield from table(_COLUMNS, _strongest(row, shown))
        yield Text(f"{_where(row, how)} · {SIGNAL}", QUIET)

    def page(self, layer: int | None = None, how: How = "mean", colours: str = "viridis") -> str:
        """One HTML page with all the weights, exact, which needs nothing beside it.

        Args:
            layer: that it shows first; None for the last one.
            how: what of it is shown first.
            colours: name of its palette.

        Raises InputError for a layer or a head that isn't there.
        """
        maps = self._maps(layer)
        maps.choice(how)
        about = page.about(self.opened.info)
        content = {
            **about,
            "tokens": page.labels(self.opened.vocabulary, self.ids),
            "layers": [_packed(each) for each in self.layers],
            "view": {"layer": maps.layer, "head": str(how)},
            "listed": LISTED,
            "rounding": ROUNDING,
            "colours": page.colours(colours),
        }
        return page.page("attention", f"Attention · {maps.names(how)} · {about['model']}", content)

    def _maps(self, layer: int | None) -> LayerMaps:
        if layer is None:
            return self.layers[-1]
        for maps in self.layers:
            if maps.layer == layer:
                return maps
        there = ", ".join(str(maps.layer) for maps in self.layers)
        raise InputError("No such layer", f"layer {layer} isn't among {there}.", "Name one with --layer.")

    def _counted(self) -> str:
        info = self.opened.info
        layers = f"layer {self.layers[0].layer}" if len(self.layers) == 1 else f"{len(self.layers)} layers"
        tokens = "1 token" if len(self.ids) == 1 else f"{len(self.ids)} tokens"
        model = page.about(info)["model"]
        return f"{model} · {tokens} · {layers} of {info.layers} · {self.layers[0].heads} heads"


def attend(opened: Opened, ids: TokenIds, layers: Sequence[int] | None, stop: Stop) -> Attended:
    """The attention of all tokens in some layers.

    Args:
        layers: counted from 1; None for all that attend.

    Raises:
        InputError: there is no such layer, or too much of it for a page.
        FacetUnavailable: the model, or the layer, gives no attention.
        Stopped: soon after `stop` is set.
    """
    _check_layers(opened, layers or ())
    # The first token's row is cheap, and tells how many heads each layer has.
    counts = _heads(opened.engine.observe(ids, AttentionRow(0), stop).heads[:, 0].tolist())
    wanted = tuple(dict.fromkeys(layers)) if layers else tuple(counts)
    _check_size(len(ids), [counts.get(layer, 0) for layer in wanted])
    maps = opened.engine.observe(ids, AttentionMaps(wanted, len(ids)), stop)
    read = (LayerMaps(layer, each.weights) for layer, each in zip(wanted, maps, strict=True))
    return Attended(opened, ids, tuple(read))


def _heads(layers: list[int]) -> dict[int, int]:
    """How many heads each layer has that attends, by its number."""
    return {layer: layers.count(layer) for layer in sorted(set(layers))}


def _check_layers(opened: Opened, layers: Sequence[int]) -> None:
    last = opened.info.layers
    for layer in layers:
        if not 1 <= layer <= last:
            message = f"the model has layers 1 to {last}, and no layer {layer}."
            raise InputError("No such layer", message, "Name one of them, or all, with --layer.")


def _check_size(tokens: int, heads: Sequence[int]) -> None:
    """Refuse what makes too large a page. Raises InputError."""
    size = sum(heads) * tokens * (tokens + 1) / 2 * BYTES_A_WEIGHT
    if size <= MOST_BYTES:
        return
    fit = int((MOST_BYTES / BYTES_A_WEIGHT / sum(heads) * 2 + 0.25) ** 0.5 - 0.5)
    message = f"{tokens} tokens in {sum(heads)} heads make a page of {size / 1e6:.0f} MB; 64 MB is the most."
    shorten = f"shorten the text to {fit} tokens."
    raise InputError(
        "Too much attention for a page",
        message,
        f"Name one layer with --layer, or {shorten}" if len(heads) > 1 else shorten.capitalize(),
    )


def _rows(weights: Floats) -> list[list[list[float | None]]]:
    """The lower triangle of each head's map (H, T, T), row by row."""
    return [[document.numbers(row[: query + 1]) for query, row in enumerate(head)] for head in weights]


def _packed(maps: LayerMaps) -> Document:
    """A layer for a page: each head's lower triangle, row by row, and the ends of the scale of each view.

    The ends are those with the first key and without it; the mean's and the maximum's come before the heads'.
    """
    seen = np.tril_indices(maps.weights.shape[1])
    keys = np.arange(maps.weights.shape[2])
    hows: list[How] = ["mean", "max", *range(1, maps.heads + 1)]
    views = {str(how): maps.choice(how).of(maps.weights) for how in hows}
    return {
        "layer": maps.layer,
        "heads": [page.packed(head[seen], "f4") for head in maps.weights],
        "ends": {how: [top(view, keys, True), top(view, keys, False)] for how, view in views.items()},
    }


def _strongest(row: Floats, shown: Sequence[str]) -> Iterator[list[Cell]]:
    """A line for each of the keys (K,) with the largest weights, with a bar beside it."""
    keys = np.argsort(-row, kind="stable")[:LISTED].tolist()
    for key in keys:
        weight = float(row[key])
        part = weight / float(row[keys[0]]) if weight else 0.0
        drawn = Text(bar(part, BAR_CELLS), DRAWN)
        yield [str(key + 1), Text(shown[key], STRONG), figures.fraction(weight), drawn]


def _where(row: Floats, how: How) -> str:
    """Where the weight of a row goes."""
    goes = masses(row)
    first = f"to the first token {figures.fraction(goes.sink)}"
    if how == "max":
        return f"{first}, maxima don't add up to 1"
    rest = f"{first}, to the others {figures.fraction(goes.rest)}"
    return rest if goes.missing <= ROUNDING else f"{rest}, to no token {figures.fraction(goes.missing)}"
