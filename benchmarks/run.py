"""How fast a run writes: tokens per second of the engine's generate, and of transformers' model.generate.

The engine is the program's own, in a process of its own, and tells of each token as it comes. Beside it, in
turn with it, this process lets the same model write as much with the same settings and as many threads. Both
have the prompt on their caches when the clock starts. Ratios of one run are what lasts; tokens per second
depend on the machine and on what else it does.

    python benchmarks/run.py [--lengths 32,1024] [--tokens 64] [--repeats 7]
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the other benchmark

from benchmarks.keys import prompt_of
from token_explorer.core.engine import ModelSpec, Progress, Stop
from token_explorer.core.generation import Plan, Step
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import models
from token_explorer.engine.local import default_threads
from token_explorer.engine.process import EngineProcess, local_engine

GOAL_RATIO = 0.9
# The same settings for both: greedy, and sampled.
SETTINGS: dict[str, tuple[Sampler | None, dict[str, Any]]] = {
    "greedy": (None, {"do_sample": False}),
    "sampled": (
        Sampler(temperature=0.8, top_p=0.9),
        {"do_sample": True, "temperature": 0.8, "top_p": 0.9, "top_k": 0},
    ),
}


@dataclass(frozen=True)
class Row:
    """Medians in tokens per second for one prompt length."""

    settings: str
    prompt: int
    tokens: int
    ours: float
    transformers: float
    ratio: float
    """The median of the turns' own ratios: what else the machine does changes from turn to turn."""
    same: int
    """In how many turns both wrote the same: all, where greedy; their draws differ."""


def silent(_: Progress) -> None:
    pass


def told(_: Step) -> None:
    pass


class Contest:
    """Both ways of writing, for one model."""

    def __init__(self, engine: EngineProcess, model: PreTrainedModel, tokens: int) -> None:
        self._engine = engine
        self._model = model
        self._tokens = tokens

    def ours(self, ids: TokenIds, sampler: Sampler | None, seed: int) -> tuple[float, TokenIds]:
        """Tokens per second, and what was written; the time is that of the asker, not the engine's own."""
        self._engine.score(ids, 30, Stop())
        plan = Plan(self._tokens, sampler, seed, prompt=len(ids))
        start = time.perf_counter()
        run = self._engine.generate(ids, plan, told, Stop())
        written = run.ids[len(ids) :]
        return len(written) / (time.perf_counter() - start), written

    def theirs(self, ids: TokenIds, settings: dict[str, Any], seed: int) -> tuple[float, TokenIds]:
        """The same for transformers, on the model's own kind of cache, filled but for the last token."""
        cache = DynamicCache(config=self._model.config)
        self._model(input_ids=torch.tensor([ids[:-1]]), past_key_values=cache, logits_to_keep=1)
        torch.manual_seed(seed)
        prompt = torch.tensor([ids])
        start = time.perf_counter()
        found = self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            past_key_values=cache,
            max_new_tokens=self._tokens,
            pad_token_id=0,
            **settings,
        )
        written = tuple(found[0, len(ids) :].tolist())
        return len(written) / (time.perf_counter() - start), written


@torch.inference_mode()
def measure(contest: Contest, ids: TokenIds, tokens: int, name: str, repeats: int) -> Row:
    sampler, settings = SETTINGS[name]
    ours, theirs, same = [], [], 0
    for turn in range(repeats + 1):
        # Another first token each time, so that nothing was run before.
        prompt = (1000 + turn if name == "greedy" else 2000 + turn, *ids[1:])
        if turn % 2:  # who begins changes too
            second = contest.theirs(prompt, settings, turn)
        first = contest.ours(prompt, sampler, turn)
        if not turn % 2:
            second = contest.theirs(prompt, settings, turn)
        if turn:  # the first is the warm-up
            ours.append(first[0])
            theirs.append(second[0])
            same += first[1] == second[1]
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return Row(name, len(ids), tokens, statistics.median(ours), statistics.median(theirs), ratio, same)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", default="32,1024")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(default_threads())
    source = models.locate("embedded", silent)
    tokenizer = models.load_tokenizer(source)
    model = models.load_weights(source, "cpu", "float32", silent)
    engine = local_engine(ModelSpec("embedded", device="cpu"))
    rows = []
    try:
        engine.load_tokenizer(silent)
        engine.load_model(silent)
        contest = Contest(engine, model, options.tokens)
        print(f"settings  prompt  tokens     ours  transformers  ratio  same   goal {GOAL_RATIO}  (tokens/s)")
        for length in map(int, options.lengths.split(",")):
            ids, _ = prompt_of(tokenizer, length)
            for name in SETTINGS:
                row = measure(contest, ids, options.tokens, name, options.repeats)
                rows.append(row)
                print(
                    f"{row.settings:8} {row.prompt:7} {row.tokens:7} {row.ours:8.1f}"
                    f" {row.transformers:13.1f} {row.ratio:6.2f} {row.same:3}/{options.repeats}  "
                    f"{'met' if row.ratio >= GOAL_RATIO else 'missed'}",
                    flush=True,
                )
    finally:
        engine.close()
    print(
        json.dumps({"benchmark": "run", "threads": default_threads(), "rows": [asdict(row) for row in rows]})
    )


if __name__ == "__main__":
    main()
