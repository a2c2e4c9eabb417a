"""The command line on the fake engine: in this process, or run as a program of its own."""

import sys
from collections.abc import Callable

from tests.fakes import FakeEngine
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import ModelSpec
from token_explorer.errors import ExplorerError


class Fakes:
    """Makes fake engines, and remembers what they were made for."""

    def __init__(self, make: Callable[[], FakeEngine] = FakeEngine) -> None:
        self._make = make
        self.specs: list[ModelSpec] = []
        self.engines: list[FakeEngine] = []
        self.load_error: ExplorerError | None = None

    def __call__(self, spec: ModelSpec) -> FakeEngine:
        self.specs.append(spec)
        self.engines.append(self._make())
        self.engines[-1].load_error = self.load_error
        return self.engines[-1]


def slow() -> FakeEngine:
    """An engine that takes a moment for each token."""
    return FakeEngine(seconds=0.05)


if __name__ == "__main__":
    work.local_engine = Fakes(slow)  # type: ignore[assignment]
    sys.exit(cli.main(sys.argv[1:]))
