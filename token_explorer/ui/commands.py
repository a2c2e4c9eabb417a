"""What the command palette shows of the commands: those that can't be had here are dim, and say why.

Hands over ready text, as the palette would read markup in plain strings. Knows nothing of what commands do.
"""

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits
from textual.content import Content
from textual.fuzzy import Matcher
from textual.system_commands import SystemCommandsProvider

from token_explorer.core.tokens import display

# For each character found in a command's help. For one found in a title the matcher gives 3 or more where
# all stand side by side, and little more than 1 where they are strewn over it.
BY_HELP = 1.5


class Absent(SystemCommand):
    """A command that this model can't do; its help says why."""

    __slots__ = ()


class Commands(SystemCommandsProvider):
    """The application's own commands, by their titles and by what they do."""

    async def discover(self) -> Hits:
        """See Provider.discover."""
        for command in sorted(self.app.get_system_commands(self.screen), key=lambda command: command.title):
            yield DiscoveryHit(_shown(command), command.callback, command.title)

    async def search(self, query: str) -> Hits:
        """See Provider.search."""
        matcher = self.matcher(query)
        for command in self.app.get_system_commands(self.screen):
            if (match := _match(matcher, command)) > 0:
                yield Hit(match, _shown(command, matcher), command.callback, command.title)


def _in_help(matcher: Matcher, command: SystemCommand) -> bool:
    return matcher.query.lower() in display(command.help).lower()


def _match(matcher: Matcher, command: SystemCommand) -> float:
    """How well a command fits; 0 where it doesn't. Its help must have just what was typed."""
    by_help = BY_HELP * len(matcher.query) * _in_help(matcher, command)
    return max(matcher.match(command.title), by_help)


def _shown(command: SystemCommand, matcher: Matcher | None = None) -> Content:
    """A command's title, and what it does below it."""
    title, help = _highlighted(command.title, matcher), Content(display(command.help))
    if matcher is not None and _in_help(matcher, command):
        help = _highlighted(help.plain, matcher)
    dim = help.stylize("dim")
    return Content.assemble(title.stylize("dim") if isinstance(command, Absent) else title, "\n", dim)


def _highlighted(text: str, matcher: Matcher | None) -> Content:
    """Text with what was found in it marked. Matcher.highlight would read '[N]' as markup."""
    content = Content(text)
    if matcher is None:
        return content
    for place in matcher.fuzzy_search.match(matcher.query, text)[1]:
        if not text[place].isspace():
            content = content.stylize(matcher.match_style, place, place + 1)
    return content
