"""Tokens to start from are kept as they are, and only for a vocabulary that means the same by them."""

import pytest

from tests.fakes import PIECES, VOCABULARY, encode
from token_explorer.core.branch import Workspace
from token_explorer.core.start import Start
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import InputError

IDS = encode("Once upon a time\x1b[31mred")


def start() -> Start:
    return Start(IDS, 3, {id: PIECES[id] for id in IDS})


def test_its_text_is_that_of_its_tokens() -> None:
    assert start().text == "<|start|>Once upon a time\x1b[31mred"


def test_the_vocabulary_that_it_was_made_with_is_taken() -> None:
    start().check(VOCABULARY)


@pytest.mark.parametrize("id", IDS)
def test_a_vocabulary_with_another_token_or_too_few_is_refused_by_what_it_shows(id: int) -> None:
    other = Vocabulary((*PIECES[:id], b"another", *PIECES[id + 1 :]))
    with pytest.raises(InputError, match=f"id {id} .*another"):
        start().check(other)
    with pytest.raises(InputError, match="no token of this model") as raised:
        start().check(Vocabulary(PIECES[:id]))
    assert "\x1b" not in str(raised.value)


@pytest.mark.parametrize("own", [0, len(IDS) + 1])
def test_a_part_of_its_tokens_is_the_prompts_own(own: int) -> None:
    with pytest.raises(ValueError, match="are the prompt's own"):
        Start(IDS, own, {})


def test_reset_brings_back_the_prompts_own_tokens() -> None:
    space = Workspace.open(IDS, own=3)
    assert space.branch.ids == IDS
    assert space.reset().branch.ids == IDS[:3]
    assert space.reset().undo().branch.ids == IDS
