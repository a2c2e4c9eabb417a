"""The commands whose results are numbers: complete, generate, tokenize, score, compare.

Each reads its text and checks its flags before it loads a model.
"""

from typing import Annotated

import typer

from token_explorer.cli.flags import (
    Bf16,
    BlockBlank,
    BlockEnd,
    ConfigFile,
    Device,
    InputFile,
    Json,
    LayerProb,
    MinP,
    ModelName,
    NoRepeatNgram,
    RepetitionPenalty,
    Seed,
    Strip,
    Temperature,
    TextArgument,
    TopK,
    TopP,
)
from token_explorer.cli.output import publish, show, show_document, write
from token_explorer.cli.sampling import plan_sampler
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import checked, read_text, stop_texts
from token_explorer.errors import InputError

Listed = Annotated[
    int, typer.Option("-k", metavar="K", min=1, max=100_000, help="How many of the likeliest tokens to list.")
]
Overlays = Annotated[
    list[str] | None,
    typer.Option(
        "--overlay", metavar="NAME", help="A column of this overlay, too; may be given several times."
    ),
]
Layer = Annotated[
    int | None,
    typer.Option("--layer", metavar="N", help="Of overlays that show one layer; 0 is the embeddings."),
]


def complete(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    listed: Listed = 10,
    layer_prob: LayerProb = False,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """List the likeliest next tokens of a text."""
    settings = settings_for(config_file, model, device, bf16, layer_prob)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, opening, stopping
    from token_explorer.results import completion

    with stopping() as stop, opening(settings) as opened:
        ids = encoded(opened, given)
        publish(completion.complete(opened, ids, listed, layer_prob, stop), as_json)
    return 0


def generate(
    context: typer.Context,
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    tokens: Annotated[int, typer.Option("-n", metavar="N", min=1, help="Most tokens to write.")] = 10,
    stops: Annotated[
        list[str] | None,
        typer.Option("--stop", metavar="TEXT", help="End once this was written; may be given several times."),
    ] = None,
    alternatives: Annotated[
        int,
        typer.Option(
            "-k", metavar="K", min=1, max=1000, help="How many of the likeliest tokens to list at each step."
        ),
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
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Let the model write, and show each step with its alternatives.

    It takes the likeliest token each time; a flag of the sampler, or --seed, has it draw.
    """
    settings = settings_for(config_file, model, device, bf16)
    sampler, drawn = plan_sampler(settings.sampler, context.params, seed)
    endings = stop_texts(stops, "--stop")
    source = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.core.generation import Plan, Step
    from token_explorer.results import generation

    with stopping() as stop, opening(settings) as opened:
        ids = encoded(opened, source)

        def tell(step: Step) -> None:
            if not as_json:
                show([generation.step_line(opened, step, step.place - len(ids) + 1)])

        if as_json:
            note(f"writing up to {tokens} tokens …")
        plan = Plan(tokens, sampler, drawn, len(ids), endings, alternatives=alternatives)
        written = generation.generate(opened, ids, plan, tell, stop)
        if as_json:
            show_document(written.document())
        else:
            show(written.closing())
    if written.ending == "interrupted":
        raise KeyboardInterrupt
    return 0


def tokenize(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Show how a text is cut into tokens; loads no weights.

    So it doesn't matter where those would be, and in which number format.
    """
    settings = settings_for(config_file, model, device, bf16)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import tokenizing
    from token_explorer.results import tokenization

    with tokenizing(settings) as (vocabulary, encode):
        publish(tokenization.tokenize(vocabulary, encode(given), given, settings.model.name), as_json)
    return 0


def score(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    overlays: Overlays = None,
    layer: Layer = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    as_text: Annotated[
        bool, typer.Option("--text", help="Print the text, coloured by the first overlay.")
    ] = False,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Tell how expected each token of a text was.

    Its probability, surprisal, rank, the entropy of the choice, and the value of any overlay.
    """
    if as_json + as_csv + as_text > 1:
        raise InputError(
            "Too many forms", "of --json, --csv and --text only one can be.", "Leave the others out."
        )
    settings = settings_for(config_file, model, device, bf16)
    names = [part for name in overlays or () for part in name.split(",")]
    from token_explorer.overlays import named

    for name in names:
        named(name)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, opening, palettes, stopping
    from token_explorer.results import scoring

    with stopping() as stop, opening(settings) as opened:
        ids = encoded(opened, given)
        scored = scoring.score(opened, ids, names, layer, settings.display.influence_heads, stop)
    if as_csv:
        write(scored.csv())
    elif as_text:
        show(scored.coloured(palettes(settings.display.palette)))
    else:
        publish(scored, as_json)
    return 0


def compare(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    models: Annotated[
        tuple[str, str] | None, typer.Option("--models", metavar="A B", help="Two models on the same text.")
    ] = None,
    texts: Annotated[
        tuple[str, str] | None, typer.Option("--texts", metavar="A B", help="One model on two texts.")
    ] = None,
    listed: Listed = 10,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Compare two models on a text, or a model on two texts.

    What comes next, how far apart that is, and where they part. One model is loaded after the other, so
    that memory holds one.
    """
    _check_sides(text, input_file, models, texts, model)
    if models:
        return _compare_models(
            read_text(text, input_file, strip), models, listed, (config_file, device, bf16), as_json
        )
    assert texts is not None
    settings = settings_for(config_file, model, device, bf16)
    sides = tuple(checked(each, "--texts").rstrip() if strip else checked(each, "--texts") for each in texts)
    from token_explorer.cli.work import opening, stopping
    from token_explorer.results import comparison

    with stopping() as stop, opening(settings) as opened:
        publish(comparison.compare_texts((sides[0], sides[1]), opened, listed, stop), as_json)
    return 0


def _check_sides(
    text: str | None,
    input_file: str | None,
    models: tuple[str, str] | None,
    texts: tuple[str, str] | None,
    model: str | None,
) -> None:
    if (models is None) == (texts is None):
        which = (
            "neither --models nor --texts was given"
            if models is None
            else "--models and --texts were both given"
        )
        raise InputError("Nothing to compare", f"{which}.", "Give one of them, with two names or two texts.")
    if texts is not None and (text is not None or input_file is not None):
        raise InputError("Too many texts", "--texts are the texts.", "Leave out TEXT and --input.")
    if models is not None and model is not None:
        raise InputError("Too many models", "--models are the models.", "Leave out --model.")


def _compare_models(
    text: str,
    models: tuple[str, str],
    listed: int,
    flags: tuple[str | None, str | None, bool],
    as_json: bool,
) -> int:
    config_file, device, bf16 = flags
    each = {name: settings_for(config_file, name, device, bf16) for name in models}
    from token_explorer.cli.work import opening, stopping
    from token_explorer.results import comparison

    with stopping() as stop:
        compared = comparison.compare_models(text, models, lambda name: opening(each[name]), listed, stop)
        publish(compared, as_json)
    return 0
