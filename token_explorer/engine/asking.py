"""Asking an engine that is elsewhere: each method of the protocol is a call that is sent, and its reply.

Knows nothing of what is at the other end of the connection.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from token_explorer.core.engine import Answer, EngineInfo, Progress, Report, Stop, unheard
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.calls import Call, News, Reply, StopCall
from token_explorer.errors import EngineDied


class Asking(ABC):
    """The methods of an Engine whose work is done at the other end of a connection."""

    def __init__(self) -> None:
        self._number = 0
        self._begun: int | None = None
        self._tell_death: Callable[[], None] = lambda: None
        self._report_long: Report = unheard

    @abstractmethod
    def _open(self) -> None:
        """Have another end that can load; where there is none, `_send` will tell."""

    @abstractmethod
    def _send(self, message: Call | StopCall) -> None:
        """Send a message; raises EOFError or OSError where there is no other end."""

    @abstractmethod
    def _receive(self) -> Reply | News:
        """Wait for the next message; raises EOFError or OSError where there is no other end."""

    @abstractmethod
    def _died(self) -> EngineDied:
        """The error that tells why there is no other end."""

    def when_died(self, tell: Callable[[], None]) -> None:
        """See Engine.when_died."""
        self._tell_death = tell

    def when_long(self, report: Report) -> None:
        """See Engine.when_long."""
        self._report_long = report

    def begin(self) -> None:
        """Have the tokenizer loaded already, while this process does something else.

        What it tells waits for `load_tokenizer`, as does the error where it fails.
        """
        self._open()
        self._begun = self._next_number()
        with contextlib.suppress(EOFError, OSError):  # an engine that has died is found dead there
            self._send(Call(self._begun, "load_tokenizer"))

    def load_tokenizer(self, report: Report) -> Vocabulary:
        """Have the tokenizer loaded, unless that has begun. See Engine.load_tokenizer."""
        if self._begun is None:
            self.begin()
        number, self._begun = self._begun, None
        vocabulary: Vocabulary = self._answer(number, report=report)
        return vocabulary

    def load_model(self, report: Report) -> EngineInfo:
        """See Engine.load_model."""
        info: EngineInfo = self._ask("load_model", report=report)
        return info

    def prove(self, stop: Stop) -> EngineInfo:
        """See Engine.prove."""
        info: EngineInfo = self._ask("prove", stop=stop)
        return info

    def encode(self, text: str) -> TokenIds:
        """See Engine.encode."""
        ids: TokenIds = self._ask("encode", text)
        return ids

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """See Engine.score."""
        scores: Scores = self._ask("score", ids, top_k, stop=stop)
        return scores

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """See Engine.observe."""
        answer: Answer = self._ask("observe", ids, facet, stop=stop)
        return answer

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        """See Engine.generate."""
        generated: Generated = self._ask("generate", ids, plan, tell=tell, stop=stop)
        return generated

    def _ask(
        self,
        method: str,
        *arguments: Any,
        stop: Stop | None = None,
        tell: Callable[[Step], None] | None = None,
        report: Report | None = None,
    ) -> Any:
        """Send a call and wait for its answer, passing on its news; raises what the call raised."""
        number = self._next_number()
        try:
            self._send(Call(number, method, arguments))
            if stop is not None:
                stop.when_set(lambda: self._send_stop(number))
        except (EOFError, OSError) as error:
            raise self._died() from error
        return self._answer(number, tell, report)

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _answer(
        self,
        number: int | None,
        tell: Callable[[Step], None] | None = None,
        report: Report | None = None,
    ) -> Any:
        """Wait for the answer to a call that was sent."""
        try:
            while True:
                message = self._receive()
                if message.number != number:
                    continue  # left over from a call whose news its caller could not bear
                if isinstance(message, Reply):
                    break
                if isinstance(message.value, Progress):
                    (report or self._report_long)(message.value)
                elif tell is not None:
                    tell(message.value)
        except (EOFError, OSError) as error:
            raise self._died() from error
        if message.error is not None:
            raise message.error
        return message.value

    def _send_stop(self, number: int) -> None:
        # An engine that is dead has stopped; the caller learns of it where it waits.
        with contextlib.suppress(EOFError, OSError):
            self._send(StopCall(number))
