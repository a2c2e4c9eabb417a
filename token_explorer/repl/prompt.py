"""The line that is typed: its history, what it is completed to, and the bar below it.

prompt_toolkit does the work. Knows nothing of what a line does.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import has_completions
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output, create_output

from token_explorer.core.tokens import display
from token_explorer.errors import InputError
from token_explorer.repl.commands import NAMES, Command, find
from token_explorer.repl.echo import unechoed
from token_explorer.repl.line import after_quotes, cut, lines
from token_explorer.repl.menu import choose, menu_lines
from token_explorer.repl.running import guarded, perform
from token_explorer.repl.session import Session
from token_explorer.repl.settings import described

PROMPT = "explore> "
WELCOME = "help lists the commands, Ctrl+D ends. Try: complete The capital of France is"
# Rows below the line that are made free for what Tab offers.
_OFFERED_ROWS = 6


def interact(session: Session, name: str | None, history: Path, output: Output | None = None) -> int:
    """Ask for lines at the terminal and do them, until the user has enough; returns the exit code.

    Args:
        name: of the model to begin with; None asks for it.
        history: the file of the lines that were typed; its folder is made.
        output: where the line is drawn; None for the terminal: stderr where the results go into a file.
    """
    output = output or create_output(always_prefer_tty=True)
    prompt = asking(kept(history, session.note), lambda: toolbar(session), output)
    with suppress(EOFError):
        first = _asked_model(session, PromptSession(output=output)) if name is None else name
        _work(session, lambda: guarded(session, lambda: session.open(first)))
        session.note(WELCOME)
        while not session.over:
            for line in _typed(prompt):
                if not session.over and not _work(session, partial(perform, session, line)):
                    break
    return 0


def asking(history: History, bar: Callable[[], str], output: Output) -> "PromptSession[str]":
    """What asks for lines, with a bar below them."""
    return PromptSession(
        PROMPT,
        history=history,
        auto_suggest=AutoSuggestFromHistory(),
        completer=Offers(),
        complete_while_typing=False,
        reserve_space_for_menu=_OFFERED_ROWS,
        key_bindings=_keys(),
        bottom_toolbar=lambda: [("", bar())],
        enable_suspend=True,
        output=output,
    )


def _keys() -> KeyBindings:
    """Tab completes at once what can only go on in one way: a menu would come after the next key.

    The mouse does nothing: a colour's escape code, typed or pasted, is taken for it.
    """
    keys = KeyBindings()
    keys.add(Keys.Vt100MouseEvent)(lambda event: None)

    @keys.add("tab", filter=~has_completions)
    def complete(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        offers = list(Offers().get_completions(buffer.document, CompleteEvent(completion_requested=True)))
        if len(offers) == 1:
            buffer.apply_completion(offers[0])
        else:
            buffer.start_completion(insert_common_part=True)

    return keys


def kept(path: Path, note: Callable[[str], None]) -> History:
    """The history of a file; one in memory, with a note, where the file can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is asked of a model is the user's own affair.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        note(f"The history lasts for this session only; {path}: {error.strerror or error}.")
        return InMemoryHistory()
    return _Kept(str(path), note)


class _Kept(FileHistory):
    """A history in a file, and in memory from when the file can't be written any more."""

    def __init__(self, path: str, note: Callable[[str], None]) -> None:
        super().__init__(path)
        self._path = path
        self._note: Callable[[str], None] | None = note

    def store_string(self, string: str) -> None:
        """See History.store_string; of a line that is no text nothing is stored."""
        try:
            super().store_string(string)
        except UnicodeEncodeError:
            return
        except OSError as error:
            if self._note is not None:
                self._note(f"The history isn't written any more; {self._path}: {error.strerror or error}.")
                self._note = None


class Offers(Completer):
    """Names of commands; behind one, what may follow it."""

    def __init__(self) -> None:
        self._files = PathCompleter(expanduser=True, file_filter=_can_be_shown)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """See Completer.get_completions."""
        line = document.text_before_cursor.lstrip(" \t")
        if " " not in line:
            yield from _names(line)
            return
        with suppress(InputError):
            yield from self._behind(find(cut(line).name), cut(line).argument, complete_event)

    def _behind(self, command: Command, argument: str, event: CompleteEvent) -> Iterable[Completion]:
        """What may stand where the argument ends."""
        begun: str | None = argument
        if command.takes_text:
            begun = after_quotes(argument)
            if not begun or not begun[0].isspace():  # in the text, or right behind its quote
                return
            begun = begun.lstrip()
        assert begun is not None
        yield from _words(command.words, begun.rpartition(" ")[2])
        if command.files:
            yield from self._files.get_completions(Document(begun), event)


def _names(begun: str) -> Iterable[Completion]:
    """Names of commands, with a blank where something may follow."""
    for name in NAMES:
        if name.startswith(begun):
            yield Completion(f"{name} " if find(name).takes else name, -len(begun), name)


def _words(words: Iterable[str], begun: str) -> Iterable[Completion]:
    return (Completion(word, -len(begun)) for word in words if word.startswith(begun))


def _can_be_shown(path: str) -> bool:
    """Whether a file's name can be typed as it is shown, which one with escape codes can't."""
    name = os.path.basename(path)
    return display(name) == name


def toolbar(session: Session) -> str:
    """The bar below the line: which model is asked, and how."""
    how = "greedy" if session.sampler is None else described(session)
    parts = [session.about, how, *["strip on"] * session.strip]
    return display(" · ".join(parts))


def _asked_model(session: Session, menu: "PromptSession[str]") -> str:
    """The model that the user chooses from the menu; ctrl+c asks again. Raises EOFError."""
    for line in menu_lines():
        session.note(line)
    while True:
        with suppress(KeyboardInterrupt):
            return choose(menu.prompt)


def _typed(prompt: "PromptSession[str]") -> list[str]:
    """What is typed next: a line, or several that were pasted; none where ctrl+c was rid of it."""
    try:
        return lines(prompt.prompt())
    except KeyboardInterrupt:
        return []


def _work(session: Session, work: Callable[[], object]) -> bool:
    """Do some work; False where ctrl+c ended it, which is told."""
    try:
        with unechoed():
            work()
    except KeyboardInterrupt:
        session.note(f"Interrupted. {'' if session.opened else session.standing}".rstrip())
        return False
    return True
