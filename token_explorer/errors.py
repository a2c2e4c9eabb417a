"""Everything that can go wrong in words a user understands.

    ExplorerError            title, message, hint; exit_code
    ├── ConfigError          a setting that can't be used                     2
    ├── InputError           a prompt, file or flag that can't be used        2
    ├── OutputError          a result that can't be written                   2
    ├── ModelNotFound        no such model here, or no network to fetch it    2
    ├── DeviceError          no such device here                              2
    ├── ContextTooLong       more tokens than the model was made for          2
    ├── NotPossible          an operation that the state doesn't allow        2
    ├── FacetUnavailable     what this model or this prompt can't show        2
    ├── ModelLoadError       the model is there and can't be opened           1
    ├── EngineDied           the engine's process ended unasked               1
    └── EngineFault          a bug or a fault inside the engine, its workspace kept   1

Any other exception is a bug.
"""


class ExplorerError(Exception):
    """An error with three parts: what failed, with which value, and how to mend it."""

    exit_code = 1

    def __init__(self, title: str, message: str, hint: str = "") -> None:
        # All three go to Exception.args, so that an error survives pickling between processes.
        super().__init__(title, message, hint)
        self.title = title
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (f"{self.title}: {self.message}", self.hint) if part)


class ConfigError(ExplorerError):
    """A setting that is unknown, of the wrong type, or out of range."""

    exit_code = 2


class InputError(ExplorerError):
    """A prompt, a file or a flag that can't be used."""

    exit_code = 2


class OutputError(ExplorerError):
    """A result that can't be written where it should be."""

    exit_code = 2


class ModelNotFound(ExplorerError):
    """A model name that leads nowhere from here."""

    exit_code = 2


class DeviceError(ExplorerError):
    """A device that this machine doesn't have."""

    exit_code = 2


class ContextTooLong(ExplorerError):
    """A prompt longer than the model's context."""

    exit_code = 2


class NotPossible(ExplorerError):
    """An operation that the workspace's state doesn't allow; nothing was changed."""

    exit_code = 2


class FacetUnavailable(ExplorerError):
    """A look inside that this model, or this length of prompt, can't give."""

    exit_code = 2


class ModelLoadError(ExplorerError):
    """A model that was found and can't be opened."""


class EngineDied(ExplorerError):
    """The engine's process ended unasked: killed, out of memory, a driver fault."""


class EngineFault(ExplorerError):
    """An unexpected exception inside the engine, reported with its last lines."""
