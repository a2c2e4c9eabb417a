"""A tiny model's folder: an ordinary one, as transformers has them, with what a training leaves beside it.

Knows nothing of how a model is trained.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.utils import logging

from token_explorer.errors import InputError, OutputError
from token_explorer.tiny.settings import Recipe, Shape
from token_explorer.tiny.training import Evaluation, Progress
from token_explorer.tiny.words import PATTERN, UNKNOWN

CHECKPOINT, MARK, PLOT = "checkpoint.pt", "training.json", "loss.png"
_PART = "unfinished.part"
# Raise it when what MARK and CHECKPOINT hold changes.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Setup:
    """What a training is of: two trainings of equal ones are the same."""

    shape: Shape
    recipe: Recipe
    data_digest: str
    vocabulary: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As it is kept in the folder."""
        return {"format": FORMAT, **asdict(self), "vocabulary": list(self.vocabulary)}


class Folder:
    """Where a tiny model goes. Raises OutputError where nothing can be written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self, force: bool) -> None:
        """Make the folder; refuse one that holds something else than a tiny model.

        Args:
            force: whether a tiny model that is there may be replaced.
        """
        mark = self.path / MARK
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            others = [each.name for each in self.path.iterdir() if each.name != _PART]
            (self.path / _PART).write_bytes(b"")
            (self.path / _PART).unlink()
        except FileExistsError:
            message = f"{self.path} is a file."
            raise OutputError("Not written", message, "Name a folder, or one to be made.") from None
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}."
            raise OutputError("Not written", message, "Choose a folder that you may write to.") from None
        if others and not mark.is_file():
            message = f"{self.path} holds other files, such as {sorted(others)[0]}."
            raise OutputError("Not written", message, "Name a folder of its own with --out.")
        if mark.is_file() and not force:
            hint = "Replace it with --force, go on with it by --resume, or name another folder with --out."
            raise OutputError("Not written", f"{self.path} holds a tiny model already.", hint)

    def resume(self, setup: Setup) -> Progress:
        """The training that the folder holds. Raises InputError where it holds none, or another one."""
        try:
            known = json.loads((self.path / MARK).read_text(encoding="utf-8"))
            kept = torch.load(self.path / CHECKPOINT, weights_only=True)
        except FileNotFoundError:
            hint = "Leave out --resume to begin one."
            raise InputError("Nothing to resume", f"{self.path} holds no training.", hint) from None
        except (OSError, ValueError, RuntimeError) as error:
            hint = "Begin anew with --force."
            raise InputError("Can't resume", f"{self.path / CHECKPOINT}: {error}", hint) from None
        _check_same(known, setup.document())
        evaluations = tuple(Evaluation(*each) for each in kept.pop("evaluations"))
        return Progress(evaluations=evaluations, losses=tuple(kept.pop("losses")), **kept)

    def keep(self, setup: Setup, progress: Progress) -> None:
        """Write what a training can be resumed from; a file is never half written."""
        kept = {
            "iteration": progress.iteration,
            "model": progress.model,
            "optimizer": progress.optimizer,
            "best": progress.best,
            "losses": list(progress.losses),
            "evaluations": [
                [each.iteration, each.training, each.validation] for each in progress.evaluations
            ],
        }
        try:
            part = self.path / _PART
            torch.save(kept, part)
            part.replace(self.path / CHECKPOINT)
            part.write_text(json.dumps(setup.document(), indent=1), encoding="utf-8")
            part.replace(self.path / MARK)
        except (OSError, RuntimeError) as error:  # torch's own for a disk that is full
            raise OutputError(
                "Not written", f"{self.path}: {error}", "Make room, or name another folder."
            ) from None

    def save(self, model: GPT2LMHeadModel, vocabulary: Sequence[str]) -> None:
        """Write the model and its tokenizer, so that transformers opens the folder."""
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would tell of one shard
        model.save_pretrained(self.path)
        tokenizer(vocabulary).save_pretrained(self.path)


def tokenizer(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that cuts a text into words and spaces."""
    ids = {word: id for id, word in enumerate(vocabulary)}
    unknown = {"unk_token": UNKNOWN} if UNKNOWN in ids else {}
    backend = Tokenizer(WordLevel(ids, **unknown))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(PATTERN), "isolated")
    backend.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, clean_up_tokenization_spaces=False, **unknown
    )


def _check_same(known: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise InputError where a training that is to be resumed is another one."""
    flat, asked = _flat(known), _flat(json.loads(json.dumps(wanted)))
    for name, value in asked.items():
        if flat.get(name) != value:
            what = name.rpartition(".")[2].replace("_", " ")
            told = (
                "is other data"
                if name == "data_digest"
                else f"was trained with {what} {flat.get(name)}, not {value}"
            )
            hint = "Give the same flags, or begin anew with --force."
            raise InputError("Another training", f"What the folder holds {told}.", hint)


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in document.items():
        flat |= (
            {f"{name}.{key}": each for key, each in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    return flat
