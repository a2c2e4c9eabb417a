"""What a session is, to be kept in a file and taken up again: the prompts, and how they are looked at.

JSON, versioned, checked in full when it is read. Knows nothing of files, nor of models.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.knobs import KNOBS, MAX_SEED, Sampler
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import InputError

KIND, VERSION = "token-explorer workspace", 1
# Ids fit into what every reader of JSON takes for a whole number.
_MOST = 2**31 - 1
MOST_PROMPTS = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """Prompts, and how they are looked at.

    Attributes:
        model: its name, as it was asked for.
        prompts: at least one.
        active: index of the one that is shown.
        pieces: the bytes of all ids that occur: what they meant.
        texts: of each prompt and of its start, for a model with other tokens.
        overlay: its name; '' for plain text.
        sampler, sampler_on, seed: how tokens are drawn; no seed for a fresh one each time.
    """

    model: str
    prompts: tuple[Branch, ...]
    active: int
    pieces: Mapping[int, bytes]
    texts: tuple[tuple[str, str], ...]
    overlay: str = ""
    sampler: Sampler = field(default_factory=Sampler)
    sampler_on: bool = False
    seed: int | None = None

    @classmethod
    def of(cls, model: str, workspace: Workspace, vocabulary: Vocabulary) -> "Session":
        """The session of a workspace; how it is looked at is for the caller to add."""
        prompts = workspace.branches
        ids = {id for each in prompts for part in (each.ids, each.start, each.origin) for id in part}
        pieces = {id: vocabulary.pieces[id] for id in sorted(ids)}
        texts = tuple((vocabulary.text(each.ids), vocabulary.text(each.start)) for each in prompts)
        return cls(model, prompts, workspace.active, pieces, texts)

    def means_the_same(self, vocabulary: Vocabulary) -> bool:
        """Whether a model has these very tokens."""
        size = len(vocabulary)
        return all(id < size and vocabulary.pieces[id] == piece for id, piece in self.pieces.items())

    def workspace(self, max_prompts: int) -> Workspace:
        """The prompts, ids and all; more than fit are kept, but none can be added."""
        return Workspace(self.prompts, self.active, max_prompts)

    def dumped(self) -> str:
        """The text of a file that holds it."""
        return json.dumps(
            {
                "kind": KIND,
                "version": VERSION,
                "model": self.model,
                "active": self.active,
                "prompts": [_prompt(*each) for each in zip(self.prompts, self.texts, strict=True)],
                "pieces": {str(id): piece.hex() for id, piece in self.pieces.items()},
                "overlay": self.overlay,
                "sampler": asdict(self.sampler),
                "sampler_on": self.sampler_on,
                "seed": self.seed,
            },
            ensure_ascii=True,
        )


def _prompt(branch: Branch, texts: tuple[str, str]) -> dict[str, Any]:
    return {
        "ids": branch.ids,
        "start": branch.start,
        "cursor": branch.cursor,
        "origin": branch.origin,
        "text": texts[0],
        "start_text": texts[1],
    }


def loaded(text: str) -> Session:
    """The session that a file's text holds. Raises InputError for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused(f"it is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise _refused("this program didn't write it")
    if found.get("version") != VERSION:
        raise _refused(f"its version is {json.dumps(found.get('version'))[:20]}, not {VERSION}")
    try:
        return _session(found)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _refused(f"{type(error).__name__}: {str(error)[:80]}") from None


def _session(found: dict[str, Any]) -> Session:
    prompts = _list(found["prompts"])
    if not 0 < len(prompts) <= MOST_PROMPTS:
        raise ValueError(f"{len(prompts)} prompts")
    active = _whole(found["active"], len(prompts) - 1)
    pieces = {_id(id): bytes.fromhex(_text(piece)) for id, piece in _dict(found["pieces"]).items()}
    session = Session(
        _text(found["model"]),
        tuple(map(_branch, prompts)),
        active,
        pieces,
        tuple((_text(each["text"]), _text(each["start_text"])) for each in prompts),
        _text(found["overlay"]),
        _sampler(_dict(found["sampler"])),
        _flag(found["sampler_on"]),
        None if found["seed"] is None else _whole(found["seed"], MAX_SEED),
    )
    used = {id for each in session.prompts for part in (each.ids, each.start, each.origin) for id in part}
    if not used <= pieces.keys():
        raise ValueError("an id whose meaning isn't told")
    return session


def _branch(found: Any) -> Branch:
    cursor = None if found["cursor"] is None else _whole(found["cursor"], _MOST)
    return Branch(_ids(found["ids"]), _ids(found["start"]), cursor, _ids(found["origin"]))


def _sampler(found: dict[str, Any]) -> Sampler:
    sampler = Sampler()
    for knob in KNOBS:
        value = found[knob.name]
        if not knob.accepts(value):
            raise ValueError(f"{knob.name} is {value!r}")
        sampler = replace(sampler, **{knob.name: value})
    return sampler


def _ids(found: Any) -> TokenIds:
    return tuple(_whole(id, _MOST) for id in _list(found))


def _id(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{text[:20]!r} is no id")
    return _whole(int(text), _MOST)


def _whole(found: Any, most: int) -> int:
    if type(found) is not int or not 0 <= found <= most:
        raise ValueError(f"{found!r} isn't from 0 to {most}")
    return found


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError(f"{found!r} is no text")
    return found


def _flag(found: Any) -> bool:
    if not isinstance(found, bool):
        raise TypeError(f"{found!r} is neither true nor false")
    return found


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("no list where one should be")
    return found


def _dict(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError("no object where one should be")
    return found


def _refused(why: str) -> InputError:
    return InputError("Not a workspace", f"{why}.")
