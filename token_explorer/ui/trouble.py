"""An application that tells of troubles in words: errors as notifications, and bugs without a traceback.

Knows nothing of models and prompts.
"""

from typing import Literal

from textual.app import App

from token_explorer.errors import ExplorerError, NotPossible
from token_explorer.ui import words

Severity = Literal["information", "warning", "error"]


class Troubled(App[int]):
    """An application that says what goes wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.fatal: ExplorerError | None = None
        """Why the program ends, for the caller to print; its exit_code is the program's."""
        self._said: set[str] = set()

    def say(self, title: str, message: str, severity: Severity = "information") -> None:
        """Tell the user something, in place of what was told before. Never markup."""
        self.clear_notifications()
        self.notify(words.plain(message), title=words.plain(title), severity=severity, markup=False)

    def report(self, error: ExplorerError) -> None:
        """Tell the user of an error: what failed, with which value, and how to mend it."""
        message = "\n".join(part for part in (error.message, error.hint) if part)
        self.say(error.title, message, "warning" if isinstance(error, NotPossible) else "error")

    def report_once(self, error: ExplorerError) -> None:
        """Tell of an error that the next look may bring again."""
        if str(error) not in self._said:
            self._said.add(str(error))
            self.report(error)

    def forget_said(self) -> None:
        """What was told once may be told again."""
        self._said.clear()

    def rescue(self) -> str:
        """Save what would be lost when the program ends; in words, where."""
        raise NotImplementedError

    def _handle_exception(self, error: Exception) -> None:
        """Textual's one door for unexpected errors: end with words, not with a traceback of the user's text.

        The error goes on to whoever runs the program as a test.
        """
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
            self.fatal = ExplorerError(
                "Token Explorer failed",
                words.plain(f"{type(error).__name__}: {error}"),
                f"This is a bug; please report it. {self.rescue()}".rstrip(),
            )
            self.fatal.__cause__ = error
        self._return_code = self.fatal.exit_code if self.fatal else 1
        self._close_messages_no_wait()
