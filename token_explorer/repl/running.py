"""Lines carried out, one after the other: what goes wrong is told, and ends none but its own line.

Knows nothing of terminals.
"""

from collections.abc import Callable, Iterable

from token_explorer.core.engine import Stop
from token_explorer.errors import (
    DeviceError,
    EngineDied,
    ExplorerError,
    InputError,
    ModelLoadError,
    ModelNotFound,
)
from token_explorer.repl.commands import Command, find
from token_explorer.repl.line import Line, cut
from token_explorer.repl.session import LostOutput, Session

# After these it is told which model is open.
_OF_MODELS = (EngineDied, ModelNotFound, ModelLoadError, DeviceError)


def perform(session: Session, typed: str) -> ExplorerError | None:
    """Do what a line says; returns what went wrong, which is told already.

    Raises LostOutput and BrokenPipeError where results can't be written any more, and KeyboardInterrupt
    where ctrl+c ended it.
    """
    return guarded(session, lambda: _perform(session, typed))


def guarded(session: Session, work: Callable[[], None]) -> ExplorerError | None:
    """Do some work of a session; as `perform`."""
    try:
        work()
    except ExplorerError as error:
        return _tell(session, error)
    except (LostOutput, BrokenPipeError):
        raise
    except Exception as error:
        session.around.fault(error)
        what = f"{type(error).__name__}: {error}"
        return _tell(session, ExplorerError("This is a bug", f"{what}. Please report it."))
    return None


def run_script(session: Session, name: str, typed: Iterable[str]) -> int:
    """Open a model and do all lines, or those up to `quit`.

    Returns the exit code of the first error, 0 for none. Raises as `perform` does.
    """
    first = guarded(session, lambda: session.open(name))
    for line in typed:
        failed = perform(session, line.rstrip("\r\n"))
        first = first or failed
        if session.over:
            break
    return 0 if first is None else first.exit_code


def _perform(session: Session, typed: str) -> None:
    _check(typed)
    line = cut(typed)
    if line.name or line.argument:
        command = find(line.name)
        _check_arguments(command, line)
        _run(session, command, line)


def _run(session: Session, command: Command, line: Line) -> None:
    if not command.asks:
        command.run(session, line, Stop())  # what takes long there is a load, which ctrl+c ends by itself
        return
    session.ready()
    with session.around.stopping() as stop:
        try:
            command.run(session, line, stop)
            stop.check()  # a run that was stopped returns what it had written
        except (EngineDied, KeyboardInterrupt):  # after a second ctrl+c an answer may be read in part
            session.drop()
            raise


def _check(typed: str) -> None:
    try:
        typed.encode("utf-8")
    except UnicodeEncodeError as error:
        hint = "Type it again, or set the terminal to UTF-8."
        raise InputError("Not text", f"character {error.start + 1} of the line isn't UTF-8.", hint) from None


def _check_arguments(command: Command, line: Line) -> None:
    if line.forced and not command.writes:
        hint = f"Write {command.name} without the !."
        raise InputError("Nothing to replace", f"{command.name} writes no file.", hint)
    if not command.takes and line.argument.strip():
        raise InputError("Too much", f"{command.name} stands alone.", f"Write {command.name}.")


def _tell(session: Session, error: ExplorerError) -> ExplorerError:
    """Tell of an error, and which model is open where that may have changed."""
    for said in str(error).split("\n"):
        session.note(said)
    if isinstance(error, _OF_MODELS):
        session.note(session.standing)
    return error
