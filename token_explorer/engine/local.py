"""LocalEngine: a model on this machine behind the Engine protocol.

Knows nothing of processes and screens. torch is imported when the weights are loaded, not before.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from token_explorer.core.engine import Answer, EngineInfo, ModelSpec, Report, Stop, unheard
from token_explorer.core.generation import Generated, Plan, Step
from token_explorer.core.observation import Facet
from token_explorer.core.scores import Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine import cutting, generation, models
from token_explorer.engine.dtypes import slowness
from token_explorer.engine.vocabulary import encode, known_text, read_vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from token_explorer.engine.microscope import Microscope
    from token_explorer.engine.runner import ModelRunner

NO_REUSE = "recurrent: each new token runs the whole prompt"


class LocalEngine:
    """The model that a spec names, in this process. See Engine for the calls."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._source: models.Source
        self._tokenizer: PreTrainedTokenizerBase
        self._vocabulary: Vocabulary
        self._cutter: cutting.Cutter
        self._info: EngineInfo
        self._runner: ModelRunner | None = None
        self._microscope: Microscope | None = None
        self._report_long: Report = unheard

    def when_died(self, tell: Callable[[], None]) -> None:
        """An engine in this process can't die alone."""

    def when_long(self, report: Report) -> None:
        """See Engine.when_long."""
        self._report_long = report
        if self._runner is not None:
            self._runner.report = report

    def load_tokenizer(self, report: Report) -> Vocabulary:
        """See Engine.load_tokenizer."""
        self._source = models.locate(self._spec.name, report)
        self._tokenizer = models.load_tokenizer(self._source)
        size, ends = models.vocabulary_size(self._source), models.end_ids(self._source)
        context, start = models.context(self._source), models.start_id(self._source)
        self._vocabulary = read_vocabulary(self._tokenizer, size, ends, start)
        self._cutter = cutting.Cutter(self._tokenizer, self._vocabulary, context)
        return self._vocabulary

    def load_model(self, report: Report) -> EngineInfo:
        """See Engine.load_model."""
        models.start_libraries()
        import torch

        from token_explorer.engine.microscope import Microscope
        from token_explorer.engine.runner import ModelRunner

        device = models.choose_device(self._spec.device)
        torch.set_num_threads(self._spec.threads or default_threads())
        model = models.load_weights(self._source, device, self._spec.dtype, report)
        runner = ModelRunner(model, cache_mib=self._spec.cache_mib, cache_size=self._spec.cache_size)
        runner.residuals.wanted = self._spec.record_layers
        runner.report = self._report_long
        self._runner, self._microscope = runner, Microscope(runner, self._vocabulary.ends)
        notes = ("" if runner.reuse else NO_REUSE, slowness(self._spec.dtype, device))
        self._info = EngineInfo(
            model=self._source.label,
            device=str(device),
            dtype=self._spec.dtype,
            context=runner.context,
            layers=len(runner.anatomy.layers),
            note="; ".join(filter(None, notes)),
            architecture=type(model).__name__,
            folder=self._source.folder,
        )
        return self._info

    def prove(self, stop: Stop) -> EngineInfo:
        """See Engine.prove."""
        from token_explorer.engine import selfcheck

        if self._runner is None or self._microscope is None:
            raise RuntimeError("prove was asked before load_model")
        text = known_text(self._tokenizer, self._vocabulary, selfcheck.TEXT)
        ids = encode(self._tokenizer, self._vocabulary, text)
        on_text = selfcheck.check_text(self._vocabulary, ids, text)
        fitting = ids[: self._runner.context or len(ids)]
        numbers = selfcheck.check_numbers(self._runner, self._microscope, fitting, stop)
        lacks = {**self._microscope.lacks(stop), **self._cutter.lacks()}
        return replace(self._info, checks=(on_text, *numbers), lacks=lacks)

    def encode(self, text: str) -> TokenIds:
        """See Engine.encode."""
        return self._cutter.encode(text)

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        """See Engine.score."""
        if self._runner is None:
            raise RuntimeError("score was asked before load_model")
        return self._runner.score(ids, top_k, stop)

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        """See Engine.observe."""
        if facet.kind in cutting.KINDS:
            return self._cutter.observe(ids, facet)
        if self._microscope is None:
            raise RuntimeError("observe was asked before load_model")
        return self._microscope.observe(ids, facet, stop)

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        """See Engine.generate."""
        if self._runner is None:
            raise RuntimeError("generate was asked before load_model")
        return generation.generate(self._runner, self._vocabulary, ids, plan, tell, stop)

    def close(self) -> None:
        """See Engine.close."""
        self._runner = self._microscope = None


def default_threads() -> int:
    """All cores but one, left for the screen: threads that wait for a busy core cost more than they do."""
    return max(1, (os.cpu_count() or 1) - 1)
