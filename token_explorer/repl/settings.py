"""What stays set in a session: the sampler, its seed, and whether blanks are taken off the end of texts."""

from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.knobs import KNOBS, Sampler, fresh_seed, knob, read_seed
from token_explorer.errors import InputError
from token_explorer.repl.line import Line, shown, words
from token_explorer.repl.session import Session


def sampler(session: Session, line: Line, stop: Stop) -> None:
    """Switch the sampler on or off, turn one of its knobs, and tell what it is. Raises InputError."""
    said = words(line.argument)
    if said == ("off",):
        session.sampler = None
    elif said == ("on",):
        session.sampler = session.sampler or session.usual
    elif said:
        session.sampler = _turned(session, said)
    session.say([Text(described(session))])


def seed(session: Session, line: Line, stop: Stop) -> None:
    """Set the seed of the draws, or leave it to chance, and tell what it is. Raises InputError."""
    said = " ".join(words(line.argument))
    if said:
        session.seed = None if said == "off" else read_seed(said)
    session.say([Text(_seeded(session))])
    if said and session.sampler is None:
        session.note("Nothing is drawn while the sampler is off; sampler on draws.")


def strip(session: Session, line: Line, stop: Stop) -> None:
    """Have blanks taken off the end of texts, or kept, and tell which. Raises InputError."""
    said = words(line.argument)
    if said:
        session.strip = _switched(said)
    session.say([Text(f"Blanks at the end of a text are {'taken off' if session.strip else 'kept'}.")])


def draw_seed(session: Session) -> int:
    """The seed of a run; a fresh one is told, so that the run can be had again."""
    if session.sampler is None:
        return 0
    if session.seed is not None:
        return session.seed
    fresh = fresh_seed()
    session.note(f"Drawn with seed {fresh}; seed {fresh} draws the same again.")
    return fresh


def described(session: Session) -> str:
    """How tokens are chosen, in words."""
    if session.sampler is None:
        return "sampler off: the likeliest token is taken each time (greedy)"
    values = ((each, float(getattr(session.sampler, each.name))) for each in KNOBS)
    turned = [f"{each.title} {value:.9g}" for each, value in values if value != each.off]
    return f"sampler on: {' · '.join(turned or ['all knobs off'])} · {_seeded(session)}"


def _seeded(session: Session) -> str:
    return "a fresh seed each time" if session.seed is None else f"seed {session.seed}"


def _turned(session: Session, said: tuple[str, ...]) -> Sampler:
    """The sampler with one knob turned, switched on if it was off."""
    *name, value = said
    if not name:
        turned = knob(value)
        raise InputError("Value missing", f"{turned.title} needs one.", f"It should be {turned.allowed}.")
    return (session.sampler or session.usual).turned(" ".join(name), value)


def _switched(said: tuple[str, ...]) -> bool:
    if said not in (("on",), ("off",)):
        raise InputError("Impossible setting", f"strip {shown(' '.join(said))}.", "It is on or off.")
    return said == ("on",)
