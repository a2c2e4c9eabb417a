"""How long a key takes: from the byte that the terminal sends to the last byte of the table painted for it.

The real program runs in a pseudo-terminal of 120x40 on the embedded model. Beside it, in turn with its keys,
this process runs the same model bare, with as many threads: one step on a cache, and the whole prompt without
one, which is what a program without a cache does for each key. Ratios of one run are what lasts; milliseconds
depend on the machine and on what else it does.

    python benchmarks/keys.py [--lengths 32,256,1024,4096] [--repeats 15]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' terminal

from tests.terminal import Terminal
from token_explorer.core.tokens import TokenIds
from token_explorer.engine import models
from token_explorer.engine.local import default_threads
from token_explorer.engine.vocabulary import encode, read_vocabulary

# The screen has settled when nothing was written for so long; the spinner of a working engine turns faster.
QUIET_S = 0.4
GOAL_RATIO, GOAL_SCREEN_MS, GOAL_STILL_MS = 1.15, 10.0, 16.0


@dataclass(frozen=True)
class Row:
    """Medians in milliseconds for one prompt length."""

    tokens: int
    append: float
    raw_step: float
    whole_prompt: float
    pop: float
    switch: float

    @property
    def meets_goal(self) -> bool:
        append = self.append <= GOAL_RATIO * self.raw_step + GOAL_SCREEN_MS
        return append and max(self.pop, self.switch) <= GOAL_STILL_MS


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def key_ms(terminal: Terminal, key: str) -> float:
    """From a key to the last byte that it caused."""
    start = time.perf_counter()
    terminal.type(key)
    return (terminal.settle(QUIET_S) - start) * 1e3


def raw_steps(model: PreTrainedModel, ids: TokenIds) -> Iterator[float]:
    """Steps of one token on the model's own kind of cache, behind a prompt."""
    cache = DynamicCache(config=model.config)
    model(input_ids=torch.tensor([ids]), past_key_values=cache, logits_to_keep=1)
    while True:
        yield milliseconds(lambda: model(input_ids=torch.tensor([[28]]), past_key_values=cache))


@torch.inference_mode()
def measure(model: PreTrainedModel, ids: TokenIds, text: str, repeats: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "prompt.txt"
        prompt.write_text(text, newline="")
        terminal = Terminal([sys.executable, "-m", "token_explorer", "--input", str(prompt)])
        try:
            terminal.wait_for(f"{len(ids)} tokens", patience_s=600)
            terminal.wait_for("beyond", patience_s=600)
            terminal.settle(QUIET_S)
            return _measure(terminal, model, ids, repeats)
        finally:
            terminal.close()


def _measure(terminal: Terminal, model: PreTrainedModel, ids: TokenIds, repeats: int) -> Row:
    steps = raw_steps(model, ids)
    for key in "lhdl":  # warm-up; then two prompts are open that differ in their last token
        key_ms(terminal, key)
    next(steps)
    append, pop, switch, raw, whole = [], [], [], [], []
    for turn in range(repeats):
        for _ in range(turn % 7):  # another row each time, so that no append is one seen before
            key_ms(terminal, "j")
        append.append(key_ms(terminal, "l"))
        raw.append(next(steps))
        switch.append(key_ms(terminal, "w"))
        key_ms(terminal, "s")
        if turn % 2:
            pop.append(key_ms(terminal, "h"))
        if turn < max(2, repeats // 5):
            whole.append(milliseconds(lambda: model(input_ids=torch.tensor([ids]), use_cache=False)))
    return Row(len(ids), *map(statistics.median, (append, raw, whole, pop, switch)))


def prompt_of(tokenizer: object, length: int) -> tuple[TokenIds, str]:
    """A prompt of so many tokens, give or take what joins at the seams."""
    vocabulary = read_vocabulary(tokenizer)
    story = "Once upon a time, there was a small girl who lived by the sea. "
    text = story * (length // 8 + 1)
    ids = encode(tokenizer, vocabulary, text)[:length]
    text = vocabulary.text(ids)
    return encode(tokenizer, vocabulary, text), text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lengths", default="32,256,1024,4096")
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(default_threads())
    source = models.locate("embedded", lambda progress: None)
    tokenizer = models.load_tokenizer(source)
    model = models.load_weights(source, "cpu", "float32", lambda progress: None)
    rows = []
    print("tokens   append  raw step  append/raw  whole prompt  whole/append      pop   switch   goal  (ms)")
    for length in map(int, options.lengths.split(",")):
        row = measure(model, *prompt_of(tokenizer, length), options.repeats)
        rows.append(row)
        print(
            f"{row.tokens:6} {row.append:8.1f} {row.raw_step:9.1f} {row.append / row.raw_step:11.2f} "
            f"{row.whole_prompt:13.1f} {row.whole_prompt / row.append:13.1f} {row.pop:8.1f} {row.switch:8.1f}"
            f"   {'met' if row.meets_goal else 'missed'}",
            flush=True,
        )
    print(
        json.dumps({"benchmark": "keys", "threads": default_threads(), "rows": [asdict(row) for row in rows]})
    )


if __name__ == "__main__":
    main()
