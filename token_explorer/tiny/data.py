"""The texts to learn from: two that come with the program, or a file. Knows nothing of models."""

import hashlib
import os
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources

from token_explorer.errors import InputError
from token_explorer.files import missing, read_prompt

DEMO, VERSE = "demo", "verse"
NAMES = (DEMO, VERSE)
PHRASES = (
    "hello world",
    "the quick brown fox jumps over the world",
    "to be or not to be",
    "machine learning is fun",
    "artificial intelligence rocks",
    "gpt by hand project",
    "neural networks like numbers",
    "train the model in words",
)
# In the order of their ids, the space first. The three words of the fox come next, out of the alphabet, so
# that the others have the numbers by which exercises know them: hello is 10, machine 17, world 31.
DEMO_WORDS = (
    *(" ", "brown", "fox", "quick", "artificial", "be", "by", "fun", "gpt", "hand", "hello", "in"),
    *("intelligence", "is", "jumps", "learning", "like", "machine", "model", "networks", "neural", "not"),
    *("numbers", "or", "over", "project", "rocks", "the", "to", "train", "words", "world"),
)
_REPETITIONS = 16


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text to learn from.

    Attributes:
        name: as the user gives it.
        text: all of it.
        words: in the order of their ids, where that is settled; () for the most common ones, sorted.
    """

    name: str
    text: str
    words: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What tells it from any other text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def corpus(name: str) -> Corpus:
    """The text that a name stands for: one of NAMES, or a file. Raises InputError."""
    if name == DEMO:
        return Corpus(name, f"{' '.join(PHRASES)} " * _REPETITIONS, DEMO_WORDS)
    if name == VERSE:
        return Corpus(name, resources.files(__package__).joinpath("verse.txt").read_text(encoding="utf-8"))
    if not os.path.exists(name):
        raise _unknown(name)
    text = read_prompt(name)
    if not text.strip():
        raise InputError("Nothing to learn from", f"{name} is empty.", "Name a file with some text.")
    return Corpus(name, text)


def _unknown(name: str) -> InputError:
    if near := get_close_matches(name, NAMES, 1):
        hint = f"Did you mean {near[0]}?"
        return InputError("No such data", f"--data {name} is neither a data set nor a file.", hint)
    message, hint = missing(name)
    return InputError("No such data", f"--data {message}", f"{hint} Data sets are {' and '.join(NAMES)}.")
