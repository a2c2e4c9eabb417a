"""The commands of `tiny`: a GPT small enough for pencil and paper, trained here, and what it writes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from token_explorer.cli.byhand import TINY, TinyModel, byhand
from token_explorer.cli.exercise import exercise
from token_explorer.cli.flags import (
    BlockBlank,
    BlockEnd,
    ConfigFile,
    Device,
    InputFile,
    Json,
    MinP,
    NoRepeatNgram,
    RepetitionPenalty,
    Seed,
    Strip,
    Temperature,
    TextArgument,
    TopK,
    TopP,
)
from token_explorer.cli.output import show, show_document
from token_explorer.cli.sampling import plan_sampler
from token_explorer.cli.settings import known_device, settings_for
from token_explorer.cli.source import checked, read_text, stop_texts
from token_explorer.core.knobs import MAX_SEED
from token_explorer.errors import InputError
from token_explorer.tiny.data import DEMO, NAMES
from token_explorer.tiny.settings import TinySettings

if TYPE_CHECKING:
    from token_explorer.results.opened import Opened
    from token_explorer.tiny.data import Corpus
    from token_explorer.tiny.folder import Folder
    from token_explorer.tiny.work import Work

_USUAL = TinySettings()

app = typer.Typer(name=TINY, rich_markup_mode=None, subcommand_metavar="COMMAND")


def _whole(name: str, help: str, low: int = 1, high: int = 1_000_000) -> Any:
    usual = getattr(_USUAL, name)
    return typer.Option(f"--{name}", metavar="N", min=low, max=high, help=f"{help}; usually {usual}.")


def _number(name: str, help: str, low: float = 0.0, high: float = 1.0) -> Any:
    usual = getattr(_USUAL, name)
    return typer.Option(f"--{name}", metavar="X", min=low, max=high, help=f"{help}; usually {usual:g}.")


@app.callback(invoke_without_command=True)
def tiny(context: typer.Context) -> int:
    """Train a GPT small enough for pencil and paper, and let it write."""
    if context.invoked_subcommand is None:
        hint = f"token-explorer {TINY} --help lists them."
        raise InputError(
            "No command", f"{TINY} wants one: {', '.join(each.__name__ for each in COMMANDS)}.", hint
        )
    return 0


def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="|".join((*NAMES, "FILE")), help=f"What to learn; usually {DEMO}."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="DIR", help="The model's folder; without it, the one of `tiny`."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in that folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the training in that folder.")] = False,
    by_hand: Annotated[
        int,
        typer.Option("--by_hand", metavar="N", min=0, max=100, help="Record the first N steps, and a page."),
    ] = 0,
    matrix: Annotated[
        str | None,
        typer.Option("--matrix", metavar="NAME", help="Whose changes are recorded with --by_hand."),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="cpu (usual), auto, cuda, cuda:N or mps.")
    ] = "cpu",
    max_iters: Annotated[int | None, _whole("max_iters", "Steps")] = None,
    vocabulary: Annotated[int | None, _whole("vocabulary", "Most words", 3)] = None,
    positions: Annotated[int | None, _whole("positions", "Tokens read at once", high=65_536)] = None,
    layers: Annotated[int | None, _whole("layers", "Layers", high=1000)] = None,
    heads: Annotated[int | None, _whole("heads", "Heads of a layer", high=1000)] = None,
    width: Annotated[int | None, _whole("width", "Numbers of a state", high=65_536)] = None,
    batch_size: Annotated[int | None, _whole("batch_size", "Windows of a forward")] = None,
    grad_accum: Annotated[int | None, _whole("grad_accum", "Forwards of a step")] = None,
    learning_rate: Annotated[float | None, _number("learning_rate", "The highest learning rate")] = None,
    min_learning_rate: Annotated[float | None, _number("min_learning_rate", "The last learning rate")] = None,
    warmup_iters: Annotated[int | None, _whole("warmup_iters", "Steps of the warm-up", 0)] = None,
    weight_decay: Annotated[float | None, _number("weight_decay", "Weight decay", high=100.0)] = None,
    beta1: Annotated[float | None, _number("beta1", "AdamW's beta1", high=0.9999)] = None,
    beta2: Annotated[float | None, _number("beta2", "AdamW's beta2", high=0.999999)] = None,
    grad_clip: Annotated[float | None, _number("grad_clip", "Longest gradient, 0 for any", high=1e9)] = None,
    eval_interval: Annotated[int | None, _whole("eval_interval", "Steps between evaluations")] = None,
    seed: Annotated[int | None, _whole("seed", "Of first weights and draws", 0, MAX_SEED)] = None,
) -> int:
    """Train a GPT on some words.

    Its folder is an ordinary model: --model DIR opens it, and --model tiny the one without --out.
    """
    given = {name: value for name in _USUAL.document() if (value := context.params[name]) is not None}
    known_device(device)
    if matrix is not None and not by_hand:
        raise InputError("Nothing to record", "--matrix is for --by_hand.", "Add --by_hand N.")
    if resume and (force or by_hand):
        flag = "--force" if force else "--by_hand"
        raise InputError("Can't resume", f"{flag} is for a training that begins.", "Leave it out.")
    folder = _folder(out)
    if resume:
        settings, named = folder.resumed(given, data)
    else:
        settings, named = TinySettings(**given), data or DEMO
        settings.check()
    from token_explorer.tiny.data import corpus

    text = corpus(checked(named, "--data"))
    if resume:
        folder.check_data(text)
    else:
        folder.prepare(settings, text, force)
    return _train(settings, text, folder, device, (by_hand, matrix), resume, out)


def _folder(out: str | None) -> "Folder":
    from token_explorer.engine.storage import trained_folder
    from token_explorer.tiny.folder import Folder

    if out == "":
        raise InputError("No folder", "--out is empty.", "Name a folder, or leave the flag out.")
    return Folder(trained_folder() if out is None else Path(out).expanduser())


def _train(
    settings: TinySettings,
    data: "Corpus",
    folder: "Folder",
    device: str,
    by_hand: tuple[int, str | None],
    resume: bool,
    out: str | None,
) -> int:
    from token_explorer.cli.work import note, stopping

    note("loading torch …")
    from token_explorer.engine.models import choose_device
    from token_explorer.tiny.progress import Progress
    from token_explorer.tiny.record import MATRIX
    from token_explorer.tiny.work import ByHand, Work

    count, matrix = by_hand
    recorded = ByHand(count, matrix or MATRIX) if count else None
    work = Work(settings, data, folder, choose_device(device), recorded)
    if resume:
        work.training.restore(folder.state())
    _begin(work)
    with stopping() as stop, Progress(work.training.iteration, settings.max_iters, sys.stderr) as progress:
        ended = work.run(progress.tell, progress.judged, stop)
    return _end(work, ended, out)


def _begin(work: "Work") -> None:
    from token_explorer.cli.work import note

    training = work.training
    what = f"{len(work.words)} words, {work.tokens:,} tokens of {work.data.name}"
    note(f"{training.parameters:,} parameters; {what}; {training.settings.positions} positions")
    if training.iteration:
        note(f"going on at iteration {training.iteration}")


def _end(work: "Work", ended: bool, out: str | None) -> int:
    """Say how it ended, and what can be done with it."""
    from token_explorer.cli.work import note
    from token_explorer.tiny.result import Trained

    training, name = work.training, TINY if out is None else out
    show(Trained(training.parameters, tuple(training.history), training.best).text())
    note(f"Wrote {work.folder.path}: the model, {', '.join(work.written())}.")
    if not ended:
        where = "" if out is None else f" --out {out}"
        note(f"Interrupted at iteration {training.iteration} of {training.settings.max_iters}.")
        note(f"Go on with: token-explorer tiny train --resume{where}")
        raise KeyboardInterrupt
    note(f"Open it with: token-explorer --model {name}")
    return 0


def generate(
    context: typer.Context,
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    tokens: Annotated[
        int, typer.Option("-n", metavar="N", min=1, max=100_000, help="Most tokens to write.")
    ] = 20,
    stops: Annotated[
        list[str] | None,
        typer.Option("--stop", metavar="TEXT", help="End once this was written; may be given several times."),
    ] = None,
    alternatives: Annotated[
        int, typer.Option("-k", metavar="K", min=1, max=1000, help="Tokens listed at each step.")
    ] = 3,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = None,
    no_repeat_ngram: NoRepeatNgram = None,
    block_end: BlockEnd = None,
    block_blank: BlockBlank = None,
    seed: Seed = None,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Let the model that was trained write, for as long as you like.

    It starts from a blank where there is no text. Once its positions are full, it goes by the last tokens.
    """
    settings = settings_for(config_file, model, device, False)
    sampler, drawn = plan_sampler(settings.sampler, context.params, seed)
    endings = stop_texts(stops, "--stop")
    source = " " if text is None and input_file is None else read_text(text, input_file, strip)
    from token_explorer.cli.work import opening, stopping
    from token_explorer.core.cuts import Encoding
    from token_explorer.core.generation import Plan, Step
    from token_explorer.results.generation import step_line
    from token_explorer.results.window import write_on

    with stopping() as stop, opening(settings) as opened:
        ids = opened.engine.observe((), Encoding(source, True, False), stop).tokens
        _tell_of_window(opened, len(ids) + tokens)

        def tell(step: Step) -> None:
            if not as_json:
                show([step_line(opened, step, step.place - len(ids) + 1)])

        plan = Plan(tokens, sampler, drawn, len(ids), endings, alternatives=alternatives)
        written = write_on(opened, ids, plan, tell, stop)
        if as_json:
            show_document(written.document())
        else:
            show(written.closing())
    if written.ending == "interrupted":
        raise KeyboardInterrupt
    return 0


def _tell_of_window(opened: "Opened", length: int) -> None:
    from token_explorer.cli.work import note

    context = opened.info.context
    if 0 < context < length:
        note(f"The model reads {context} tokens at once: where there are more, the last {context}.")


COMMANDS = (train, generate, byhand, exercise)
for command in COMMANDS:
    app.command()(command)
