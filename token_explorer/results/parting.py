"""Where the two sides of a comparison part. Knows nothing of how they are drawn."""

from dataclasses import dataclass

from token_explorer.core.tokens import common_length
from token_explorer.results.side import Side


@dataclass(frozen=True, slots=True)
class Parting:
    """The first place in which two sides differ.

    Attributes:
        places: on each side, the token that it is about, from 1; one beyond the last is the next one.
        tokens: id on each side, of the token that stands there, or that the model puts first there; None
            for a text that has ended.
    """

    places: tuple[int, int]
    tokens: tuple[int | None, int | None]


def of_texts(one: Side, other: Side) -> Parting | None:
    """The first token in which two texts differ; None where they are the same."""
    place = common_length(one.ids, other.ids)
    if place == len(one.ids) == len(other.ids):
        return None
    a, b = (side.ids[place] if place < len(side.ids) else None for side in (one, other))
    return Parting((place + 1, place + 1), (a, b))


def of_models(one: Side, other: Side, same_ids: bool) -> Parting | None:
    """The first place where two models put different tokens first; None where there is none.

    Args:
        same_ids: whether both have the same ids, and these mean the same. Else the models are asked where
            both end a token, and tokens don't differ if one's bytes begin the other's, or both end the text.
    """
    each = range(1, len(one.ids) + 1)
    for here, there in zip(each, each, strict=True) if same_ids else _shared_ends(one, other):
        a, b = one.tops[here - 1], other.tops[there - 1]
        if a != b if same_ids else _differ(one, a, other, b):
            return Parting((here + 1, there + 1), (a, b))
    return None


def _shared_ends(one: Side, other: Side) -> list[tuple[int, int]]:
    """After how many tokens of each the same bytes of a text have passed, as far as both have the same."""
    common = common_length(*(tuple(side.vocabulary.utf8(side.ids)) for side in (one, other)))
    a, b = one.ends(), other.ends()
    return [(a[end], b[end]) for end in sorted(a.keys() & b.keys()) if end <= common]


def _differ(one: Side, a: int, other: Side, b: int) -> bool:
    if a in one.vocabulary.ends and b in other.vocabulary.ends:
        return False
    pieces = one.vocabulary.pieces[a], other.vocabulary.pieces[b]
    return not (pieces[0].startswith(pieces[1]) or pieces[1].startswith(pieces[0]))
