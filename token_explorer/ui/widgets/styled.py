"""A widget that keeps its styles: Textual works them out anew for each frame, through all ancestors."""

from rich.style import Style
from textual.widget import Widget


class Styled(Widget):
    """A widget whose own style and component styles are worked out once, until its look changes."""

    _base: Style | None = None
    _looks: dict[tuple[tuple[str, ...], bool], Style] | None = None

    @property
    def base(self) -> Style:
        """The widget's own colours."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def get_component_rich_style(
        self, *names: str, partial: bool = False, default: Style | None = None
    ) -> Style:
        if self._looks is None:
            self._looks = {}
        key = names, partial
        if key not in self._looks:
            found = super().get_component_rich_style(*names, partial=partial, default=default)
            self._looks[key] = found
        return self._looks[key]

    def notify_style_update(self) -> None:
        self._base, self._looks = None, None
        super().notify_style_update()
