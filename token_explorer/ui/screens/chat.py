"""The chat builder: a prompt from the model's own chat template.

Asks no engine itself; knows nothing of what a template writes.
"""

from collections.abc import Sequence

from token_explorer.core.cuts import Chat
from token_explorer.ui.keys import Item
from token_explorer.ui.screens.compose import Composer
from token_explorer.ui.view import View
from token_explorer.ui.widgets.textbox import TextBox


class ChatRoom(Composer):
    """What the system, the user and the assistant say, the last one only how it begins."""

    needs = "chat"
    heading = "Chat"
    opens_new = True
    DEFAULT_CSS = """
    ChatRoom TextBox { min-height: 1; }
    ChatRoom #chat-user { height: 2fr; }
    """
    FOOTER = (*Composer.FOOTER, Item(("tab",), "next box", 3))

    def make_boxes(self) -> Sequence[TextBox]:
        """See Composer.make_boxes."""
        return (
            TextBox(placeholder="may stay empty: then the template decides", id="chat-system"),
            TextBox(id="chat-user"),
            TextBox(placeholder="may stay empty", id="chat-prefill"),
        )

    def labels(self) -> Sequence[str]:
        """See Composer.labels."""
        return "system", "user", "assistant begins with"

    def facet(self) -> Chat:
        """See Composer.facet."""
        return Chat(*self.texts)

    def origin(self, view: View) -> str:
        """See Composer.origin."""
        return "by the model's chat template"
