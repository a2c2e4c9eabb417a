"""What a model wrote: every step with what else it might have been, the text, and why it ended.

Knows nothing of how it is run, nor of flags and terminals.
"""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from rich.style import Style
from rich.text import Text

from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.generation import Ending, Plan, Step
from token_explorer.core.knobs import KNOBS
from token_explorer.core.listing import Listed
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.tokens import TokenIds, Vocabulary, display
from token_explorer.results import figures
from token_explorer.results.completion import candidate
from token_explorer.results.document import Document, head, number
from token_explorer.results.opened import Opened
from token_explorer.results.table import QUIET, STRONG, padded

# Why there is no more, as documents have it: what the engine says, or that the user wanted no more.
End = Ending | Literal["interrupted"]

_ENDINGS: dict[End, str] = {
    "limit": "as many as were asked for",
    "end": "the model ended the text",
    "stop": "a stop text came",
    "context": "the context is full",
    "nothing": "the sampler leaves no token",
    "interrupted": "interrupted",
}
NUMBER_CELLS, TOKEN_CELLS, FIGURE_CELLS = 4, 17, 9
# Leaves out a character that isn't complete yet.
_UTF8 = getincrementaldecoder("utf-8")
# Between the model's probability and the sampler's, and before what the sampler removed.
AFTER, REMOVED = "→", "×"


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """What a model wrote after a prompt.

    Attributes:
        opened: the model.
        prompt: its ids.
        plan: what was to be written.
        steps: the tokens that came.
        ending: why no more came.
        seconds: what it took, of the engine's time; the prompt's own forward isn't counted.
    """

    opened: Opened
    prompt: TokenIds
    plan: Plan
    steps: tuple[Step, ...]
    ending: End
    seconds: float

    @property
    def ids(self) -> TokenIds:
        """The prompt, and what was written after it."""
        return (*self.prompt, *(step.token for step in self.steps))

    @property
    def written(self) -> str:
        """The text of what was written; U+FFFD for parts of characters, such as one that the prompt began."""
        vocabulary = self.opened.vocabulary
        return vocabulary.utf8(self.ids)[len(vocabulary.utf8(self.prompt)) :].decode("utf-8", "replace")

    @property
    def speed(self) -> float:
        """Tokens per second; NaN where none came."""
        return len(self.steps) / self.seconds if self.steps and self.seconds > 0 else float("nan")

    def document(self) -> Document:
        """As JSON: what `head` begins with, of the prompt alone, then

        - settings: {limit (null for as many as the context holds), sampler ({each of KNOBS by name}, null for
          greedy), seed (null for greedy), stops, least}
        - steps: see `step_document`
        - text: of what was written
        - ending: one of "limit", "end", "stop", "context", "nothing", "interrupted"
        - timings: {seconds, tokens_per_second (null where none came), steps ([seconds since the first token
          was asked for, at which each came])}.
        """
        vocabulary = self.opened.vocabulary
        return {
            **head(self.opened, self.prompt),
            "settings": _settings(self.plan),
            "steps": [step_document(vocabulary, step) for step in self.steps],
            "text": self.written,
            "ending": self.ending,
            "timings": {
                "seconds": number(self.seconds),
                "tokens_per_second": number(self.speed),
                "steps": [number(step.seconds) for step in self.steps],
            },
        }

    def text(self) -> Iterator[Text]:
        """Every step on a line, then what `closing` says."""
        for count, step in enumerate(self.steps, 1):
            yield step_line(self.opened, step, count)
        yield from self.closing()

    def closing(self, steps_told: bool = True) -> list[Text]:
        """What is left to say at the end: the whole text, and why it ended.

        Args:
            steps_told: whether the steps stand above it.
        """
        lines = [Text(), *self._whole(), Text()] if self.steps else []
        if steps_told and self.steps and self.plan.sampler is not None:
            lines.append(Text(f"probabilities: the model's {AFTER} the sampler's", QUIET))
        return [*lines, Text(f"{_tokens(len(self.steps))}: {self._why()}")]

    def _whole(self) -> list[Text]:
        """Prompt and continuation as text; what was written stands out, a character that it completed too."""
        vocabulary = self.opened.vocabulary
        begun, whole = vocabulary.utf8(self.prompt), vocabulary.utf8(self.ids)
        prompt = len(_UTF8("replace").decode(begun))
        text = whole.decode("utf-8", "replace")
        lines = [Text()]
        for part, style in ((text[:prompt], Style.null()), (text[prompt:], STRONG)):
            first, *others = (display(line) if line else "" for line in part.split("\n"))
            lines[-1].append(first, style)
            lines.extend(Text(line, style) for line in others)
        return lines

    def _why(self) -> str:
        if self.ending != "stop":
            return _ENDINGS[self.ending]
        came = ", ".join(f"“{display(text)}”" for text in self.plan.stops if text and text in self.written)
        return f"{_ENDINGS['stop']}{came and f', {came}'}"


