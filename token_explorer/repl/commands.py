"""The commands: what each is called, what may follow it, and what it does to a session.

The one table from which help and completion are made. Knows nothing of terminals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from rich.style import Style
from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.knobs import KNOBS
from token_explorer.core.tokens import display
from token_explorer.errors import InputError
from token_explorer.repl import looking, settings
from token_explorer.repl.line import Line, read, shown
from token_explorer.repl.menu import MODELS
from token_explorer.repl.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """Something that can be asked for by name.

    Attributes:
        name: in lower case.
        takes: what follows the name; it begins with TEXT where that is a text and what may follow it.
        help: one line.
        example: a line that works.
        run: does it; raises ExplorerError, and Stopped soon after its Stop is set.
        asks: whether it asks the model that is open.
        writes: whether it writes a file, so that a ! behind its name means something.
        words: what can be completed, in the place of the last argument.
        files: whether names of files can be, too.
    """

    name: str
    takes: str
    help: str
    example: str
    run: Callable[[Session, Line, Stop], None]
    asks: bool = False
    writes: bool = False
    words: tuple[str, ...] = ()
    files: bool = False

    @property
    def usage(self) -> str:
        """How it is written."""
        return f"{self.name} {self.takes}".rstrip()

    @property
    def takes_text(self) -> bool:
        """Whether a text follows the name."""
        return self.takes.startswith("TEXT")


def find(name: str) -> Command:
    """The command of a name. Raises InputError where there is none, naming the nearest."""
    if not name:
        raise InputError("No command", "the line begins with a text.", "Write complete before it, or help.")
    for command in COMMANDS:
        if command.name == ALIASES.get(name, name):
            return command
    near = get_close_matches(name, NAMES, 1)
    mend = f"Did you mean {near[0]}? " if near else ""
    raise InputError("No such command", f"{shown(name)}.", f"{mend}help lists them; a text goes after one.")


def _model(session: Session, line: Line, stop: Stop) -> None:
    given = read(line.argument)
    name = given.text if given.quoted else given.text.strip()
    if given.words:
        raise InputError("Too much", "a model has one name.", "Put a name with blanks in it in quotes.")
    if name:
        session.open(name)
    else:
        session.say([Text(display(session.about))])


def _help(session: Session, line: Line, stop: Stop) -> None:
    session.say(help_lines())


def _quit(session: Session, line: Line, stop: Stop) -> None:
    session.over = True


def help_lines() -> list[Text]:
    """All commands and how a text is written, as lines."""
    width = max(len(command.usage) for command in COMMANDS)
    listed = [
        Text.assemble("  ", (command.usage.ljust(width), Style(bold=True)), f"  {command.help}")
        for command in COMMANDS
    ]
    examples = [Text(f"  {command.example}") for command in COMMANDS if command.takes_text]
    return [Text("Commands"), *listed, Text("Texts"), *map(Text, _TEXTS), Text("Examples"), *examples]


_TEXTS = (
    "  TEXT is in quotes, or the rest of the line. Only what is in quotes can be followed by more:",
    '  generate "2 of 42" 3 writes 3 tokens after 2 of 42, and generate 2 of 42 writes 10 after the same.',
    r"  In double quotes \n is a line end, \t a tab, \" a quote, \\ a backslash; all else is as it is typed.",
    "  Blanks at the end count, as they do to the model; strip on takes them off.",
    "  A file that is there isn't replaced, but by attention! and lens!.",
    "  Ctrl+C ends what is being done, Ctrl+D the session; Tab completes, → takes what is suggested.",
)
COMMANDS: tuple[Command, ...] = (
    Command(
        "complete",
        "TEXT [N]",
        f"the N likeliest next tokens; {looking.LISTED} without N",
        'complete "The capital of France is"',
        looking.list_candidates,
        asks=True,
    ),
    Command(
        "generate",
        "TEXT [N]",
        f"let the model write N tokens, step by step; {looking.WRITTEN} without N",
        'generate "The quick brown fox" 3',
        looking.write,
        asks=True,
    ),
    Command(
        "tokenize",
        "TEXT",
        "the tokens that the text is cut into",
        'tokenize "ChatGPT is amazing!"',
        looking.cut_text,
        asks=True,
    ),
    Command(
        "score",
        "TEXT [OVERLAY …]",
        "how expected each token was, with columns of overlays",
        'score "The capital of France is Paris" depth',
        looking.score_tokens,
        asks=True,
        words=looking.OVERLAY_NAMES,
    ),
    Command(
        "attention",
        "TEXT [FILE]",
        f"write a page of what attends to what; {looking.ATTENTION_FILE} without FILE",
        'attention "The capital of France is"',
        looking.write_attention,
        asks=True,
        writes=True,
        files=True,
    ),
    Command(
        "lens",
        "TEXT [FILE]",
        f"write a page of what each layer would say; {looking.LENS_FILE} without FILE",
        'lens "The capital of France is"',
        looking.write_lens,
        asks=True,
        writes=True,
        files=True,
    ),
    Command(
        "model",
        "[NAME]",
        "open another model: embedded, a hub id, a folder, or a .gguf file",
        f"model {MODELS[0].name}",
        _model,
        words=tuple(model.name for model in MODELS),
        files=True,
    ),
    Command(
        "sampler",
        "[on|off|KNOB VALUE]",
        "draw tokens as its knobs say; off takes the likeliest",
        "sampler temperature 0.8",
        settings.sampler,
        words=("on", "off", *(knob.name for knob in KNOBS)),
    ),
    Command(
        "seed",
        "[N|off]",
        "draw the same tokens again; off takes a fresh seed each time",
        "seed 42",
        settings.seed,
        words=("off",),
    ),
    Command(
        "strip",
        "[on|off]",
        "take blanks off the end of texts, or keep them",
        "strip on",
        settings.strip,
        words=("on", "off"),
    ),
    Command("help", "", "this list", "help", _help),
    Command("quit", "", "end the session; exit does, too", "quit", _quit),
)
ALIASES = {"exit": "quit", "?": "help"}
NAMES = (*(command.name for command in COMMANDS), *ALIASES)
