"""A radix tree over token ids: what one prompt cost is found again for every prompt that begins like it.

Payloads are anything with a length in tokens, slices and a size in bytes. A node without a payload is held
elsewhere (by the live track) and is never evicted. What was guessed that somebody might ask for goes first,
and crowds out nothing that was asked for. Knows nothing of models, tensors or torch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from token_explorer.core.tokens import TokenIds, common_length


class Payload(Protocol):
    """What a node may carry: one row a token, which can be cut."""

    @property
    def nbytes(self) -> int:
        """Bytes that are freed when the payload goes."""
        ...

    def __getitem__(self: "P", rows: slice) -> "P": ...


P = TypeVar("P", bound=Payload)


@dataclass(eq=False, slots=True)
class Node(Generic[P]):
    """A run of tokens that nothing branches off inside.

    Attributes:
        ids: the tokens of this run; empty at the root only.
        start: how many tokens stand before it.
        payload: what is stored for the run; None where the live track holds it.
        used: the tree's clock when the run was last part of a question.
        guessed: whether nobody has asked for it yet.
    """

    ids: TokenIds
    start: int
    parent: "Node[P] | None" = None
    payload: P | None = None
    used: int = 0
    guessed: bool = False
    children: "dict[int, Node[P]]" = field(default_factory=dict)

    @property
    def stop(self) -> int:
        """How many tokens stand before its end."""
        return self.start + len(self.ids)

    def path(self) -> "list[Node[P]]":
        """The runs from the root's child to this one."""
        nodes: list[Node[P]] = []
        node: Node[P] = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