def generate(opened: Opened, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Written:
    """Let a model write after a prompt, and tell of each token as it comes.

    Args:
        plan: what to write. Its steps are counted from the end of `ids`, and each tells of one alternative at
            least, as the numbers of the token itself come with them.

    A run that is stopped gives the steps that came. Raises ContextTooLong.
    """
    plan = replace(plan, prompt=len(ids), alternatives=max(1, plan.alternatives))
    steps: list[Step] = []

    def told(step: Step) -> None:
        steps.append(step)
        tell(step)

    ending: End = "interrupted"
    try:
        generated = opened.engine.generate(ids, plan, told, stop)
        ending, seconds = generated.ending, generated.seconds
    except Stopped:
        seconds = steps[-1].seconds if steps else 0.0
    return Written(opened, ids, plan, tuple(steps), ending, seconds)


def step_document(vocabulary: Vocabulary, step: Step) -> Document:
    """A step as documents have it. Raises ValueError for one that tells of no alternatives.

    {place (in the prompt, counted from 1), id, text, bytes, logprob (nats), probability, rank, sampled
    (probability after the sampler, null for greedy), entropy_bits (of the whole distribution, before the
    sampler), alternatives, tail (probability of all other tokens)}; an alternative is {rank, id, text, bytes,
    logprob, probability, sampled, removed (title of the sampler's stage that removed it, or null)}, and the
    token itself is one of them.
    """
    listed, taken = step.taken
    alternatives = [_alternative(vocabulary, listed, place) for place in range(len(listed))]
    own = alternatives[taken]
    token = {key: own[key] for key in ("id", "text", "bytes", "logprob", "probability", "rank", "sampled")}
    return {
        "place": step.place + 1,
        **token,
        "entropy_bits": number(listed.entropy / NATS_PER_BIT),
        "alternatives": alternatives,
        "tail": number(listed.tail),
    }


def step_line(opened: Opened, step: Step, number: int) -> Text:
    """A step on a line: its number, its token and how likely that was, and what else there was.

    Args:
        number: of the step, counted from 1.

    Raises ValueError for a step that tells of no alternatives.
    """
    listed, taken = step.taken
    line = Text(f"{number:>{NUMBER_CELLS}}  ")
    line.append_text(padded(Text(opened.vocabulary[step.token].shown, STRONG), TOKEN_CELLS).append(" "))
    sampled = listed.sampled is not None
    line.append_text(padded(_figure(listed, taken), 2 * FIGURE_CELLS + 3 if sampled else FIGURE_CELLS))
    others = [place for place in range(len(listed)) if place != taken]
    for place in others:
        line.append("  │ " if place == others[0] else " │ ", QUIET)
        line.append(opened.vocabulary[int(listed.ids[place])].shown + " ")
        line.append_text(_figure(listed, place))
    line.rstrip()
    return line


def _figure(listed: Listed, place: int) -> Text:
    """How likely a token is to the model, and what the sampler made of that."""
    text = Text(figures.probability(float(listed.logprobs[place])))
    if listed.sampled is None:
        return text
    if listed.removed[place]:
        return text.append(f" {REMOVED} {listed.removed[place]}", QUIET)
    return text.append(f" {AFTER} {figures.fraction(float(listed.sampled[place]))}")


def _alternative(vocabulary: Vocabulary, listed: Listed, place: int) -> Document:
    sampled, removed = listed.sampled, listed.removed
    return {
        **candidate(vocabulary, listed, place),
        "sampled": None if sampled is None else number(sampled[place]),
        "removed": (removed[place] or None) if removed else None,
    }


def _settings(plan: Plan) -> Document:
    sampler = plan.sampler
    return {
        "limit": plan.limit,
        "sampler": None if sampler is None else {knob.name: getattr(sampler, knob.name) for knob in KNOBS},
        "seed": None if sampler is None else plan.seed,
        "stops": list(plan.stops),
        "least": plan.least,
    }


def _tokens(count: int) -> str:
    return f"{count} token" if count == 1 else f"{count} tokens"
