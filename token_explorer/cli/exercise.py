"""The command that has the user work out numbers of a forward by hand: exercise."""

from typing import TYPE_CHECKING, Annotated

import typer

from token_explorer.cli.byhand import TINY, TinyModel, Worksheet, check_page
from token_explorer.cli.flags import ConfigFile, Device, Force
from token_explorer.cli.output import write
from token_explorer.cli.settings import PROGRAM, settings_for
from token_explorer.cli.source import checked
from token_explorer.core.knobs import MAX_SEED
from token_explorer.files import write_file

if TYPE_CHECKING:
    from token_explorer.cli.progress import Store
    from token_explorer.results.exercise import Exercise

# What is read where nothing is named.
TEXT = "hello world"


def exercise(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text; without it, 'hello world'.")] = TEXT,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Ask for other numbers.")
    ] = 0,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew, not where you were.")] = False,
    html: Worksheet = None,
    force: Force = False,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
) -> int:
    """Work out numbers of a forward yourself, one at a time.

    Answers are lines, typed or from a pipe. It remembers where you were. With --html a worksheet with its
    solutions is written instead.
    """
    settings = settings_for(config_file, model, device, False)
    check_page(html, force)
    given = checked(text, "TEXT")
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results.exercise import set_exercise

    with stopping() as stop, opening(settings) as opened:
        made = set_exercise(opened, encoded(opened, given), seed, stop)
    if html is not None:
        write_file(html, made.page().encode(), force)
        note(f"Wrote {html}; open it in a browser, or print it.")
        return 0
    return _ask(made, seed, restart)


def _ask(made: "Exercise", seed: int, restart: bool) -> int:
    """Ask from where the user was."""
    from token_explorer.cli.asking import Asking
    from token_explorer.cli.progress import MARKS, Progress

    store = _store(made, seed)
    count = len(made.questions)
    progress = Progress(count) if restart else store.read(count)
    if Asking(made, progress, lambda: store.write(progress)).run():
        store.forget()
        right, wrong, skipped = (progress.counted(mark) for mark in MARKS)
        write(f"\n{right} of {count} right, {wrong} wrong, {skipped} skipped.\n")
    else:
        store.write(progress)
        write(f"\nLeft at number {progress.place + 1} of {count}; the same command goes on there.\n")
    return 0


def _store(made: "Exercise", seed: int) -> "Store":
    """Where the progress of an exercise is kept: that of these weights, this prompt and this seed."""
    import hashlib

    from platformdirs import user_state_path

    from token_explorer.cli.progress import Store

    key = hashlib.sha256(f"{made.digest} {made.ids} {seed}".encode()).hexdigest()[:32]
    return Store(user_state_path(PROGRAM, appauthor=False) / "exercises" / f"{key}.json")
