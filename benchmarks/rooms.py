"""The lens and the attention screen: from their key to the whole screen, for a prompt that grew by a token.

Beside them the bare loop runs the whole prompt for the hidden states or the attention weights that they need.
Knows nothing of how a screen is timed.
"""

from dataclasses import dataclass

from benchmarks.bare import Ids
from benchmarks.figures import Took, ms, over
from benchmarks.screen import PATIENCE_S, Right, Screen, program
from benchmarks.sides import Prompt, Sides
from tests.program import ESCAPE, loaded, tokens

# The weights of all heads take T x T floats each: more than 2 GB for the embedded model's 270 beyond this.
MOST_ATTENTION_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """Medians for one length, milliseconds on the wall.

    Attributes:
        first_lens, first_attention: of the first time that the screen is opened.
        bare_lens, bare_attention: the whole prompt, bare; None where its attention is too much to be kept.
        bare_over_lens, bare_over_attention: in terms of the screens that are opened later.
    """

    tokens: int
    turns: int
    first_lens: float | None
    lens: float | None
    bare_lens: float | None
    bare_over_lens: float | None
    first_attention: float | None
    attention: float | None
    bare_attention: float | None
    bare_over_attention: float | None


def measure(sides: Sides, prompt: Prompt, turns: int) -> Row:
    """Open both screens once, and so many times more."""
    lenses, attentions = [], []
    with program(prompt, 0) as screen:
        for _ in range(turns + 1):
            lenses.append(_open(screen, "L", _is_lens))
            attentions.append(_open(screen, "A", _is_attention))
            _append(screen)
    bare_lens = ms([sides.bare.lens(prompt.ids)])
    bare_attention = ms(_bare_attention(sides, prompt.ids))
    lens, attention = ms(lenses[1:]), ms(attentions[1:])
    return Row(
        len(prompt.ids),
        turns,
        ms(lenses[:1]),
        lens,
        bare_lens,
        over(bare_lens, lens),
        ms(attentions[:1]),
        attention,
        bare_attention,
        over(bare_attention, attention),
    )


def _bare_attention(sides: Sides, ids: Ids) -> list[Took]:
    return [sides.bare.attention(ids)] if len(ids) <= MOST_ATTENTION_TOKENS else []


def _open(screen: Screen, key: str, right: Right) -> Took:
    """Open a screen, and close it again."""
    screen.rest()
    taken = screen.press(key, right, to_rest=True)
    screen.type(ESCAPE)
    screen.wait_for(loaded, PATIENCE_S)
    screen.rest()
    return taken


def _append(screen: Screen) -> None:
    length = tokens(screen.text)
    screen.type("l")
    screen.wait_for(lambda text: tokens(text) == length + 1 and loaded(text), PATIENCE_S)
    screen.rest()


def _is_lens(text: str) -> bool:
    return "Logit lens" in text and "KL" in text and "·····" not in text


def _is_attention(text: str) -> bool:
    return "heads by variance" in text and "attends to" in text and "sink" in text
