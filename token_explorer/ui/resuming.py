"""A session that outlives the program: taken up from a file at the start, and kept in it at each change.

Knows nothing of the file's form, nor of when it is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from token_explorer.config import Settings
from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.cuts import Encoding
from token_explorer.core.engine import Engine
from token_explorer.core.sampling import Sampler
from token_explorer.core.session import Session
from token_explorer.core.start import Example, Start
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ExplorerError, InputError
from token_explorer.overlays import named
from token_explorer.ui import news
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.keeper import Keeper
from token_explorer.ui.models import Models
from token_explorer.ui.moving import Moving


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A file to keep a session in, and what was found there.

    Attributes:
        session: None for nothing.
        trouble: why what was found can't be taken up; None where it can.
    """

    keeper: Keeper
    session: Session | None = None
    trouble: ExplorerError | None = None

    @classmethod
    def read(cls, keeper: Keeper) -> "Kept":
        """What a keeper's file holds."""
        try:
            return cls(keeper, keeper.read())
        except InputError as error:
            return cls(keeper, trouble=error)


_Seen = tuple[str, tuple[Branch, ...], int, Vocabulary, str, Sampler, bool, int | None]


class Resuming(Moving):
    """An application that goes on where it ended. See Stage and Moving for its other arguments.

    Args:
        kept: the file to go on from; None for none.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        first: str | Start,
        model: str,
        models: Models | None = None,
        kept: Kept | None = None,
    ) -> None:
        super().__init__(engine, settings, first, model, models)
        self._keeper = None if kept is None else kept.keeper
        self._session = None if kept is None else kept.session  # until it is taken up
        self._trouble = None if kept is None else kept.trouble
        self._seen: _Seen | None = None
        if self._keeper is not None:
            self._keeper.when_refused(self._tell_unkept)

    def _open(self, ready: news.TokenizerReady) -> None:
        super()._open(ready)
        if self._trouble is not None:
            self.report(self._trouble)
        shown, session = self.exploration, self._session
        if shown is None or session is None:
            return
        _look_as(shown, session)
        if session.means_the_same(shown.vocabulary):
            self._take_up(session.prompts)
            return
        texts = dict.fromkeys(text for pair in session.texts for text in pair)
        cuts: dict[str, TokenIds] = {}
        for text in texts:
            facet = Encoding(text, whole=True, fitting=False)
            self.await_cut(facet, partial(self._collect, session, len(texts), cuts, text))

    def _collect(
        self, session: Session, count: int, cuts: dict[str, TokenIds], text: str, tokens: TokenIds
    ) -> None:
        """One more text is cut; once all are, the prompts are there in this model's tokens."""
        cuts[text] = tokens
        if len(cuts) == count and self._session is session:
            self._take_up(_recut(session, cuts))
            other = "" if session.model == self.model_name else f" {session.model} isn't the model in use."
            self.say("Cut anew", f"The prompts were kept in other tokens.{other} Their texts were cut anew.")

    def _see(self, seen: news.Observed | news.Unseen) -> None:
        super()._see(seen)
        if self._session is not None and isinstance(seen, news.Unseen) and isinstance(seen.facet, Encoding):
            self._leave(seen.error)

    def _leave(self, error: ExplorerError) -> None:
        """Start as usual where this model can't read what was kept, and lose nothing of it."""
        self._session = None
        aside = None if self._keeper is None else self._keeper.put_aside()
        where = "" if aside is None else f"\nWhat was kept is now {aside}."
        self.say("Not taken up", f"{error.title}: {error.message}{where}", "warning")
        self.show()

    def _take_up(self, prompts: tuple[Branch, ...]) -> None:
        """Show the prompts that were kept; beside them what was asked for at the start, or written since."""
        session, shown = self._session, self.exploration
        if session is None or shown is None:
            return
        self._session = None
        here = shown.workspace
        stays = not isinstance(self._first, Example) or here.past
        added = here.branches if stays else ()
        active = len(prompts) + here.active if stays else session.active
        most = max(here.max_prompts, len(prompts) + len(added))
        space = Workspace((*prompts, *added), active, most)
        shown.change(lambda _: space)
        self.show()

    def show(self) -> None:
        """See Stage.show; what is shown is kept, too."""
        super().show()
        self._remember()

    def _remember(self) -> None:
        shown, keeper = self.exploration, self._keeper
        if shown is None or keeper is None or self._session is not None:
            return  # what isn't taken up yet must not be lost
        overlay = "" if shown.overlay is None else shown.overlay.name
        space, sampler = shown.workspace, shown.sampler
        seen = (
            self.model_name,
            space.branches,
            space.active,
            shown.vocabulary,
            overlay,
            sampler,
            shown.sampler_on,
            shown.seed,
        )
        if not _same(seen, self._seen):
            self._seen = seen
            keeper.keep(partial(_session, seen))

    def _tell_unkept(self, error: ExplorerError) -> None:
        """Tell, from the keeper's thread, that the file can't be written."""
        self.call_later(self.report_once, error)

    def on_unmount(self) -> None:
        if self._keeper is not None:
            self._remember()
            self._keeper.close()


def _same(seen: _Seen, before: _Seen | None) -> bool:
    """Whether nothing changed; prompts are compared by being the same ones, as their ids are many."""
    if before is None or len(seen[1]) != len(before[1]):
        return False
    prompts = all(one is other for one, other in zip(seen[1], before[1], strict=True))
    rest = seen[3] is before[3] and (seen[0], seen[2], *seen[4:]) == (before[0], before[2], *before[4:])
    return prompts and rest


def _session(seen: _Seen) -> Session:
    model, branches, active, vocabulary, overlay, sampler, on, seed = seen
    session = Session.of(model, Workspace(branches, active), vocabulary)
    return replace(session, overlay=overlay, sampler=sampler, sampler_on=on, seed=seed)


def _look_as(shown: Exploration, session: Session) -> None:
    """Look at prompts as a session did, as far as there are such things here."""
    shown.sampler, shown.sampler_on, shown.seed = session.sampler, session.sampler_on, session.seed
    if session.overlay:
        try:
            shown.use_overlay(named(session.overlay))
        except ExplorerError:
            return  # of another version of this program


def _recut(session: Session, cuts: Mapping[str, TokenIds]) -> tuple[Branch, ...]:
    return tuple(Branch(cuts[text], cuts[start]) for text, start in session.texts)
