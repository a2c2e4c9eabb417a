"""The keys: the one table that bindings, footer, help screen, palette and README are made from.

Pure data; knows nothing of Textual, nor of what an action does.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path

from token_explorer.errors import ConfigError

_ARROWS = {"up": "↑", "down": "↓", "left": "←", "right": "→"}
_SHOWN = {
    **_ARROWS,
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "home": "Home",
    "end": "End",
    "space": "Space",
    "enter": "Enter",
    "tab": "Tab",
    "backspace": "Backspace",
    "delete": "Del",
    "insert": "Ins",
}
_NAMED = frozenset(
    {*_SHOWN, "enter", "tab", "space", "backspace", "delete", "insert", *(f"f{n}" for n in range(1, 25))}
)
_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "meta", "hyper"})
# The terminal library calls a sign by its Unicode name, but for these.
_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
# What a terminal sends for the second is the first: without the kitty protocol they are the same key.
_ALIASES = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+left_square_bracket": "escape"}


def _name_of(sign: str) -> str:
    name = unicodedata.name(sign, sign).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name)


_SIGNS = {_name_of(chr(code)): chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()}


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that keys do.

    Attributes:
        id: its name in the configuration's [keys], kebab-case.
        keys: the keys that do it, as the terminal library names them.
        action: what the application is asked for.
        label: one or two words for the footer.
        help: one line for the help screen.
        group: the heading under which help lists it.
        footer: how early the footer has room for it: 1 always, 0 never.
    """

    id: str
    keys: tuple[str, ...]
    action: str
    label: str
    help: str
    group: str
    footer: int = 0

    @property
    def shown(self) -> str:
        """The keys as the user reads them: '↑/k'."""
        return "/".join(map(shown_key, self.keys))


@dataclass(frozen=True, slots=True)
class Item:
    """Keys that the footer names together.

    Attributes:
        keys: as the terminal library names them; a click on the item presses one.
        label: what they do, in a word or two.
        rank: see Key.footer.
        name: how the keys are written together; '' for one after the other.
    """

    keys: tuple[str, ...]
    label: str
    rank: int = 2
    name: str = ""

    @property
    def shown(self) -> str:
        """The keys as the user reads them: '↑↓', 'w/s'."""
        each = [shown_key(key) for key in self.keys]
        return self.name or ("" if set(each) <= set(_ARROWS.values()) else "/").join(each)


