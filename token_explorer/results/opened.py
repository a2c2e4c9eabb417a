"""A model that is loaded and can be asked: what every command starts from. Knows nothing of where it runs."""

from dataclasses import dataclass

from token_explorer.core.engine import Engine, EngineInfo, Report
from token_explorer.core.tokens import Vocabulary


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A loaded model.

    Attributes:
        engine: to be asked; by one caller at a time.
        vocabulary: what its ids mean.
        info: what it is.
    """

    engine: Engine
    vocabulary: Vocabulary
    info: EngineInfo


def open_model(engine: Engine, report: Report) -> Opened:
    """Load a model; `report` is told how far that is, and later of calls that take long.

    Raises ModelNotFound, ModelLoadError, DeviceError.
    """
    engine.when_long(report)
    vocabulary = engine.load_tokenizer(report)
    return Opened(engine, vocabulary, engine.load_model(report))
