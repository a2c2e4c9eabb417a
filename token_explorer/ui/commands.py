"""What the command palette shows of the commands: those that can't be had here are dim, and say why.

Hands over ready text, as the palette would read markup in plain strings. Knows nothing of what commands do.
"""

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.system_commands import SystemCommandsProvider

from token_explorer.core.tokens import display


class Absent(SystemCommand):
    """A command that this model can't do; its help says why."""

    __slots__ = ()


class Commands(SystemCommandsProvider):
    """The application's own commands, by their titles."""

    async def discover(self) -> Hits:
        """See Provider.discover."""
        for command in sorted(self.app.get_system_commands(self.screen), key=lambda command: command.title):
            yield DiscoveryHit(_shown(command, Content(command.title)), command.callback, command.title)

    async def search(self, query: str) -> Hits:
        """See Provider.search."""
        matcher = self.matcher(query)
        for command in self.app.get_system_commands(self.screen):
            if (match := matcher.match(command.title)) > 0:
                shown = _shown(command, matcher.highlight(command.title))
                yield Hit(match, shown, command.callback, command.title)


def _shown(command: SystemCommand, title: Content) -> Content:
    """A command's title, and what it does below it."""
    absent = isinstance(command, Absent)
    return Content.assemble(title.stylize("dim") if absent else title, "\n", (display(command.help), "dim"))