KEYS: tuple[Key, ...] = (
    Key("pop", ("left", "h"), "pop", "back", "pop the last token", "Walk", 2),
    Key(
        "append",
        ("right", "l", "enter"),
        "append",
        "add",
        "append the chosen token; at a token, go on so in a copy",
        "Walk",
        2,
    ),
    Key(
        "replace",
        ("r",),
        "replace",
        "replace",
        "put the chosen token there in a copy, keep what follows",
        "Walk",
    ),
    Key("choose-up", ("up", "k"), "choose(-1)", "choose", "choose the token above", "Walk", 10),
    Key("choose-down", ("down", "j"), "choose(1)", "choose", "choose the token below", "Walk", 10),
    Key("page-up", ("pageup",), "choose_page(-1)", "page up", "choose a page up", "Walk"),
    Key("page-down", ("pagedown",), "choose_page(1)", "page down", "choose a page down", "Walk"),
    Key("first", ("home",), "choose_end(-1)", "first", "choose the most likely token", "Walk"),
    Key("last", ("end",), "choose_end(1)", "last", "choose the last token listed", "Walk"),
    Key("find", ("slash",), "find", "find", "search the whole vocabulary", "Walk", 12),
    Key("next-token", ("n",), "run(1)", "next", "let the model write one token", "Run", 3),
    Key("run", ("N",), "run", "run", "let the model write some tokens ([run] tokens)", "Run"),
    Key("run-on", ("G",), "run_on", "run on", "let the model write to the end", "Run", 4),
    Key("sampler", ("t",), "sampler", "sampler", "open or close the sampler's panel", "Run", 13),
    Key("sampler-switch", ("T",), "switch_sampler", "sampler", "switch the sampler on or off", "Run"),
    Key("next-prompt", ("w",), "switch(1)", "prompt", "show the next prompt", "Prompts", 13),
    Key("previous-prompt", ("s",), "switch(-1)", "prompt", "show the previous prompt", "Prompts", 13),
    Key("copy", ("d",), "copy", "copy", "copy this prompt to a new one", "Prompts", 11),
    Key("remove", ("a",), "remove", "remove", "remove this prompt", "Prompts", 14),
    Key("overlay", ("e",), "overlay(1)", "overlay", "next overlay", "Look", 6),
    Key("overlay-back", ("E",), "overlay(-1)", "overlay back", "previous overlay", "Look"),
    Key("layers", ("p",), "layers", "layers", "layers: none, probabilities, correlations", "Look", 14),
    Key("layer-down", ("left_square_bracket",), "layer(-1)", "layer", "show one layer lower", "Look"),
    Key("layer-up", ("right_square_bracket",), "layer(1)", "layer", "show one layer higher", "Look"),
    Key("sink", ("S",), "sink", "sink", "leave the attention sink out of the scale, or in", "Look"),
    Key("pin", ("space",), "pin", "pin", "pin the chosen token, to follow it through the layers", "Look"),
    Key("look-back", ("comma",), "look(-1)", "look back", "look at the token before", "Look"),
    Key("look-on", ("full_stop",), "look(1)", "look on", "look at the token after", "Look"),
    Key("word-back", ("less_than_sign",), "look_word(-1)", "word back", "look at the word before", "Look"),
    Key("word-on", ("greater_than_sign",), "look_word(1)", "word on", "look at the word after", "Look"),
    Key("look-first", ("0",), "look_first", "look first", "look at the first token", "Look"),
    Key(
        "cursor-off",
        ("escape", "dollar_sign"),
        "cursor_off",
        "look last",
        "look at the last token: take the cursor off",
        "Look",
    ),
    Key(
        "uncertain-on",
        ("right_curly_bracket",),
        "jump('uncertain', 1)",
        "uncertain",
        "look at the next token that was uncertain",
        "Jump",
    ),
    Key(
        "uncertain-back",
        ("left_curly_bracket",),
        "jump('uncertain', -1)",
        "uncertain",
        "look at the uncertain token before",
        "Jump",
    ),
    Key(
        "not-top-on",
        ("right_parenthesis",),
        "jump('not-top', 1)",
        "not top",
        "look at the next token that wasn't the likeliest",
        "Jump",
    ),
    Key(
        "not-top-back",
        ("left_parenthesis",),
        "jump('not-top', -1)",
        "not top",
        "look at the token before that wasn't the likeliest",
        "Jump",
    ),
    Key(
        "divergence",
        ("equals_sign",),
        "diverge",
        "divergence",
        "look at the first token that differs from the original",
        "Jump",
    ),
    Key("spark", ("y",), "spark", "sparkline", "a line of surprisal, of entropy, or none", "Jump"),
    Key("insert", ("i",), "insert", "insert", "write text after the prompt", "Change", 6),
    Key("edit", ("v",), "room('edit')", "edit", "edit the whole prompt as text", "Change", 6),
    Key("chat", ("c",), "room('chat')", "chat", "make a prompt by the model's chat template", "Change"),
    Key("open", ("o",), "open", "open", "open a text file as another prompt", "Change", 15),
    Key("retokenize", ("R",), "retokenize", "retokenize", "cut the prompt's text into tokens anew", "Change"),
    Key("undo", ("u",), "undo", "undo", "undo the last change", "Change", 9),
    Key("redo", ("U",), "redo", "redo", "redo what was undone", "Change"),
    Key("reset", ("ctrl+r",), "reset", "reset", "reset the prompt to its start", "Change", 7),
    Key("save", ("x",), "save", "save", "save the prompt to a file", "Change", 16),
    Key("lens", ("L",), "room('lens')", "lens", "open the logit lens", "Rooms", 15),
    Key("attention", ("A",), "room('attention')", "attention", "open the attention maps", "Rooms", 15),
    Key("by-hand", ("B",), "room('by-hand')", "by hand", "walk through a forward by hand", "Rooms", 17),
    Key("model", ("m",), "model", "model", "choose another model", "Program", 8),
    Key("command-line", ("colon",), "command_line", "command", "type a command", "Program", 15),
    Key(
        "menu", ("M",), "menu", "☰", "list all keys, to do what they do by a click or a touch", "Program", 1
    ),
    Key("help", ("question_mark",), "help", "help", "show or hide this help", "Program", 1),
    Key("commands", ("ctrl+p",), "command_palette", "commands", "search all commands", "Program"),
    Key("quit", ("ctrl+q",), "quit", "quit", "quit", "Program", 5),
)


