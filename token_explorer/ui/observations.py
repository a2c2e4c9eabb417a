"""What the engine has shown of its inside lately, so that nothing is looked for twice.

Knows nothing of the screen, nor of what an answer means; holds it by the question and the ids it depends on.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any, cast

import numpy as np

from token_explorer.core.engine import Answer
from token_explorer.core.observation import Facet
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import ExplorerError

BYTES_KEPT = 64 * 2**20
# A token id in a key is a pointer to a number that others hold too.
_BYTES_AN_ID = 8

_Key = tuple[TokenIds, Facet[Any]]


class Observations:
    """Answers to facets, the longest unused forgotten first.

    Args:
        limit: how many bytes all answers and the ids that they depend on may take; the newest and those that
            are held are kept beyond it.
    """

    def __init__(self, limit: int = BYTES_KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._answers: dict[_Key, object] = {}
        self._held: tuple[TokenIds, tuple[Facet[Any], ...]] = (), ()
        # What was found of the prompt asked about last: a picture asks ten times, each time hashing all ids.
        self._found: dict[Facet[Any], object] = {}
        self._found_of: TokenIds = ()

    def hold(self, ids: TokenIds, facets: Iterable[Facet[Any]]) -> None:
        """Forget none of these until others are held: what is in view would be looked for over and over."""
        self._held = ids, tuple(facets)

    def keep(self, ids: TokenIds, facet: Facet[Any], answer: object) -> None:
        """Remember an answer, or the ExplorerError that there is in place of one."""
        key = _key(ids, facet)
        self._drop(key)
        self._answers[key] = answer
        self._size += _bytes(key, answer)
        if self._size > self._limit:
            self._make_room(key)

    def _make_room(self, newest: _Key) -> None:
        kept = {newest, *(_key(self._held[0], facet) for facet in self._held[1])}
        for old in [key for key in self._answers if key not in kept]:
            if self._size <= self._limit:
                break
            self._drop(old)

    def of(self, ids: TokenIds, facet: Facet[Answer]) -> Answer | ExplorerError | None:
        """The answer to a facet at a prompt, or why there is none; None while it isn't known."""
        if ids is not self._found_of:
            self._found_of, self._found = ids, {}
        if facet not in self._found:
            self._found[facet] = self._find(_key(ids, facet))
        return cast("Answer | ExplorerError | None", self._found[facet])

    def _find(self, key: _Key) -> object:
        """What is remembered under a key, which is the last to be forgotten from now on."""
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._answers[key] = answer
        return answer

    def forget_errors(self) -> None:
        """Let what failed be tried again."""
        failed = [key for key, answer in self._answers.items() if isinstance(answer, ExplorerError)]
        for key in failed:
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        self._found = {}
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._size -= _bytes(key, answer)


def _key(ids: TokenIds, facet: Facet[Any]) -> _Key:
    return ids[: facet.reach(len(ids))], facet


def _bytes(key: _Key, answer: object) -> int:
    """Bytes of an answer's arrays and of the ids in its key."""
    parts = [getattr(answer, each.name) for each in fields(answer)] if is_dataclass(answer) else []
    return len(key[0]) * _BYTES_AN_ID + sum(part.nbytes for part in parts if isinstance(part, np.ndarray))
