"""The tree alone, with strings for payloads."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.tokens import TokenIds, common_length
from token_explorer.engine.prefix_tree import Node, PrefixTree

ids = st.lists(st.integers(0, 2), max_size=12).map(tuple)


@dataclass(frozen=True)
class Rows:
    """A payload that knows which rows it holds: what stands before them, and how many there are."""

    prefix: TokenIds
    ids: TokenIds

    @property
    def nbytes(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "Rows":
        start, stop, _ = rows.indices(len(self.ids))
        return Rows(self.prefix + self.ids[:start], self.ids[start:stop])


def insert(tree: PrefixTree[Rows], new: TokenIds) -> None:
    node, found = tree.match(new)
    if found < len(new):
        at = tree.split(node, found)
        child = tree.extend(at, new[found:])
        tree.store(child, Rows(new[:found], new[found:]))


def spelled(node: Node[Rows]) -> TokenIds:
    return tuple(token for run in node.path() for token in run.ids)


@given(st.lists(ids, max_size=10), ids)
def test_a_match_is_as_long_as_the_longest_inserted_prefix(
    sequences: list[TokenIds], asked: TokenIds
) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100)
    for sequence in sequences:
        insert(tree, sequence)
    node, found = tree.match(asked)
    assert found == max((common_length(asked, sequence) for sequence in sequences), default=0)
    assert spelled(node)[:found] == asked[:found]


@given(st.lists(ids, max_size=10))
def test_every_payload_stays_with_the_tokens_it_was_made_for(sequences: list[TokenIds]) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100)
    for sequence in sequences:
        insert(tree, sequence)
    stored = 0
    for sequence in sequences:
        node, _ = tree.match(sequence)
        for run in node.path():
            assert run.payload is not None
            assert run.payload.ids == run.ids
            assert run.payload.prefix == spelled(run)[: run.start]
    stack = list(tree.root.children.values())
    while stack:
        node = stack.pop()
        stored += len(node.ids)
        stack.extend(node.children.values())
    assert tree.nbytes == stored


@given(st.lists(ids.filter(bool), min_size=1, max_size=10), st.integers(0, 20))
def test_room_is_made_by_dropping_what_was_unused_longest(sequences: list[TokenIds], most: int) -> None:
    tree: PrefixTree[Rows] = PrefixTree(most, 100)
    for sequence in sequences:
        insert(tree, sequence)
    last = sequences[-1]
    tree.match(last)
    assert tree.make_room(0, tree.root)
    assert tree.nbytes <= most
    if len(last) <= most:
        assert tree.match(last)[1] == len(last), "the sequence used last went before others"


@given(st.lists(ids.filter(bool), min_size=1, max_size=12), st.integers(1, 5))
def test_no_more_sequences_are_kept_than_allowed(sequences: list[TokenIds], most: int) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, most)
    for sequence in sequences:
        insert(tree, sequence)
        tree.trim(tree.root)
        assert tree.match(sequence)[1] == len(sequence)
    leaves = [n for s in sequences if not (n := tree.match(s)[0]).children and n.parent]
    assert len({id(leaf) for leaf in leaves}) <= most


def guess(tree: PrefixTree[Rows], path: TokenIds) -> None:
    """Put all of a path into the tree that isn't there, a token at a time, as guesses."""
    for length in range(1, len(path) + 1):
        node, found = tree.match(path[:length])
        if found < length:
            tree.guess(
                tree.split(node, found),
                path[length - 1 : length],
                Rows(path[: length - 1], path[length - 1 : length]),
            )


@given(st.lists(ids.filter(bool), min_size=1, max_size=6), st.lists(ids, max_size=8), st.integers(0, 4))
def test_guesses_are_bounded_on_their_own_and_crowd_out_nothing_asked_for(
    asked: list[TokenIds], guessed: list[TokenIds], most: int
) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100, most)
    for sequence in asked:
        insert(tree, sequence)
    tree.max_leaves = len(asked)
    for path in guessed:
        guess(tree, path)
        tree.trim(tree.root)
        assert sum(node.guessed for node in tree._nodes()) <= most
    for sequence in asked:
        assert tree.match(sequence)[1] == len(sequence)


@given(st.lists(ids.filter(bool), min_size=1, max_size=6), st.lists(ids, max_size=8), st.integers(0, 30))
def test_all_guesses_go_before_anything_asked_for(
    asked: list[TokenIds], guessed: list[TokenIds], most: int
) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100, 100)
    for sequence in asked:
        insert(tree, sequence)
    stored = tree.nbytes
    for path in guessed:
        guess(tree, path)
    tree.max_bytes = most
    assert tree.make_room(0, tree.root)
    left = list(tree._nodes())
    assert tree.nbytes == sum(len(node.ids) for node in left) <= most
    if any(node.guessed for node in left):
        assert sum(len(node.ids) for node in left if not node.guessed) == stored


@given(ids.filter(bool), st.integers(0, 12))
def test_a_guess_that_is_asked_for_is_none_any_more(path: TokenIds, length: int) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100, 100)
    guess(tree, path)
    node, found = tree.match(path[:length])
    tree.ask(node)
    assert sum(len(node.ids) for node in tree._nodes() if not node.guessed) == found
    tree.forget_guesses()
    assert tree.nbytes == found


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20).map(tuple))
def test_live_runs_that_nothing_parts_become_one(path: TokenIds) -> None:
    tree: PrefixTree[Rows] = PrefixTree(1000, 100, 100)
    tip = tree.extend(tree.root, path)
    for at in range(1, len(path)):
        tree.guess(tree.split(tip, at), (9,), Rows(path[:at], (9,)))
    assert len(tip.path()) == len(path)
    tree.max_guesses = 0
    tree.trim(tip)
    assert [run.ids for run in tip.path()] == [path]
    assert tree.match(path) == (tip, len(path))