def canonical(key: str) -> str:
    """A key as the terminal library names it: '?' is 'question_mark'."""
    head, _, last = key.rpartition("+")
    if key == "+" or key.endswith("++"):
        head, last = head.rstrip("+"), "+"
    modifiers = sorted(part for part in head.split("+") if part)
    if modifiers == ["shift"] and len(last) == 1 and last.isalpha():
        return last.upper()
    named = _name_of(last) if len(last) == 1 and not last.isalnum() else last
    whole = "+".join([*modifiers, named])
    return _ALIASES.get(whole, whole)


def shown_key(key: str) -> str:
    """A key as the user reads it: '↑', '?', 'Ctrl+Q'."""
    *modifiers, last = key.split("+")
    shown = _SHOWN.get(last) or _SIGNS.get(last) or last
    return "+".join([*(part.capitalize() for part in modifiers), shown.upper() if modifiers else shown])


def remap(keys: Mapping[str, tuple[str, ...]], source: Path | None) -> tuple[Key, ...]:
    """The table with the user's own keys in place of the actions' own.

    Args:
        keys: for each id the keys that it shall have; none takes its keys away.
        source: the file that they come from, for the message.

    Raises:
        ConfigError: an unknown id or key, one key for two ids, or no key left to quit with.
    """
    place = "" if source is None else f" in {source}"
    known = {key.id for key in KEYS}
    for name, chosen in keys.items():
        if name not in known:
            raise _unknown_id(name, place)
        for key in chosen:
            _check_name(name, key, place)
    table = tuple(_remapped(key, keys) for key in KEYS)
    _check_clashes(table, place)
    if not next(key for key in table if key.id == "quit").keys:
        raise ConfigError("No key to quit", f"keys.quit is empty{place}.", "Give it at least one key.")
    return table


def _remapped(key: Key, chosen: Mapping[str, tuple[str, ...]]) -> Key:
    if key.id not in chosen:
        return key
    return replace(key, keys=tuple(dict.fromkeys(map(canonical, chosen[key.id]))))


def _unknown_id(name: str, place: str) -> ConfigError:
    near = get_close_matches(name, [key.id for key in KEYS], 1, cutoff=0.0)[0]
    return ConfigError("Unknown action", f"keys.{name}{place}.", f"Did you mean keys.{near}?")


def _check_name(name: str, key: str, place: str) -> None:
    *modifiers, last = canonical(key).split("+")
    if _MODIFIERS.issuperset(modifiers) and (len(last) == 1 or last in _NAMED or last in _SIGNS):
        return
    near = get_close_matches(key, sorted(_NAMED), 1, cutoff=0.0)[0]
    raise ConfigError(
        "Unknown key",
        f'"{key}" in keys.{name}{place}.',
        f'Write a sign such as "g" or "?", a name such as "{near}", or "ctrl+" and a letter.',
    )


def _check_clashes(table: Iterable[Key], place: str) -> None:
    owners: dict[str, str] = {}
    for entry in table:
        for key in entry.keys:
            if (owner := owners.setdefault(key, entry.id)) != entry.id:
                raise ConfigError(
                    "One key for two actions",
                    f'"{key}" is for keys.{owner} and keys.{entry.id}{place}.',
                    "Give one of them another key.",
                )


def footer(table: Iterable[Key]) -> Iterator[Item]:
    """Keys and labels for the footer; neighbours with one label share it: '↑↓ choose'."""
    shown = (key for key in table if key.footer and key.keys)
    for label, group in groupby(shown, key=lambda key: key.label):
        keys = list(group)
        yield Item(tuple(key.keys[0] for key in keys), label, min(key.footer for key in keys))


def markdown(table: Iterable[Key] = KEYS) -> str:
    """The table for the README."""
    rows = [(" ".join(f"`{shown_key(each)}`" for each in key.keys), key.help, f"`{key.id}`") for key in table]
    lines = [f"| {keys} | {text} | {name} |" for keys, text, name in rows]
    return "\n".join(["| key | does | name in `[keys]` |", "|---|---|---|", *lines]) + "\n"
