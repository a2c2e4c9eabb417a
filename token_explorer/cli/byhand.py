"""The commands that follow a forward by hand: byhand prints it, exercise has the user work it out."""

from typing import TYPE_CHECKING, Annotated

import typer

from token_explorer.cli.flags import ConfigFile, Device, Force, InputFile, Json, Strip, TextArgument
from token_explorer.cli.output import line_width, publish, write
from token_explorer.cli.settings import PROGRAM, settings_for
from token_explorer.cli.source import checked, read_text
from token_explorer.core.knobs import MAX_SEED
from token_explorer.files import check_new, write_file

if TYPE_CHECKING:
    from token_explorer.cli.progress import Store
    from token_explorer.results.exercise import Exercise

# What the commands here are about where nothing is named.
TINY, TEXT = "tiny", "hello world"

TinyModel = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME", help="'tiny' (the default), or a folder with a small GPT-2."
    ),
]
Worksheet = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write a worksheet instead of text."),
]


def _numbers(flag: str, what: str) -> "typer.models.OptionInfo":
    help = f"{what}, counted from 1; may be given several times."
    option: typer.models.OptionInfo = typer.Option(flag, metavar="N", min=1, help=help)
    return option


def byhand(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="NAME", help="Only steps of this name; may be given several times."),
    ] = None,
    layer: Annotated[list[int] | None, _numbers("--layer", "Only steps of this layer")] = None,
    head: Annotated[list[int] | None, _numbers("--head", "Only steps of this head")] = None,
    position: Annotated[
        list[int] | None, _numbers("--position", "Only this token's rows, each number worked out")
    ] = None,
    column: Annotated[
        int | None,
        typer.Option("--column", metavar="N", min=1, help="Only this column, each number worked out."),
    ] = None,
    html: Worksheet = None,
    force: Force = False,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Print each step of a forward, with its formula and its numbers.

    With --position or --column the calculation of each number is written out.
    """
    settings = settings_for(config_file, model, device, False)
    _check_page(html, force)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results import byhand as steps
    from token_explorer.results.wanted import Wanted

    wanted = Wanted(tuple(step or ()), tuple(layer or ()), tuple(head or ()), tuple(position or ()), column)
    with stopping() as stop, opening(settings) as opened:
        followed = steps.follow(opened, encoded(opened, given), wanted, line_width(), stop)
    if html is not None:
        write_file(html, followed.page().encode(), force)
        note(f"Wrote {html}; open it in a browser.")
    if html is None or as_json:
        publish(followed, as_json)
    return 0


def _check_page(html: str | None, force: bool) -> None:
    if html is not None:
        check_new(html, force)


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
    _check_page(html, force)
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
