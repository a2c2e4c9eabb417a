"""The commands of `tiny`: a GPT small enough for pencil and paper, trained and followed by hand."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from token_explorer.cli.byhand import TINY, TinyModel, byhand, exercise
from token_explorer.cli.flags import (
    BlockBlank,
    BlockEnd,
    ConfigFile,
    Device,
    Force,
    MinP,
    NoRepeatNgram,
    RepetitionPenalty,
    Temperature,
    TopK,
    TopP,
)
from token_explorer.cli.flags import Seed as DrawSeed
from token_explorer.cli.output import show
from token_explorer.cli.sampling import plan_sampler
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import read_text
from token_explorer.errors import InputError

if TYPE_CHECKING:
    from token_explorer.tiny.course import Course, Outcome

_AT_MOST = 100_000


def _size(flag: str, help: str, low: int = 1, high: int = _AT_MOST) -> "typer.models.OptionInfo":
    option: typer.models.OptionInfo = typer.Option(flag, metavar="N", min=low, max=high, help=help)
    return option


def train(
    data: Annotated[
        str, typer.Option("--data", metavar="NAME", help="demo, verse, or a text file of your own.")
    ] = "demo",
    out: Annotated[
        str | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Where the model goes, instead of the one 'tiny' names."
        ),
    ] = None,
    max_iters: Annotated[int, _size("--max_iters", "Iterations of the training.", high=10_000_000)] = 200,
    vocabulary: Annotated[int, _size("--vocabulary", "Most tokens, the space among them.", low=3)] = 32,
    positions: Annotated[int, _size("--positions", "Most tokens of a prompt.", low=2, high=4096)] = 8,
    layers: Annotated[int, _size("--layers", "Layers.", high=64)] = 2,
    heads: Annotated[int, _size("--heads", "Heads of a layer.", high=64)] = 2,
    width: Annotated[int, _size("--width", "Width of the residual stream.", high=4096)] = 16,
    batch_size: Annotated[int, _size("--batch_size", "Sequences of a batch.", high=4096)] = 8,
    accumulation: Annotated[
        int, _size("--gradient_accumulation_steps", "Batches whose gradients make one step.", high=1024)
    ] = 4,
    learning_rate: Annotated[
        float, typer.Option("--learning_rate", metavar="X", min=0.0, max=10.0, help="The highest.")
    ] = 0.01,
    warmup: Annotated[int, _size("--warmup_iters", "Iterations until it is highest.", low=0)] = 10,
    weight_decay: Annotated[
        float, typer.Option("--weight_decay", metavar="X", min=0.0, max=10.0, help="Of matrices.")
    ] = 0.01,
    eval_interval: Annotated[int, _size("--eval_interval", "Iterations between evaluations.")] = 100,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, max=2**31 - 1, help="The same weights again.")
    ] = 0,
    device: Device = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was interrupted.")
    ] = False,
    force: Force = False,
) -> int:
    """Train a tiny GPT on words, in less than a minute.

    It becomes an ordinary model folder: token-explorer --model tiny opens it.
    """
    from token_explorer.tiny.settings import Recipe, Shape

    shape = Shape(vocabulary, positions, layers, heads, width)
    recipe = Recipe(
        max_iters, batch_size, accumulation, learning_rate, warmup, weight_decay, eval_interval, seed
    )
    from token_explorer.cli.work import note
    from token_explorer.engine.storage import tiny_folder
    from token_explorer.tiny import corpus

    text = corpus.read(data)
    path = tiny_folder() if out is None else Path(_named(out)).expanduser()
    note("starting PyTorch …")
    from token_explorer.engine.models import choose_device
    from token_explorer.tiny.course import Course, Lesson
    from token_explorer.tiny.folder import Folder

    lesson = Lesson.of(text, vocabulary)
    course = Course(lesson, shape, recipe, Folder(path), choose_device(device or "cpu"))
    _train(course, resume, force or out is None)
    return 0


def _named(out: str) -> str:
    if not out.strip():
        raise InputError("No folder", "--out is empty.", "Name the folder for the model.")
    return out


def _train(course: "Course", resume: bool, force: bool) -> None:
    """Train, and tell what came of it."""
    from token_explorer.cli.work import note, stopping
    from token_explorer.tiny.bar import Bar

    training = course.begin(resume, force)
    _describe(course)
    with stopping() as stop:
        done = training.progress.iteration
        with Bar(course.recipe.iterations, done, sys.stderr) as bar:
            outcome = course.run(training, bar.tell, stop)
            bar.close_with(outcome.progress)
    _conclude(course, outcome)
    if outcome.interrupted:
        note("Interrupted. The best model so far is saved; the same command with --resume goes on.")
        raise KeyboardInterrupt


def _describe(course: "Course") -> None:
    from token_explorer.cli.work import note

    lesson, shape = course.lesson, course.setup.shape
    note(
        f"{len(lesson.ids):,} tokens of {len(lesson.vocabulary)} kinds; {course.parameters:,} parameters: "
        f"{shape.layers} layers, {shape.heads} heads, {shape.width} wide, {shape.positions} positions"
    )
    if lesson.unknown:
        part = f"{lesson.unknown:.0%}" if lesson.unknown >= 0.01 else "less than 1%"
        note(
            f"{part} of the words are beyond the {shape.vocabulary} commonest tokens and read as <UNK>; "
            "--vocabulary takes more."
        )


def _conclude(course: "Course", outcome: "Outcome") -> None:
    from token_explorer.cli.work import note

    best = outcome.progress.best_evaluation
    note(
        f"validation loss {best.validation:.3f} nats a token after {best.iteration} iterations, the best; "
        f"saved in {course.folder.path}"
    )


def generate(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The text to go on from; without it, a space.")
    ] = None,
    tokens: Annotated[
        int, typer.Option("-n", metavar="N", min=1, max=_AT_MOST, help="Tokens to write.")
    ] = 20,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = None,
    no_repeat_ngram: NoRepeatNgram = None,
    block_end: BlockEnd = None,
    block_blank: BlockBlank = None,
    seed: DrawSeed = None,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
) -> int:
    """Let a tiny model go on from a text, over and beyond its few positions.

    It takes the likeliest token each time; a flag of the sampler, or --seed, has it draw.
    """
    settings = settings_for(config_file, model, device, False)
    sampler, drawn = plan_sampler(settings.sampler, context.params, seed)
    given = " " if text is None else read_text(text, None, False)
    from rich.text import Text

    from token_explorer.cli.work import note, opening, stopping
    from token_explorer.results.sliding import fitting, write

    with stopping() as stop, opening(settings) as opened:
        window = opened.info.context
        ids = fitting(opened, given)
        if len(ids) + tokens > window > 0:
            note(f"the model has {window} positions: each token is written from the last {window} before it")
        written = write(opened, ids, tokens, sampler, drawn, stop)
        show([Text("".join("".join(part) for part in opened.vocabulary.show(ids + written)))])
    return 0


COMMANDS = (train, generate, byhand, exercise)
