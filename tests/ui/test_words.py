"""What the screen says of the table: true numbers, from long to short, and hostile text made safe."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from tests.fakes import HOSTILE, VOCABULARY, encode, score, token_of
from token_explorer.core.branch import Workspace
from token_explorer.core.listing import Found, Listed, of_candidates
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.search import Query
from token_explorer.results import figures
from token_explorer.ui import words
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Runs

IDS = encode("Once upon a time")
SCORES = score(IDS, 30)
LISTED = of_candidates(SCORES.next)
BEYOND = f"beyond these 30: {figures.fraction(LISTED.tail)}"
ENTROPY = f"entropy {figures.bits(LISTED.entropy / NATS_PER_BIT)} bits"
FOUND = Found(12, 0.43, (("the", 0.002), (" the", 0.31)))
MATCH = '12 match, 0.4300 together · begin with "the" 2.00e-3 · with "␣the" 0.3100'


def view_of(cursor: int | None = None, **others: object) -> View:
    space = Workspace.open(IDS).look_at(cursor)
    view = View(space, VOCABULARY, None, None, False)
    return replace(view, **others)  # type: ignore[arg-type]


def texts(wordings: Sequence[Runs]) -> list[str]:
    """The plain text of each wording."""
    return ["".join(segment.text for segment in wording).strip() for wording in wordings]


def tail(listed: Listed) -> list[str]:
    return texts(words.tail(listed, VOCABULARY))


def test_below_the_table_stands_what_lies_beyond_it_and_how_open_the_choice_is() -> None:
    assert tail(LISTED) == [f"{BEYOND} · {ENTROPY}", ENTROPY]


def test_with_a_sampler_it_says_how_many_tokens_that_leaves() -> None:
    leaves = f"the sampler leaves 1,234 of {len(VOCABULARY)}"
    assert tail(replace(LISTED, left=1234)) == [
        f"{BEYOND} · {ENTROPY} · {leaves}",
        f"{ENTROPY} · {leaves}",
        leaves,
    ]
    assert "leaves 0 of" in tail(replace(LISTED, left=0))[-1], "nothing left is told too"


def test_with_a_search_it_says_how_many_match_and_what_begins_with_what_was_typed() -> None:
    assert tail(replace(LISTED, found=FOUND, left=5)) == [
        f"{MATCH} · the sampler leaves 5 of {len(VOCABULARY)} · {ENTROPY}",
        f"{MATCH} · the sampler leaves 5 of {len(VOCABULARY)}",
        MATCH,
        "12 match, 0.4300 together",
        "12 match",
    ]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "no token matches"),
        (1, "1 matches, 0.4300"),
        (30, "30 match, 0.4300 together"),
        (31, "31 match, 0.4300 together, the likeliest 30 listed"),
        (12345, "12,345 match, 0.4300 together, the likeliest 30 listed"),
    ],
)
def test_a_search_never_claims_to_list_more_than_it_does(count: int, said: str) -> None:
    found = replace(FOUND, count=count, beginnings=())
    whole, *_, short = tail(replace(LISTED, found=found))
    assert whole == f"{said} · {ENTROPY}"
    assert said.startswith(short)


@pytest.mark.parametrize("listed", [LISTED, replace(LISTED, left=5), replace(LISTED, found=FOUND, left=5)])
def test_what_is_said_gets_shorter_and_the_last_fits_beside_the_panel(listed: Listed) -> None:
    lengths = [len(text) for text in tail(listed)]
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[-1] <= 40


@pytest.mark.parametrize("text", [*HOSTILE, "\n", " ", "x" * 1000])
def test_what_was_typed_is_made_safe_and_short(text: str) -> None:
    found = replace(FOUND, beginnings=((text, 0.5),))
    said = tail(replace(LISTED, found=found))[0]
    assert said.isprintable()
    assert cell_len(said) < 110


def test_while_nothing_is_known_nothing_is_said_below_the_table() -> None:
    assert words.below_table(view_of(), 0) == []
    assert words.below_table(view_of(layered=True), 0) == []


def test_below_the_table_is_what_the_table_lists_not_what_the_prompt_ends_with() -> None:
    other = replace(LISTED, tail=0.123456)
    assert texts(words.below_table(view_of(2, scores=SCORES, listed=other), 0))[0].startswith(
        "beyond these 30: 0.1235"
    )


def test_trouble_with_layers_is_told_first_and_then_the_rest() -> None:
    view = view_of(listed=LISTED, layered=True, layer_trouble="no \x1b lens")
    assert texts(words.below_table(view, 0)) == ["no layers: no ␛ lens", *tail(LISTED)]


def title_of(view: View) -> str:
    return "".join(segment.text for segment in words.table_title(view))


def test_at_the_end_the_table_is_of_the_next_token() -> None:
    assert title_of(view_of()) == " next token "
    assert title_of(view_of(scores=SCORES, listed=LISTED, sampler_on=True)) == " next token · sampler on "
    searched = view_of(scores=SCORES, listed=LISTED, query=Query("a\x1b", "exact"))
    assert title_of(searched) == ' next token · as typed "a␛" '


def test_at_the_cursor_the_title_names_the_token_that_could_be_another_and_its_rank() -> None:
    for place in range(1, len(IDS)):
        said = title_of(view_of(place, scores=SCORES))
        shown = VOCABULARY[IDS[place]].shown
        assert said == f' instead of token {place + 1} "{shown}" · rank {SCORES.ranks[place]} '
    assert "rank" not in title_of(view_of(2)), "not known yet"
    assert title_of(view_of(2, sampler_on=True)).endswith(" · sampler on ")


def test_the_rank_is_the_listed_one_s_where_the_prompt_s_scores_arent_known() -> None:
    ids = LISTED.ids.copy()
    ids[3] = IDS[2]
    listed = replace(LISTED, ids=ids, ranks=np.arange(1, 31) * 1000, actual=IDS[2])
    assert title_of(view_of(2, listed=listed)).endswith("· rank 4,000 ")
    assert "rank" not in title_of(view_of(2, listed=replace(listed, actual=None)))


def test_of_the_first_token_the_title_says_that_nothing_comes_before_it() -> None:
    for scores in (None, SCORES):
        said = title_of(view_of(0, scores=scores))
        assert said.endswith("· nothing comes before it ")
        assert "rank" not in said


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_tokens_are_made_safe_in_the_title(piece: str) -> None:
    ids = (*IDS, token_of(piece))
    view = View(Workspace.open(ids).look_at(len(IDS)), VOCABULARY, None, None, False)
    assert title_of(view).isprintable()
    pinned = "".join(segment.text for segment in words.pinned(replace(view, pin=token_of(piece))))
    assert pinned.isprintable()
