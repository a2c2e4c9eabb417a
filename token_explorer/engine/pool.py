"""The engines that many share, one for each model that is asked for. Knows nothing of connections."""

import threading
from collections.abc import Callable

from token_explorer.core.engine import Engine, ModelSpec
from token_explorer.engine.turns import Seat, Turns
from token_explorer.errors import NotPossible

MOST_MODELS = 2


class Pool:
    """Engines by model, each made when it is first asked for, and kept until its place is needed.

    Args:
        make: makes the engine of a model; nothing of it is loaded yet.
        most: how many models are held at a time.
    """

    def __init__(self, make: Callable[[ModelSpec], Engine], most: int = MOST_MODELS) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        # The one that was asked for last is the last one.
        self._turns: dict[ModelSpec, Turns] = {}

    def seat(self, spec: ModelSpec, seat: Seat) -> Turns:
        """Let one more ask the engine of a model. Raises NotPossible where there is no room for it."""
        with self._lock:
            turns = self._turns.pop(spec, None) or self._opened(spec)
            self._turns[spec] = turns
            turns.seat(seat)
            return turns

    def close(self) -> None:
        """End all engines."""
        with self._lock:
            closing, self._turns = self._turns, {}
        for turns in closing.values():
            turns.close()

    def _opened(self, spec: ModelSpec) -> Turns:
        if len(self._turns) >= self._most:
            self._close_one(spec)
        return Turns(self._make(spec))

    def _close_one(self, wanted: ModelSpec) -> None:
        """End the engine that nobody has asked for longest."""
        unused = next((spec for spec, turns in self._turns.items() if turns.empty), None)
        if unused is None:
            names = " and ".join(spec.name for spec in self._turns)
            raise NotPossible(
                "Too many models",
                f"no room for {wanted.name}: {names} are in use.",
                f"The server holds {self._most} models at a time. Close the tabs of one, or choose it.",
            )
        self._turns.pop(unused).close()
