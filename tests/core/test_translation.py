"""In another model's tokens a workspace has the same texts; in the same tokens, the same ids."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PIECES, VOCABULARY, encode
from token_explorer.core.branch import Workspace
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.core.translation import translated
from token_explorer.errors import InputError

# Its words have other ids, and its tokenizer cuts bytes.
OTHER = Vocabulary((*PIECES[:257], *reversed(PIECES[257:])), frozenset({256}), 256, 256)


def by_bytes(text: str) -> TokenIds:
    return (256, *text.encode())


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4), st.text(max_size=6))
def test_texts_go_over_and_history_stays_behind(texts: list[str], more: str) -> None:
    workspace = Workspace.open(encode(texts[0]))
    for text in texts[1:]:
        workspace = workspace.add(encode(text)).append(*encode(more)[1:]).fork()
    found = translated(workspace, VOCABULARY, OTHER, by_bytes)
    old, new = workspace.branches, found.workspace.branches
    assert [OTHER.text(each.ids) for each in new] == [VOCABULARY.text(each.ids) for each in old]
    assert [OTHER.text(each.start) for each in new] == [VOCABULARY.text(each.start) for each in old]
    assert (found.before, found.after) == (len(workspace.branch.ids), len(found.workspace.branch.ids))
    assert found.workspace.active == workspace.active
    assert not found.workspace.past
    assert not found.kept


def test_the_same_tokens_keep_all_ids_and_cut_nothing() -> None:
    workspace = Workspace.open(encode("Once upon")).append(3).look_at(1)
    same = Vocabulary(PIECES, frozenset({256}), bos=256, start=256, ends=frozenset({256}))

    def never(text: str) -> TokenIds:
        raise AssertionError(text)

    found = translated(workspace, VOCABULARY, same, never)
    assert found.kept
    assert found.workspace.branches == workspace.branches
    assert not found.workspace.past


def no_girls(text: str) -> TokenIds:
    if "girl" in text:
        raise InputError("Can't use this prompt", "girl.")
    return by_bytes(text)


def test_prompts_that_the_other_model_can_t_read_are_left_and_given_back_as_texts() -> None:
    workspace = Workspace.open(encode("a small girl")).add(encode("Once")).add(encode("upon"))
    found = translated(workspace, VOCABULARY, OTHER, no_girls)
    assert [OTHER.text(each.ids) for each in found.workspace.branches] == ["Once", "upon"]
    assert OTHER.text(found.workspace.branch.ids) == "upon"
    assert found.left == ("a small girl",)


def test_where_it_can_read_none_it_begins_where_it_starts_from() -> None:
    found = translated(Workspace.open(encode("a small girl")), VOCABULARY, OTHER, no_girls)
    assert found.workspace.branches[0].ids == (256,)
    assert found.left == ("a small girl",)
    assert "can't read" in found.told
