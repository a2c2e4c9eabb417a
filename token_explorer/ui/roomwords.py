"""What all rooms say: their titles, their footers, and why something can't be shown.

Draws nothing itself; knows nothing of what a room shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.segment import Segment

from token_explorer.errors import ExplorerError
from token_explorer.ui import keys, words
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import run

# Who knows these two finds all the others, and the way out.
ALWAYS = 2


def footer(table: Sequence[keys.Key], labels: Mapping[str, str]) -> list[keys.Item]:
    """Keys and what they do in a room.

    Args:
        labels: what the footer calls the keys' ids, most important first; the last two are always shown.
    """
    known = {key.id: key for key in table}
    always = len(labels) - ALWAYS
    there = (
        replace(known[id], label=label, footer=1 if place >= always else 2)
        for place, (id, label) in enumerate(labels.items())
        if id in known
    )
    return list(keys.footer(there))


def title(name: str, view: View) -> list[Segment]:
    """Which room it is, and which prompt of which model it shows."""
    space, count = view.workspace, len(view.branch.ids)
    model = [] if view.info is None else [words.plain(view.info.model)]
    about = [*model, f"prompt {space.active + 1}/{len(space.branches)}", f"{count} token{'s' * (count > 1)}"]
    return [run(name, bold=True), run("   " + " · ".join(about))]


def why_not(error: ExplorerError) -> str:
    """An error in full, safe for the screen."""
    return words.plain("\n".join(part for part in (f"{error.title}:", error.message, error.hint) if part))
