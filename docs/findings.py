"""The numbers behind FINDINGS.md, from the engine and the overlays that the explorer draws.

python docs/findings.py [capital | sum | first-token | induction | survive]
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.core.generation import Plan
from token_explorer.core.observation import AttentionRow, Lens, Residuals
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.engine.local import LocalEngine
from token_explorer.files import read_prompt

EXAMPLE = Path(__file__).parents[1] / "prompts" / "gsm8k.txt"
# Numbers of tokens in its reasoning, counted from 1, and what is put in their place.
REPLACED = ((75, " more"), (86, "3"), (89, "3"))
# The last tokens of the example, which are its answer: ' 72'.
ANSWER = 3
WORDS = " red tiger seven piano cloud river"


def capital(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    """After which layer ' Paris' is what the lens puts first."""
    follow(engine, vocabulary, "The capital of France is", " Paris", last=6)


def sum_of_two(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    """What the layers make of two plus two, and what the last one does to it."""
    follow(engine, vocabulary, "Two plus two equals", " four", last=6)


def follow(engine: LocalEngine, vocabulary: Vocabulary, text: str, word: str, last: int) -> None:
    """Print the lens after a text, and where a word stands in it, for the last few layers."""
    ids, (pin,) = engine.encode(text), engine.encode(word)
    cells = engine.observe(ids, Lens(len(ids) - 1, len(ids), pin), Stop())
    assert cells.pinned is not None
    assert cells.ranks is not None
    print(f"{text!r}: the lens after its last token, and {word!r} in it")
    for layer in range(len(cells.tops) - last, len(cells.tops)):
        top = vocabulary[int(cells.tops[layer, 0])].shown
        first = f"{top} {np.exp(cells.logprobs[layer, 0]):.3f}"
        here = f"p {np.exp(cells.pinned[layer, 0]):.4f}, rank {cells.ranks[layer, 0]}"
        print(f"  layer {layer}: first {first}; {here}")


def first_token(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    """How much longer the first token's state is than the others'."""
    ids = engine.encode("Once upon a time, there was a little girl who lived in a small house near the sea.")
    norms = engine.observe(ids, Residuals(), Stop()).norms
    print("norm of the first token's state, in medians of the other tokens' norms, by layer")
    for layer, row in enumerate(norms):
        print(f"  {'embeddings' if layer == 0 else f'layer {layer}'}: {row[0] / np.median(row[1:]):.1f}")


def induction(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    """Which heads look at what followed the same token before."""
    ids = engine.encode(WORDS * 2 + " red tiger seven")
    followers = [place + 1 for place, token in enumerate(ids[:-1]) if token == ids[-1]]
    rows = engine.observe(ids, AttentionRow(len(ids) - 1), Stop())
    shares = rows.weights[:, followers].sum(1)
    shown = vocabulary[ids[followers[0]]].shown
    print(f"share of the last token's attention that goes to the {shown} after each earlier copy of itself")
    for head in np.argsort(-shares)[:5]:
        print(f"  layer {rows.heads[head, 0]}, head {rows.heads[head, 1]}: {shares[head]:.3f}")


def survive(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    """What becomes of an answer when a token of the reasoning is another one."""
    ids = engine.encode(read_prompt(str(EXAMPLE)))
    print(f"the answer of prompts/{EXAMPLE.name}, {len(ids)} tokens")
    print(f"  as it is: {told(engine, vocabulary, ids, ANSWER)}")
    for number, text in REPLACED:
        before, (word,) = ids[: number - 1], engine.encode(text)
        one = told(engine, vocabulary, ids[:number], 1)
        print(f"  token {number}, {one}, becomes {told(engine, vocabulary, (*before, word), 1)}")
        print(f"    the rest kept: {told(engine, vocabulary, (*before, word, *ids[number:]), ANSWER)}")
        written = engine.generate((*before, word), Plan(limit=40), lambda step: None, Stop()).ids
        print(f"    written on: {vocabulary.text(written[number:])!r}")


def told(engine: LocalEngine, vocabulary: Vocabulary, ids: TokenIds, count: int) -> str:
    """The last tokens of a prompt, with the probability and the rank of each."""
    scores = engine.score(ids, 1, Stop())
    return " · ".join(
        f"{vocabulary[ids[place]].shown} {scores.probabilities[place]:.4f} rank {scores.ranks[place]}"
        for place in range(len(ids) - count, len(ids))
    )


FINDINGS: dict[str, Callable[[LocalEngine, Vocabulary], None]] = {
    "capital": capital,
    "sum": sum_of_two,
    "first-token": first_token,
    "induction": induction,
    "survive": survive,
}


def main(names: list[str]) -> int:
    """Print the findings that are named, or all."""
    if unknown := [name for name in names if name not in FINDINGS]:
        print(f"No finding {unknown[0]!r}; there are {', '.join(FINDINGS)}.", file=sys.stderr)
        return 2
    engine = LocalEngine(ModelSpec(device="cpu"))
    vocabulary = engine.load_tokenizer(lambda progress: None)
    engine.load_model(lambda progress: None)
    for name in names or FINDINGS:
        FINDINGS[name](engine, vocabulary)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
