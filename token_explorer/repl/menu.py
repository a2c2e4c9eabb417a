"""The menu of models, for sessions that name none. Knows nothing of how a line is read."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model that the menu offers.

    Attributes:
        name: as the program takes it.
        about: what it is, and what has to be fetched for it.
    """

    name: str
    about: str


# Sizes of the weights' files: 134.5 million parameters of four bytes, 1.54 billion of two.
MODELS: tuple[Model, ...] = (
    Model("embedded", "SmolLM2-135M-Instruct; comes with this program, nothing from the hub"),
    Model("HuggingFaceTB/SmolLM-135M", "as small, not trained to follow instructions; hub, about 0.5 GB"),
    Model("Qwen/Qwen2.5-1.5B", "eleven times larger, slower and better; hub, about 3.1 GB"),
)
QUESTION = "Model [1]: "


def menu_lines() -> list[str]:
    """The menu."""
    width = max(len(model.name) for model in MODELS)
    listed = [f"  {number}  {model.name:<{width}}  {model.about}" for number, model in enumerate(MODELS, 1)]
    return ["Which model?", *listed, "Its number, or any hub id, folder or .gguf file; Enter takes 1."]


def choose(ask: Callable[[str], str]) -> str:
    """The name of the model that is answered with.

    Args:
        ask: puts a question and returns the answer.
    """
    answer = ask(QUESTION).strip()
    numbers = {str(number): model.name for number, model in enumerate(MODELS, 1)}
    return numbers.get(answer or "1", answer)
