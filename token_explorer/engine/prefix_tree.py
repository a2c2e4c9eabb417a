"""A radix tree over token ids: what one prompt cost is found again for every prompt that begins like it.

Payloads are anything with a length in tokens, slices and a size in bytes. A node without a payload is held
elsewhere (by the live track) and is never evicted. Knows nothing of models, tensors or torch.
"""

from collections.abc import Iterator
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
    """

    ids: TokenIds
    start: int
    parent: "Node[P] | None" = None
    payload: P | None = None
    used: int = 0
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
    """Runs of tokens with their payloads, bounded by `max_bytes` of payload and `max_leaves` sequences."""

    def __init__(self, max_bytes: int, max_leaves: int) -> None:
        self.root: Node[P] = Node((), 0)
        self.max_bytes = max_bytes
        self.max_leaves = max_leaves
        self.nbytes = 0
        self._clock = 0

    def match(self, ids: TokenIds) -> tuple[Node[P], int]:
        """The deepest run that `ids` lead to, and how many of `ids` are found (maybe not the whole run)."""
        self._clock += 1
        node, found = self.root, 0
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
        head: Node[P] = Node(node.ids[:cut], node.start, node.parent, None, node.used)
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

    def remove(self, node: Node[P]) -> None:
        """Forget a run and all that follows it."""
        for child in list(node.children.values()):
            self.remove(child)
        if node.payload is not None:
            self.nbytes -= node.payload.nbytes
        if node.parent is not None:
            del node.parent.children[node.ids[0]]
            node.parent = None

    def make_room(self, nbytes: int, live: Node[P]) -> bool:
        """Evict until `nbytes` more would fit: first copies of what is live, then the leaves unused longest.

        Returns whether they fit.
        """
        for node in live.path():
            if self.nbytes + nbytes <= self.max_bytes:
                return True
            if node.payload is not None:
                self.nbytes -= node.payload.nbytes
                node.payload = None
        while (excess := self.nbytes + nbytes - self.max_bytes) > 0:
            if (leaf := self._oldest_leaf(live)) is None:
                return False
            self._shorten(leaf, excess)
        return True

    def trim(self, live: Node[P]) -> None:
        """Evict leaves until there are no more than `max_leaves` sequences."""
        while sum(1 for _ in self._leaves()) > self.max_leaves:
            if (leaf := self._oldest_leaf(live)) is None:
                return
            self.remove(leaf)

    def _oldest_leaf(self, live: Node[P]) -> Node[P] | None:
        """The leaf that was unused longest; None when there is none but the live one."""
        kept = {id(node) for node in live.path()}
        leaves = (leaf for leaf in self._leaves() if id(leaf) not in kept and leaf.payload is not None)
        return min(leaves, key=lambda leaf: leaf.used, default=None)

    def _shorten(self, leaf: Node[P], nbytes: int) -> None:
        """Forget as much of a leaf's end as frees so many bytes, or all of it."""
        assert leaf.payload is not None
        tokens = -(-nbytes * len(leaf.ids) // leaf.payload.nbytes)
        if tokens < len(leaf.ids):
            self.split(leaf, leaf.stop - tokens)
        self.remove(leaf)

    def _leaves(self) -> Iterator[Node[P]]:
        stack = list(self.root.children.values())
        while stack:
            node = stack.pop()
            if node.children:
                stack.extend(node.children.values())
            else:
                yield node
