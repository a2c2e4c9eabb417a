"""The folder of a trained model: an ordinary one of transformers, and beside it what a training goes on from.

The model in it is the best one so far, the checkpoint the last one. Knows nothing of how models learn.
"""

import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from token_explorer.errors import InputError, NotPossible, OutputError
from token_explorer.files import write_file
from token_explorer.tiny.data import Corpus
from token_explorer.tiny.settings import TinySettings, changed, read

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from token_explorer.tiny.training import Training

STORY, CHECKPOINT, LOSS = "training.json", "checkpoint.pt", "loss.png"
BY_HAND, PAGE = "by_hand.json", "by_hand.html"


class Folder:
    """Where a trained model goes.

    Args:
        path: need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._best: int | None = None

    def prepare(self, settings: TinySettings, data: Corpus, force: bool) -> None:
        """Make the folder for a new training. Raises OutputError where that can't be, or work would be lost.

        Args:
            force: whether a training that is there may be replaced.
        """
        self._make()
        story = self._story()
        if story is None:
            if (self.path / "config.json").exists() or (self.path / STORY).exists():
                hint = "Name a folder of its own with --out."
                raise OutputError("Not written", f"{self.path} holds another model.", hint)
            return
        same = (story["settings"], story["digest"]) == (settings.document(), data.digest)
        if not (force or (same and story["finished"])):
            what = "another training" if story["finished"] else "a training that isn't finished"
            hint = "Go on with --resume, replace it with --force, or name another folder with --out."
            raise OutputError("Not written", f"{self.path} holds {what}.", hint)

    def resumed(self, given: dict[str, Any], data: str | None) -> tuple[TinySettings, str]:
        """The settings and the data's name of the training that is there; the given ones may be no others.

        Raises InputError, NotPossible.
        """
        story = self._story()
        if story is None:
            message = f"{self.path} holds no training."
            raise NotPossible("Nothing to resume", message, "Begin one: leave out --resume.")
        settings: TinySettings = read(story["settings"])
        others = changed(settings, given)
        if data is not None and data != story["data"]:
            others.append(f"--data {data}")
        if others:
            message = f"the training in {self.path} has other settings than {', '.join(others)}."
            raise InputError("Can't resume", message, "Leave them out, or begin anew without --resume.")
        if story["finished"]:
            hint = "Begin a longer one with --max_iters N --force."
            raise NotPossible("Nothing to resume", f"the training in {self.path} is finished.", hint)
        self._best = story["best"]
        return settings, story["data"]

    def check_data(self, data: Corpus) -> None:
        """Raise InputError where the data isn't what the training that is there began with."""
        story = self._story()
        if story is not None and story["digest"] != data.digest:
            message = f"{data.name} has changed since the training began."
            raise InputError("Can't resume", message, "Begin anew: leave out --resume, and add --force.")

    def state(self) -> dict[str, Any]:
        """What the training that is there goes on from. Raises NotPossible."""
        import torch

        try:
            state: dict[str, Any] = torch.load(self.path / CHECKPOINT, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises anything for a file that it can't read
            message = f"{self.path / CHECKPOINT} can't be read: {str(error).splitlines()[0]}"
            raise NotPossible("Nothing to resume", message, "Begin anew with --force.") from None
        return state

    def keep(self, training: "Training", tokenizer: "PreTrainedTokenizerFast", data: Corpus) -> None:
        """Write the model if it is the best one, then the checkpoint, then what is told of both."""
        import torch

        best = training.best
        if best.iteration == training.iteration and self._best != best.iteration:
            self._write_model(training, tokenizer)
            self._best = best.iteration
        file = io.BytesIO()
        torch.save(training.state(), file)
        self.write(CHECKPOINT, file.getvalue())
        self.write(STORY, f"{json.dumps(_told(training, data), indent=2)}\n".encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, in place of what stood there. Raises OutputError."""
        write_file(str(self.path / name), content, replace=True)

    def _write_model(self, training: "Training", tokenizer: "PreTrainedTokenizerFast") -> None:
        """Write transformers' own files, each whole."""
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self.path) as part:
            with _silent():
                training.model.save_pretrained(part)
                tokenizer.save_pretrained(part)
            for name in sorted(os.listdir(part)):
                os.replace(os.path.join(part, name), self.path / name)

    def _make(self) -> None:
        """Make the folder, and see that it can be written to; nothing is left of the attempt."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            hint = "Name a folder, or one to be made."
            raise OutputError("Not written", f"{self.path} is a file.", hint) from None
        except OSError as error:
            message = f"{self.path}: {error.strerror or error}."
            raise OutputError("Not written", message, "Choose a folder that you may write to.") from None
        probe = self.path / f".room-{os.getpid()}"
        write_file(str(probe), b"", replace=True)
        with suppress(OSError):
            probe.unlink()

    def _story(self) -> dict[str, Any] | None:
        """What is told of the training that is there; None where there is none."""
        try:
            story = json.loads((self.path / STORY).read_text(encoding="utf-8"))
            known = {"settings", "data", "digest", "finished", "best"} <= set(story)
            read(story["settings"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return story if known and (self.path / CHECKPOINT).exists() else None


@contextmanager
def _silent() -> Iterator[None]:
    """Have transformers draw no bar of its own into the training's."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _told(training: "Training", data: Corpus) -> dict[str, Any]:
    """What training.json tells.

    {data, digest (SHA-256 of its text), settings, parameters, iteration (steps taken), finished, best
    (iteration of the model that is kept), evaluations, losses (of each step)}; losses in nats a token.
    """
    return {
        "data": data.name,
        "digest": data.digest,
        "settings": training.settings.document(),
        "parameters": training.parameters,
        "iteration": training.iteration,
        "finished": training.iteration >= training.settings.max_iters,
        "best": training.best.iteration,
        "evaluations": [
            {"iteration": each.iteration, "training": each.training, "validation": each.validation}
            for each in training.history
        ],
        "losses": training.losses,
    }