class PrefixTree(Generic[P]):
    """Runs of tokens with their payloads.

    Args:
        max_bytes: of all payloads.
        max_leaves: how many sequences that were asked for are kept.
        max_guesses: how many runs that were guessed.
    """

    def __init__(self, max_bytes: int, max_leaves: int, max_guesses: int = 0) -> None:
        self.root: Node[P] = Node((), 0)
        self.max_bytes = max_bytes
        self.max_leaves = max_leaves
        self.max_guesses = max_guesses
        self.nbytes = 0
        self._clock = 0

    def match(self, ids: TokenIds, behind: Node[P] | None = None) -> tuple[Node[P], int]:
        """The deepest run that `ids` lead to, and how many of `ids` are found (maybe not the whole run).

        Args:
            behind: the run that they follow; None for the beginning.
        """
        self._clock += 1
        node, found = behind or self.root, 0
        while found < len(ids) and (child := node.children.get(ids[found])) is not None:
            child.used = self._clock
            length = common_length(child.ids, ids[found : found + len(child.ids)])
            node, found = child, found + length
            if length < len(child.ids):
                break
        return node, found

    def split(self, node: Node[P], at: int) -> Node[P]:
        """Cut a run so that one ends after `at` tokens of the sequence; returns the run that ends there."""
        if at == node.stop:
            return node
        if at == node.start and node.parent is not None:
            return node.parent
        cut = at - node.start
        head: Node[P] = Node(node.ids[:cut], node.start, node.parent, None, node.used, node.guessed)
        if node.payload is not None:
            self.nbytes -= node.payload.nbytes
            head.payload, node.payload = node.payload[:cut], node.payload[cut:]
            self.nbytes += head.payload.nbytes + node.payload.nbytes
        assert node.parent is not None
        node.parent.children[head.ids[0]] = head
        node.ids, node.start, node.parent = node.ids[cut:], at, head
        node.used -= 1  # a question that ended at the cut used the head alone
        head.children[node.ids[0]] = node
        return head

    def extend(self, tip: Node[P], ids: TokenIds) -> Node[P]:
        """Put tokens held elsewhere after `tip`; returns the run that ends with them."""
        if tip.payload is None and not tip.children and tip.parent is not None:
            tip.ids += ids
            tip.used = self._clock
            return tip
        child: Node[P] = Node(ids, tip.stop, tip, None, self._clock)
        tip.children[ids[0]] = child
        return child

    def store(self, node: Node[P], payload: P) -> None:
        """Give a run its payload. The caller has made room for it."""
        node.payload = payload
        self.nbytes += payload.nbytes

    def release(self, node: Node[P]) -> None:
        """Drop a run's payload, as the run is held elsewhere."""
        if node.payload is not None:
            self.nbytes -= node.payload.nbytes
            node.payload = None

    def guess(self, tip: Node[P], ids: TokenIds, payload: P) -> None:
        """Put tokens that nobody asked for after `tip`, which none of its runs begins with. There is room."""
        child: Node[P] = Node(ids, tip.stop, tip, None, self._clock, guessed=True)
        tip.children[ids[0]] = child
        self.store(child, payload)

    def ask(self, tip: Node[P]) -> None:
        """Somebody asked for what ends with this run: none of it is a guess any more."""
        for node in tip.path():
            node.guessed = False

    def forget_guesses(self) -> None:
        """Remove all runs that nobody asked for."""
        for node in [node for node in self._nodes() if node.guessed and node.parent is not None]:
            self.remove(node)

    def remove(self, node: Node[P]) -> None:
        """Forget a run and all that follows it."""
        for child in list(node.children.values()):
            self.remove(child)
        self.release(node)
        if node.parent is not None:
            del node.parent.children[node.ids[0]]
            node.parent = None

    def make_room(self, nbytes: int, live: Node[P], kept: Node[P] | None = None) -> bool:
        """Evict until `nbytes` more would fit.

        First go copies of what is live, then guesses, then what was asked for; of these the leaves that were
        unused longest.

        Args:
            live: where the live sequence ends.
            kept: a run that stays, too, with all that lead to it; None for the live ones alone.

        Returns whether they fit.
        """
        for node in live.path():
            if self.nbytes + nbytes <= self.max_bytes:
                return True
            self.release(node)
        while (excess := self.nbytes + nbytes - self.max_bytes) > 0:
            if (leaf := self._oldest(self._leaves(), kept or live)) is None:
                return False
            self._shorten(leaf, excess)
        return True

    def trim(self, live: Node[P]) -> None:
        """Evict what was unused longest until there are no more sequences and guesses than may be.

        Runs of the live sequence that nothing parts any more become one.
        """
        while len(ends := [node for node in self._nodes() if _is_end(node)]) > self.max_leaves:
            if (end := self._oldest(ends, live)) is None:
                break
            self.remove(end)
        while (excess := sum(node.guessed for node in self._nodes()) - self.max_guesses) > 0:
            guesses = sorted((leaf for leaf in self._leaves() if leaf.guessed), key=lambda leaf: leaf.used)
            for leaf in guesses[:excess]:
                self.remove(leaf)
        for node in live.path():
            _join(node)

    def _oldest(self, nodes: Iterable[Node[P]], live: Node[P]) -> Node[P] | None:
        """Of some runs a guess, or else the one that was unused longest; None when all are live."""
        kept = {id(node) for node in live.path()}
        mortal = (node for node in nodes if id(node) not in kept and node.payload is not None)
        return min(mortal, key=lambda node: (not node.guessed, node.used), default=None)

    def _shorten(self, leaf: Node[P], nbytes: int) -> None:
        """Forget as much of a leaf's end as frees so many bytes, or all of it."""
        assert leaf.payload is not None
        tokens = -(-nbytes * len(leaf.ids) // leaf.payload.nbytes)
        if tokens < len(leaf.ids):
            self.split(leaf, leaf.stop - tokens)
        self.remove(leaf)

    def _nodes(self) -> Iterator[Node[P]]:
        stack = list(self.root.children.values())
        while stack:
            node = stack.pop()
            stack.extend(node.children.values())
            yield node

    def _leaves(self) -> Iterator[Node[P]]:
        return (node for node in self._nodes() if not node.children)


def _join(node: Node[P]) -> None:
    """Put a run into the only one that follows it, where both are held elsewhere."""
    if node.parent is None or node.payload is not None or len(node.children) != 1:
        return
    (child,) = node.children.values()
    if child.payload is not None:
        return
    child.ids, child.start, child.parent = node.ids + child.ids, node.start, node.parent
    node.parent.children[child.ids[0]] = child
    node.parent = None


def _is_end(node: Node[P]) -> bool:
    """Whether a sequence that was asked for ends with a run."""
    return not node.guessed and all(child.guessed for child in node.children.values())
