"""What the desk tells becomes what the exploration knows, and what the screen shows.

Knows nothing of keys, nor of how the engine is asked.
"""

from typing import Any

import numpy as np

from token_explorer.config import FRESH_SEED
from token_explorer.core.ahead import Ahead
from token_explorer.core.cuts import Cut, Recut
from token_explorer.core.engine import EngineInfo, Progress
from token_explorer.core.generation import Ending, Generated, Plan
from token_explorer.core.observation import Facet, Likeliest
from token_explorer.core.start import Start
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import EngineDied, ExplorerError
from token_explorer.ui import news, words
from token_explorer.ui.exploration import Exploration
from token_explorer.ui.stage import OF_TEXT, Stage
from token_explorer.ui.widgets.candidates import Waiting

_ENDINGS: dict[Ending, str] = {
    "limit": "as many as were asked for",
    "end": "the model ended the text",
    "stop": "the stop text came",
    "context": "the context is full",
    "nothing": "the sampler leaves no token",
}


class Audience(Stage):
    """An application that hears what the desk tells. See Stage for its arguments."""

    def on_stage_told(self, message: Stage.Told) -> None:
        told = message.news
        if message.desk != self.desks:
            return  # of the model before this one
        if isinstance(told, news.Loading):
            self._show_progress(told.progress)
        elif isinstance(told, news.TokenizerReady):
            self._open(told)
        elif isinstance(told, news.ModelReady):
            self._greet(told.info)
        elif isinstance(told, news.Proved):
            self._describe(told.info)
            if self.exploration is not None:
                self.exploration.meet(told.info)
            self.show()
        elif isinstance(told, news.Unproved):
            self.report_once(told.error)
        elif isinstance(told, news.Answered):
            self._take(told)
        elif isinstance(told, news.Refused):
            self._refuse(told)
        elif isinstance(told, news.Observed | news.Unseen):
            self._see(told)
        elif isinstance(told, news.Stepped | news.Ran | news.RunFailed):
            self._hear_writing(told)
        elif isinstance(told, news.Restarting):
            self._restart(told.error)
        elif isinstance(told, news.Failed):
            self._fail(told.error)
        else:
            raise told.error

    def _open(self, ready: news.TokenizerReady) -> None:
        """The prompt is tokens."""
        self.exploration = shown = self.explore_in(ready.vocabulary, ready.ids)
        start = self.settings.sampler
        shown.sampler, shown.seed = start.sampler, None if start.seed == FRESH_SEED else start.seed
        if isinstance(self._first, Start):
            shown.walk_along(ready.ids, self._first.own)
        elif shown.text() == (self._first, True):  # then the tokenizer has just said how it cuts it
            shown.keep(ready.ids, Recut(), Cut(np.array(ready.ids, np.int64)))
        self.show()

    def explore_in(self, vocabulary: Vocabulary, ids: TokenIds) -> Exploration:
        """An exploration of a prompt, as the settings have it."""
        display, most = self.settings.display, self.settings.prompt.max_prompts
        heads, top_k = display.influence_heads, display.tokens_to_show
        return Exploration(vocabulary, ids, most, heads, top_k, display.look_ahead)

    def _show_progress(self, progress: Progress) -> None:
        part = min(1.0, progress.done / progress.total) if progress.total else None
        what = words.plain(progress.stage)
        if self._rests and self.exploration is not None and self.exploration.info is not None:
            return  # told of what nobody waits for any more
        self.explore.title_line.work("" if part is None else f"{what} {part:.0%}")
        self._wait(Waiting(f"{what}{'' if progress.total else ' …'}", part))

    def _greet(self, info: EngineInfo) -> None:
        """The model is there."""
        self.fatal = None
        self.forget_said()
        if self.exploration is not None:
            self.exploration.learn(info)
        self._describe(info)
        self.show()
        self._wait(Waiting("Reading the prompt …"))
        self._rest(None)

    def _take(self, answer: news.Answered) -> None:
        """Keep an answer, show it if it is of the prompt that is shown, and do what waits for it."""
        if answer.scores.ids == self._asked:
            self._asked = None
            self._rest(answer.seconds)
        if self.exploration is None or not self.exploration.take(answer.scores):
            return
        self.show()
        self.frames.release()
        self.call_later(self.take_up)

    def _see(self, seen: news.Observed | news.Unseen) -> None:
        """Keep what was seen inside the model, or why it can't be."""
        awaited = self.looking.end((seen.ids, seen.facet))
        self._looked = self._works
        if isinstance(seen.facet, Ahead):
            answer = seen.answer if isinstance(seen, news.Observed) else seen.error
            self._keep(seen.ids, seen.facet, answer)
            self.show_ahead()
            return
        then = self._awaited.pop(seen.facet, None)
        if isinstance(seen, news.Observed):
            self._keep(seen.ids, seen.facet, seen.answer)
            if seen.facet.kind not in OF_TEXT:
                self._rest(seen.seconds)
        else:
            self._keep(seen.ids, seen.facet, seen.error)
            self._rest(None)
            if then is not None:
                self.report(seen.error)
            elif awaited and not isinstance(seen.facet, Recut | Likeliest):  # the table says so itself
                self.report_once(seen.error)
        if then is not None and isinstance(seen, news.Observed) and isinstance(seen.answer, Cut):
            then(seen.answer.tokens)
        self.show()
        self.call_later(self.take_up)

    def _hear_writing(self, told: news.Stepped | news.Ran | news.RunFailed) -> None:
        """The model wrote a token, or is done; what isn't of the run that goes on is late and of no use."""
        writing = self.writing
        if writing is None or writing.plan is not told.plan or self.exploration is None:
            return
        if isinstance(told, news.Stepped):
            self.exploration.write(told.step.token, joined=len(writing.ids) > writing.first)
            writing.ids, writing.seconds = self.exploration.ids, told.step.seconds
            self.show()
            return
        self.writing = None
        self.show()
        # Where all that is shown is known already, no other answer will tell that the engine rests.
        self._rest(told.generated.seconds if isinstance(told, news.Ran) else None)
        if isinstance(told, news.RunFailed):
            self.report(told.error)
        elif told.plan.limit != 1 or told.generated.ending != "limit":
            self.say(*ended(told.generated, writing.first, told.plan))
        elif writing.later:
            self.run_model(writing.later[0])
            if self.writing is not None:
                self.writing.later = writing.later[1:]

    async def take_up(self) -> None:
        """Do what keys asked of a table that wasn't there, now that it may be."""
        raise NotImplementedError

    def run_model(self, limit: int | None) -> None:
        """Have the model write so many tokens after the prompt; None for as many as it will."""
        raise NotImplementedError

    def _keep(self, ids: TokenIds, facet: Facet[Any], answer: object) -> None:
        if self.exploration is not None:
            self.exploration.keep(ids, facet, answer)

    def _refuse(self, refused: news.Refused) -> None:
        """The engine can't answer the question."""
        if refused.ids == self._asked:
            self._give_up(refused.error)

    def _restart(self, error: EngineDied) -> None:
        """The engine died and is started again; if that was of looking ahead, then not to do that again."""
        first = next(iter(self.looking.asked), None)
        waited = self._asked is not None or self.writing is not None
        said = f"{error.message}\nIt is started again; all prompts are kept."
        if self.exploration is not None and not waited and first and isinstance(first[1], Ahead):
            self.exploration.outlook.rows = 0
            said += " It won't look ahead any more."
        self.writing = None
        self.show()
        self.say(error.title, said, "warning")

    def _fail(self, error: ExplorerError) -> None:
        """There is no model; end, unless something would be lost that can be saved."""
        self.fatal, self.writing = error, None
        self._awaited.clear()
        for ids, facet in self.looking.end_all():
            self._keep(ids, facet, error)
        if self.exploration is None or not self.exploration.worth_keeping:
            self.exit(error.exit_code, return_code=error.exit_code)
        else:
            self._give_up(error)


def ended(generated: Generated, first: int, plan: Plan) -> tuple[str, str]:
    """What to tell of a run that has ended: a title and a message.

    Args:
        first: index of the first token that it wrote.
    """
    count = len(generated.ids) - first
    rate = f" · {count / generated.seconds:.1f} tokens/s" if count and generated.seconds else ""
    seed = "" if plan.sampler is None else f" · seed {plan.seed}"
    return f"Wrote {count} token{'' if count == 1 else 's'}", f"{_ENDINGS[generated.ending]}{rate}{seed}"
