"""The commands of the command line: all that keys do, by their names, and what needs an argument.

Knows nothing of how a line is typed, nor of how any of it is drawn.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from token_explorer.core.knobs import KNOBS, Knob, read_seed
from token_explorer.core.search import Mode, Query
from token_explorer.errors import InputError
from token_explorer.overlays import OVERLAYS, named
from token_explorer.ui.choices import LAYER_MODES
from token_explorer.ui.commandline import Command, count, file_offers, unescaped

if TYPE_CHECKING:
    from token_explorer.ui.app import Explorer

Offers = Callable[[str], Sequence[str]]


def orders(app: "Explorer") -> tuple[Command, ...]:
    """All commands; those with an argument take the place of a key of the same name."""
    special = (
        *_prompts(app),
        _model(app),
        *_looks(app),
        *_searches(app),
        *_runs(app),
        *map(partial(_knob, app), KNOBS),
    )
    taken = {command.name for command in special}
    plain = [
        Command(key.id, "", key.help, partial(_press, app, key.id)) for key in app.keys if key.id not in taken
    ]
    return (*plain, *special)


def _press(app: "Explorer", id: str, _: str) -> None:
    app.call_later(app.action_press, id)


def _words(*words: str) -> Offers:
    """Completions among a few words."""
    return lambda typed: [word for word in words if word.startswith(typed)]


def _prompts(app: "Explorer") -> tuple[Command, ...]:
    return (
        Command(
            "prompt", "N", "show the prompt with this number", lambda text: app.show_prompt(_number(text))
        ),
        Command("insert", "[TEXT]", "write text after the prompt; \\n is a newline", partial(_insert, app)),
        Command(
            "open",
            "[FILE]",
            "open a text file as another prompt",
            partial(_open, app),
            lambda t: file_offers(t),
        ),
        Command(
            "add", "TEXT", "open this text as another prompt", lambda text: app.open_text(unescaped(text))
        ),
    )


def _model(app: "Explorer") -> Command:
    def offers(typed: str) -> Sequence[str]:
        return _words(*(name for name, _ in app.offered))(typed) or file_offers(typed)

    help = "open another model: embedded, tiny, a hub id, a folder, or a .gguf file"
    return Command(
        "model", "[NAME]", help, lambda name: app.call_later(app.choose_model, name.strip()), offers
    )


def _looks(app: "Explorer") -> tuple[Command, ...]:
    names = [overlay.name for overlay in OVERLAYS]
    return (
        Command("goto", "N", "look at the token with this number", lambda text: app.go_to(_number(text))),
        Command(
            "diverge", "[N]", "look at the first token that differs from prompt N", partial(_diverge, app)
        ),
        Command(
            "overlay",
            "[NAME]",
            "use this overlay, or the next",
            partial(_overlay, app),
            _words("text", *names),
        ),
        Command(
            "layers", "[MODE]", "show the candidates' layers", partial(_layers, app), _words(*LAYER_MODES)
        ),
        Command(
            "theme",
            "NAME",
            "choose the colours of the screen",
            partial(_theme, app),
            lambda typed: _words(*app.available_themes)(typed),
        ),
    )


def _searches(app: "Explorer") -> tuple[Command, ...]:
    return (
        Command("find", "[TEXT]", "search all tokens, whatever the case", partial(_find, app, "text")),
        Command("find-exact", "TEXT", "search all tokens, case as typed", partial(_find, app, "exact")),
        Command("find-regex", "TEXT", "search by a regular expression", partial(_find, app, "regex")),
    )


def _runs(app: "Explorer") -> tuple[Command, ...]:
    return (
        Command("run", "[N]", "let the model write N tokens", partial(_run, app)),
        Command(
            "stop", "[TEXT]", "end runs once they wrote this; without it, no longer", partial(_stop, app)
        ),
        Command(
            "seed", "N", "draw the same again; random for fresh draws", partial(_seed, app), _words("random")
        ),
    )


def _knob(app: "Explorer", knob: Knob) -> Command:
    """The command that sets a knob of the sampler."""
    name, help = knob.name.replace("_", "-"), f"sampler: {knob.help[0].lower()}{knob.help[1:].rstrip('.')}"
    return Command(name, "VALUE", help, partial(app.turn, knob.name), _words("off"))


def _number(text: str) -> int:
    return count(text, "a number counted from 1")


def _insert(app: "Explorer", text: str) -> None:
    if text:
        app.insert(unescaped(text))
    else:
        app.action_insert()


def _open(app: "Explorer", path: str) -> None:
    if path:
        app.open_file(path)
    else:
        app.action_open()


def _diverge(app: "Explorer", number: str) -> None:
    if number:
        app.diverge_from(_number(number))
    else:
        app.action_diverge()


def _overlay(app: "Explorer", name: str) -> None:
    if name:
        app.use_overlay(None if name == "text" else named(name))
    else:
        app.action_overlay(1)


def _layers(app: "Explorer", mode: str) -> None:
    if not mode:
        app.action_layers()
    elif mode not in LAYER_MODES:
        raise InputError("No such layers", f"{mode}.", f"There are: {', '.join(LAYER_MODES)}.")
    else:
        app.show_layers(mode)


def _theme(app: "Explorer", name: str) -> None:
    if name not in app.available_themes:
        raise InputError(
            "No such theme", f"{name}.", f"There are: {', '.join(sorted(app.available_themes))}."
        )
    app.theme = name


def _find(app: "Explorer", mode: Mode, text: str) -> None:
    app.mode = mode
    if text:
        app.set_query(Query(text, mode))
    else:
        app.action_find()


def _run(app: "Explorer", number: str) -> None:
    app.action_run(count(number, "how many tokens to write") if number else None)


def _stop(app: "Explorer", text: str) -> None:
    app.stop_text = unescaped(text)
    app.say("Runs", f"They end once they wrote “{text}”." if text else "No text ends them.")


def _seed(app: "Explorer", text: str) -> None:
    app.set_seed(None if text == "random" else read_seed(text))
