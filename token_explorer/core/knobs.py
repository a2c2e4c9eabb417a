"""The sampler's settings: what each does, which values it may have, and how keys and commands turn it.

Knows nothing of logits, and needs no numpy: the configuration is read before that is loaded.
"""

import random
from dataclasses import dataclass, replace
from typing import Any

from token_explorer.core.tokens import display
from token_explorer.errors import InputError

# The largest seed: short enough to be read off the screen and typed again.
MAX_SEED = 2**32 - 1
# How much of an impossible value a message repeats.
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting of the sampler; also the rule of its setting in the configuration.

    Attributes:
        name: of the field of Sampler.
        title: on the screen; also the name of the stage that it sets, and of the command.
        low, high: the smallest and the largest value.
        off: the value that changes nothing.
        notches: values that a key steps through, ascending.
        whole: whether it is a whole number.
        unit: what it counts; '' for a bare number.
        help: one sentence.
    """

    name: str
    title: str
    low: float
    high: float
    off: float
    notches: tuple[float, ...]
    whole: bool
    unit: str
    help: str

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        kind = "a whole number" if self.whole else "a number"
        unit = f" ({self.unit})" if self.unit else ""
        return f"{kind} from {self.low:.9g} to {self.high:.9g}{unit}; {self.off:.9g} is off"

    def accepts(self, value: object) -> bool:
        """Whether a value is a number of the right kind and in range."""
        kinds = (int,) if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def read(self, text: str) -> float:
        """The value that a text gives: a number, or 'off'. Raises InputError."""
        if text.strip().casefold() == "off":
            return self.off
        try:
            value = int(text) if self.whole else float(text)
        except ValueError:
            raise self.refusal(display(text)) from None
        if not self.accepts(value):
            raise self.refusal(display(text))
        return value

    def refusal(self, shown: str) -> InputError:
        """The error for a value that isn't allowed."""
        short = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"
        return InputError("Impossible setting", f"{self.title} = {short}.", f"It should be {self.allowed}.")


# In the order in which the stages act, which is that of transformers' `generate`.
KNOBS: tuple[Knob, ...] = (
    Knob(
        name="repetition_penalty",
        title="repetition penalty",
        low=0.1,
        high=10.0,
        off=1.0,
        notches=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0),
        whole=False,
        unit="",
        help="Above 1, tokens that the prompt has become less likely; below 1, likelier.",
    ),
    Knob(
        name="no_repeat_ngram",
        title="no-repeat n-gram",
        low=0,
        high=100,
        off=0,
        notches=tuple(range(11)),
        whole=True,
        unit="tokens",
        help="Runs of so many tokens may not come twice.",
    ),
    Knob(
        name="block_end",
        title="block end",
        low=0,
        high=1000,
        off=0,
        notches=(0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000),
        whole=True,
        unit="tokens",
        help="So many first tokens of a run may not end the text.",
    ),
    Knob(
        name="block_blank",
        title="block blank",
        low=0,
        high=1000,
        off=0,
        notches=(0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000),
        whole=True,
        unit="tokens",
        help="So many first tokens of a run may not be blanks and line ends alone.",
    ),
    Knob(
        name="temperature",
        title="temperature",
        low=0.0,
        high=10.0,
        off=1.0,
        notches=(*(tenth / 10 for tenth in range(11)), 1.2, 1.5, 2.0, 3.0, 5.0, 10.0),
        whole=False,
        unit="",
        help="Divides the logits: below 1 likely tokens become likelier; 0 takes the likeliest alone.",
    ),
    Knob(
        name="top_k",
        title="top-k",
        low=0,
        high=1_000_000,
        off=0,
        notches=(0, 1, 2, 3, 5, 10, 20, 40, 50, 100, 200, 500, 1000),
        whole=True,
        unit="tokens",
        help="So many of the likeliest tokens stay, and those that are as likely as the last of them.",
    ),
    Knob(
        name="top_p",
        title="top-p",
        low=0.0,
        high=1.0,
        off=1.0,
        notches=(*(part / 20 for part in range(1, 20)), 0.99, 1.0),
        whole=False,
        unit="probability",
        help="The fewest likeliest tokens that have so much probability together stay.",
    ),
    Knob(
        name="min_p",
        title="min-p",
        low=0.0,
        high=1.0,
        off=0.0,
        notches=(0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0),
        whole=False,
        unit="share",
        help="Tokens with at least this share of the likeliest one's probability stay.",
    ),
)


@dataclass(frozen=True, slots=True)
class Sampler:
    """What is done to the logits; each field by itself does nothing at its default.

    Attributes:
        repetition_penalty: divides positive and multiplies negative logits of tokens that are in the prompt
            (Keskar et al. 2019, CTRL).
        no_repeat_ngram: length of the runs of tokens that may not come twice; 0 for none.
        block_end: so many first steps may not end the text.
        block_blank: so many first steps may not be blanks alone.
        temperature: divides the logits; 0 takes the likeliest token.
        top_k: so many likeliest tokens stay, and ties of the last one; 0 for all.
        top_p: the fewest likeliest tokens with this much probability stay (Holtzman et al. 2020, nucleus).
        min_p: tokens with at least this share of the likeliest one's probability stay (Nguyen et al. 2024).
    """

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    block_end: int = 0
    block_blank: int = 0
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        """Raises InputError for a value that its knob doesn't allow."""
        for each in KNOBS:
            if not each.accepts(value := getattr(self, each.name)):
                raise each.refusal(repr(value))

    @property
    def is_off(self) -> bool:
        """Whether it changes nothing."""
        return self == Sampler()

    def turned(self, name: str, text: str) -> "Sampler":
        """The sampler with a knob, by its name or title, at what a text says. Raises InputError."""
        turning = knob(name)
        return _at(self, turning, turning.read(text))


def knob(name: str) -> Knob:
    """The knob with a name or title, written with blanks, hyphens, underscores or none. Raises InputError."""
    for each in KNOBS:
        if _bare(name) in (_bare(each.name), _bare(each.title)):
            return each
    titles = ", ".join(each.title for each in KNOBS)
    raise InputError("Unknown setting", f"{display(name)[:_MAX_SHOWN]}.", f"The sampler has: {titles}.")


def read_seed(text: str, place: str = "") -> int:
    """The seed that a text gives. Raises InputError.

    Args:
        place: what stands before it in the message, such as a flag.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_SEED)) and int(text) <= MAX_SEED):
        hint = f"It should be a whole number from 0 to {MAX_SEED}."
        raise InputError("Impossible seed", f"{place}{display(text)}.", hint)
    return int(text)


def fresh_seed() -> int:
    """A seed that nobody chose."""
    return random.randint(0, MAX_SEED)


def step(sampler: Sampler, knob: Knob, steps: int) -> Sampler:
    """The sampler with a knob so many notches further up, or down where `steps` is negative.

    The first step leads to the nearest notch on that side; beyond the last notch it stays where it is.
    """
    value = getattr(sampler, knob.name)
    if steps > 0:
        ahead = [notch for notch in knob.notches if notch > value]
    else:
        ahead = [notch for notch in reversed(knob.notches) if notch < value]
    if not ahead or not steps:
        return sampler
    return _at(sampler, knob, ahead[min(abs(steps), len(ahead)) - 1])


def _at(sampler: Sampler, knob: Knob, value: float) -> Sampler:
    changes: dict[str, Any] = {knob.name: value}
    return replace(sampler, **changes)


def _bare(name: str) -> str:
    return name.casefold().translate({ord(char): None for char in " -_"})
