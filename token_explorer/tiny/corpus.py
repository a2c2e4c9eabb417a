"""What a tiny model learns from: a few phrases over and over, verses, or a file. Knows nothing of words."""

import random
from difflib import get_close_matches
from importlib import resources

from token_explorer.errors import InputError
from token_explorer.files import is_path, read_prompt, similar

PHRASES = (
    "hello world",
    "the quick brown fox",
    "to be or not to be",
    "machine learning is fun",
    "artificial intelligence rocks",
    "gpt by hand project",
    "attention is all you need",
    "deep neural networks learn",
    "tiny models",
)
ROUNDS = 17
NAMES = ("demo", "verse")


def read(name: str) -> str:
    """A text by its name: 'demo', 'verse', or a file. Raises InputError."""
    if name == "demo":
        return demo()
    if name == "verse":
        return resources.files("token_explorer.tiny").joinpath("verse.txt").read_text(encoding="utf-8")
    if not is_path(name) and "." not in name and similar(name) is None:
        near = get_close_matches(name, NAMES, 1)
        hint = f"Did you mean {near[0]}?" if near else "It is demo, verse, or the path of a text file."
        raise InputError("No such data", f"--data {name} is no data set and no file.", hint)
    try:
        return read_prompt(name)
    except InputError as error:
        raise InputError("Can't read the data", error.message, error.hint) from None


def demo() -> str:
    """About 3,200 characters: all phrases in each of a number of rounds, in an order that differs."""
    shuffle = random.Random(0)
    rounds = [shuffle.sample(PHRASES, len(PHRASES)) for _ in range(ROUNDS)]
    return " ".join(phrase for each in rounds for phrase in each)
