"""Measure everything, and say what is as fast as it should be: tables, then one line of JSON.

python -m benchmarks [--lengths 16,256,1024,4096,8000] [--repeats 7] [--only keys,start] [--out FILE]
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import ahead, keys, prefill, rooms, start, system, writing
from benchmarks.figures import Bound, table, verdicts
from benchmarks.sides import Prompt, Sides, both
from token_explorer.engine.local import default_threads
from token_explorer.errors import ExplorerError

PARTS = ("start", "prefill", "ahead", "writing", "rooms", "keys")
LENGTHS = (16, 256, 1024, 4096, 8000)
REPEATS = 7
# Prompts up to this length are run whole as often as everything else; longer ones take many seconds each.
SHORT = 1024
# Tokens that the model writes in each turn.
WRITTEN = 32

Results = dict[str, list[Any]]
_BOUNDS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "start": start.bounds,
    "prefill": prefill.time_bounds,
    "memory": prefill.space_bounds,
    "ahead": ahead.bounds,
    "writing": writing.bounds,
    "keys": keys.bounds,
}
_TITLES = {
    "start": "start (s)",
    "prefill": "a whole prompt with all scores (medians)",
    "memory": "memory of both processes (MiB)",
    "ahead": f"looking ahead of {ahead.ROWS} candidates",
    "writing": "a run (tokens/s)",
    "rooms": "screens beside the explorer's (ms)",
    "keys": "keys (ms)",
    "work": "keys: processor time of the process that draws (ms)",
}


def main(arguments: Sequence[str]) -> None:
    """Measure what the command line names."""
    parser = _parser()
    options = parser.parse_args(arguments)
    results: Results = {}
    trouble: ExplorerError | None = None
    try:
        measure(options.model, options.lengths, options.repeats, options.only, results)
    except KeyboardInterrupt:
        pass
    except ExplorerError as error:
        trouble = error
    if results or trouble is None:  # what was measured till then is told
        _tell(options, results)
    if trouble is not None:
        parser.exit(trouble.exit_code, f"{trouble}\n")


def _tell(options: argparse.Namespace, results: Results) -> None:
    """Print what was measured, and write its line of JSON to a file that is named."""
    for name, rows in results.items():
        if rows:
            print(f"{table(_TITLES[name], rows)}\n")
    bounds = [bound for name, rows in results.items() if name in _BOUNDS for bound in _BOUNDS[name](rows)]
    print(f"bounds\n{verdicts(bounds)}")
    line = json.dumps(document(options.model, options.repeats, results, bounds), allow_nan=False)
    print(line, flush=True)
    if options.out:
        options.out.write_text(f"{line}\n", encoding="utf-8")


def measure(model: str, lengths: Sequence[int], repeats: int, parts: Sequence[str], results: Results) -> None:
    """Add the rows of each part, by its name, as they come; a part may have two tables."""
    for length in lengths:
        with both(model) as sides:
            prompt = sides.prompt(length)
            if "start" in parts and length == lengths[0]:
                _say("start", length)
                results["start"] = [start.measure(prompt, repeats)]
            for name, rows in _of_length(sides, prompt, repeats, parts):
                results.setdefault(name, []).extend(rows)


def _of_length(
    sides: Sides, prompt: Prompt, repeats: int, parts: Sequence[str]
) -> Iterator[tuple[str, list[Any]]]:
    """What is measured of one prompt."""
    length = len(prompt.ids)
    some = max(1, repeats // 2)
    if "prefill" in parts:
        _say("prefill", length)
        time, space = prefill.measure(sides, prompt, some if length <= SHORT else 1)
        yield from (("prefill", [time]), ("memory", [space]))
    if "ahead" in parts:
        _say("ahead", length)
        row = ahead.measure(sides, prompt, repeats)
        yield "ahead", [row] if row else []
    if "writing" in parts and length <= SHORT:
        _say("writing", length)
        yield "writing", writing.measure(sides, prompt, WRITTEN, some)
    if "rooms" in parts:
        _say("rooms", length)
        yield "rooms", [rooms.measure(sides, prompt, some)]
    if "keys" in parts:
        _say("keys", length)
        times, work = keys.measure(sides, prompt, repeats)
        yield from (("keys", [times]), ("work", [work]))


def document(model: str, repeats: int, results: Results, bounds: Sequence[Bound]) -> dict[str, object]:
    """Everything, as JSON has it."""
    return {
        "benchmark": "token-explorer",
        "model": model,
        "threads": default_threads(),
        "repeats": repeats,
        "machine": system.described(),
        **{name: [_rounded(asdict(row)) for row in rows] for name, rows in results.items()},
        "bounds": [{**_rounded(asdict(bound)), "met": bound.met} for bound in bounds],
    }


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Values to the digits that may mean something."""
    return {name: float(f"{value:.4g}") if isinstance(value, float) else value for name, value in row.items()}


def _say(part: str, length: int) -> None:
    print(f"measuring: {part}, {length} tokens", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", default="embedded", help="as the program takes it")
    parser.add_argument("--lengths", type=_lengths, default=LENGTHS, help="of prompts, tokens")
    parser.add_argument("--repeats", type=_count, default=REPEATS, help="turns of each measurement")
    parser.add_argument("--only", type=_parts, default=PARTS, help=f"some of {','.join(PARTS)}")
    parser.add_argument("--out", type=Path, help="a file for the line of JSON")
    return parser


def _lengths(text: str) -> tuple[int, ...]:
    return tuple(map(_count, text.split(",")))


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: a whole number from 1 on is wanted")
    return int(text)


def _parts(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := set(named) - set(PARTS):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: there are {', '.join(PARTS)}")
    return named


if __name__ == "__main__":
    main(sys.argv[1:])
