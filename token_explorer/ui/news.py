"""What a desk tells of the engine that it asks. Values only; knows nothing of who hears them."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from token_explorer.core.engine import EngineInfo, Progress
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import EngineDied, ExplorerError


@dataclass(frozen=True, slots=True)
class Loading:
    """The model is on its way."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class TokenizerReady:
    """The text has become tokens; told once, however often the engine is started."""

    vocabulary: Vocabulary
    ids: TokenIds


@dataclass(frozen=True, slots=True)
class ModelReady:
    """The model can be asked."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Proved:
    """The model's numbers were checked; what it is, with the results and with what it lacks."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Unproved:
    """The engine can't check the model's numbers."""

    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question, and how long the engine took."""

    scores: Scores
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The engine lives but can't answer this question."""

    ids: TokenIds
    error: ExplorerError


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What was seen inside the model at a prompt, and how long the engine took."""

    ids: TokenIds
    facet: Facet[Any]
    answer: object
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """The engine lives but can't show this."""

    ids: TokenIds
    facet: Facet[Any]
    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Stepped:
    """The model wrote a token; the plan is the very one that was given."""

    plan: Plan
    step: Step


@dataclass(frozen=True, slots=True)
class Ran:
    """The model wrote what was planned."""

    plan: Plan
    generated: Generated


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The engine lives but can't write this, or write on."""

    plan: Plan
    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Restarting:
    """The engine died, and is being started again."""

    error: EngineDied


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine can't be started, or goes on dying. The next question tries again."""

    error: ExplorerError


@dataclass(frozen=True, slots=True)
class Crashed:
    """An error that nobody foresaw; the desk has closed."""

    error: Exception


News: TypeAlias = (
    Loading
    | TokenizerReady
    | ModelReady
    | Proved
    | Unproved
    | Answered
    | Refused
    | Observed
    | Unseen
    | Stepped
    | Ran
    | RunFailed
    | Restarting
    | Failed
    | Crashed
)
