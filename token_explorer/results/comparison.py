"""The command `compare`: two models on one text, or one model on two texts, side by side.

Knows nothing of how models are opened, and holds one at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from token_explorer.core.engine import Stop
from token_explorer.core.observation import Distribution, Following
from token_explorer.core.scores import Floats, Scores
from token_explorer.core.tokens import TokenIds
from token_explorer.results import parting
from token_explorer.results.compared import Comparison
from token_explorer.results.divergence import NO_GAP, Gap, differing_token, gap
from token_explorer.results.opened import Opened
from token_explorer.results.rows import Rows, keeping
from token_explorer.results.scoring import Scored
from token_explorer.results.side import Side

Opening = Callable[[str], AbstractContextManager[Opened]]


def compare_models(
    text: str, models: tuple[str, str], opening: Opening, top_k: int, stop: Stop
) -> Comparison:
    """What two models make of a text.

    The second model is opened once the first is closed. Between them, what the first says of all tokens at
    each place (4 bytes for each token of its vocabulary) waits in a temporary file.

    Args:
        opening: opens a model by its name.
        top_k: how many of the likeliest next tokens are told of each.

    Raises OutputError where the disk holds no more, what opening a model raises, ContextTooLong, and Stopped
    soon after `stop` is set.
    """
    with keeping() as rows:
        with opening(models[0]) as opened:
            one = _asked(opened, text, top_k, stop, lambda place, logits: rows.append(logits))
        gaps: list[Gap] = []
        with opening(models[1]) as opened:
            unlike = differing_token(one.vocabulary, opened.vocabulary)
            aligned = unlike is None and one.ids == opened.engine.encode(text)
            other = _asked(opened, text, top_k, stop, _comparing(rows, gaps) if aligned else _ignore)
    end = gap(one.last.logits, other.last.logits) if unlike is None else NO_GAP
    parted = parting.of_models(one, other, aligned)
    return Comparison((one, other), unlike, end, tuple(gaps) if aligned else None, parted)


def compare_texts(texts: tuple[str, str], opened: Opened, top_k: int, stop: Stop) -> Comparison:
    """What one model makes of two texts; see `compare_models`. Raises ContextTooLong, and Stopped."""
    one, other = (_at_end(opened, opened.engine.encode(text), top_k, stop) for text in texts)
    end = gap(one.last.logits, other.last.logits)
    return Comparison((one, other), None, end, None, parting.of_texts(one, other))


def _asked(opened: Opened, text: str, top_k: int, stop: Stop, tell: Callable[[int, Floats], None]) -> Side:
    """A side, with the logits (V,) after each token told of as they come, the places counted from 0."""
    ids = opened.engine.encode(text)
    scores = opened.engine.score(ids, top_k, stop)
    tops = []
    for place, following in enumerate(_followed(opened, ids, stop)):
        tell(place, following.logits)
        tops.append(int(following.logits.argmax()))
    return _side(opened, scores, tuple(tops), following)


def _at_end(opened: Opened, ids: TokenIds, top_k: int, stop: Stop) -> Side:
    """A side of which the end alone matters."""
    scores = opened.engine.score(ids, top_k, stop)
    return _side(opened, scores, (), opened.engine.observe(ids, Following(len(ids)), stop))


def _side(opened: Opened, scores: Scores, tops: TokenIds, last: Distribution) -> Side:
    """A side as it is kept when its model is closed."""
    total = Scored(opened, scores, ()).total
    return Side(opened.info, opened.vocabulary, scores, tops, last, total)


def _followed(opened: Opened, ids: TokenIds, stop: Stop) -> Iterator[Distribution]:
    """What may come after each token of a prompt that is scored: no forward is needed any more."""
    for place in range(1, len(ids) + 1):
        stop.check()
        yield opened.engine.observe(ids, Following(place), stop)


def _comparing(rows: Rows, gaps: list[Gap]) -> Callable[[int, Floats], None]:
    def compare(place: int, logits: Floats) -> None:
        gaps.append(gap(rows[place], logits))

    return compare


def _ignore(place: int, logits: Floats) -> None:
    """Where there is nothing to compare with."""
