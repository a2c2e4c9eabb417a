"""The benchmark measures what it says, of small models and in few turns. How long it takes is no test."""

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import __main__ as command_line
from benchmarks import keys, report, rooms, screen, start
from benchmarks.figures import Bound, Took, cpu_ms, median, ms, over, ratio, table, verdicts
from benchmarks.sides import Prompt
from benchmarks.system import cpu_s, memory
from tests.engine.random_models import save_random

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "PERFORMANCE.md").read_text(encoding="utf-8")
RESULT = ROOT / "docs" / "performance" / "result.json"
# The explorer on the tests' own engine, started as the program is.
EXPLORER = """
import os, sys
from pathlib import Path
from tests.fakes import FakeEngine
from token_explorer import config
from token_explorer.ui.app import Explorer
settings = config.load(None, os.environ, Path(), Path())
given = Path(sys.argv[-1]).read_text() if sys.argv[1:] else settings.prompt.example_prompt
Explorer(FakeEngine(), settings, given, "fake").run()
"""
PROMPT = Prompt((1, 2, 3), "Once upon a time, there was", "fake", "")
TOOK = Took(0.5, 0.25)


@pytest.fixture
def fake_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("PLAIN", "PROGRAM"):
        monkeypatch.setattr(screen, name, (sys.executable, "-c", EXPLORER))
    monkeypatch.setattr(screen, "REST_S", 0.15)


@pytest.fixture
def fake_sides() -> SimpleNamespace:
    """A bare loop for which everything takes half a second."""
    asked = {name: lambda *_: TOOK for name in ("hold", "feed", "lens", "attention")}
    return SimpleNamespace(bare=SimpleNamespace(**asked))


def test_both_sides_run_a_prompt_look_ahead_and_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_random("llama", tmp_path / "llama")
    out = tmp_path / "result.json"
    options = ["--lengths", "24", "--repeats", "1", "--only", "prefill,ahead,writing", "--out", str(out)]
    command_line.main(["--model", str(tmp_path / "llama"), *options])
    printed = capsys.readouterr().out
    document = json.loads(printed.splitlines()[-1])
    assert document == json.loads(out.read_text(encoding="utf-8"))
    assert {"prefill", "memory", "ahead", "writing", "bounds", "machine", "threads"} <= document.keys()
    for name in ("prefill", "memory", "ahead"):
        (row,) = document[name]
        assert row["tokens"] == 24
        assert all(value is not None for value in row.values())
    # 3 layers of keys and values, 2 heads of 8 numbers each, and a hidden state of 32, 4 bytes each.
    kept = 24 * (3 * 2 * 2 * 8 + 32) * 4
    assert document["memory"][0]["kept"] == pytest.approx(kept / 2**20, rel=1e-3)
    greedy, sampled = document["writing"]
    assert (greedy["settings"], greedy["same"]) == ("greedy", greedy["turns"])
    assert sampled["written"] == greedy["written"]
    assert all(bound["name"] in printed for bound in document["bounds"])


def test_what_was_measured_before_a_refusal_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_random("llama", tmp_path / "llama")
    options = ["--lengths", "16,99999", "--repeats", "1", "--only", "ahead"]
    with pytest.raises(SystemExit) as ended:
        command_line.main(["--model", str(tmp_path / "llama"), *options])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert [row["tokens"] for row in json.loads(said.out.splitlines()[-1])["ahead"]] == [16]
    assert "too long" in said.err


def test_keys_are_pressed_and_the_screens_they_lead_to_are_timed(
    fake_program: None, fake_sides: SimpleNamespace
) -> None:
    row, work = keys.measure(fake_sides, PROMPT, 1)  # type: ignore[arg-type]
    for found in (asdict(row), asdict(work)):
        assert all(value is not None and value > 0 for value in found.values()), found
    assert row.step == row.whole == 500
    names = [bound.name for bound in keys.bounds([row])]
    assert {"append, foreseen, 3 tokens", "append, not foreseen, 3 tokens", "pop, 3 tokens"} <= set(names)


def test_the_screens_of_the_lens_and_of_attention_are_timed(
    fake_program: None, fake_sides: SimpleNamespace
) -> None:
    row = rooms.measure(fake_sides, PROMPT, 1)  # type: ignore[arg-type]
    assert all(value is not None and value > 0 for value in asdict(row).values())
    assert row.bare_lens == row.bare_attention == 500


def test_a_start_has_a_first_screen_before_its_table(
    fake_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "SCRIPT", 'print("loaded", flush=True)')
    monkeypatch.setattr(start, "IMPORTS", "pass")
    row = start.measure(PROMPT, 1)
    assert row.first_screen is not None
    assert row.table is not None
    assert row.imports is not None
    assert row.with_flags is not None
    assert 0 < row.first_screen <= row.table
    assert [bound.unit for bound in start.bounds([row])] == ["s", "x"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "keys,nothing"], "nothing: there are start, prefill"),
        (["--lengths", "16,x"], "'x': a whole number from 1 on is wanted"),
        (["--lengths", "0"], "'0': a whole number"),
        (["--repeats", "0"], "'0': a whole number"),
        (["--model", "./nowhere"], "Model not found"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_words(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_script_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "SCRIPT", "raise SystemExit(1)")
    with pytest.raises(RuntimeError, match="could not load nowhere"):
        start.script_s("nowhere")


def test_a_burst_ends_where_parts_no_longer_follow_closely() -> None:
    parts = [screen.Part(b"", s, None) for s in (0.0, 0.1, 0.104, 0.108, 0.2)]
    assert [screen.last_of_burst(parts, at).s for at in range(5)] == [0.0, 0.108, 0.108, 0.108, 0.2]


def test_ratios_are_of_turns_and_what_cannot_be_had_is_left_out() -> None:
    assert ratio([1, 20, 3], [1, 10, 1]) == 2
    assert ratio([1, None], [2, 3]) == 0.5
    assert median([None, None]) is None
    assert (over(None, 2), over(1, None), over(1, 0), over(3, 2)) == (None, None, None, 1.5)
    assert ms([Took(0.001), Took(0.003), Took(0.002)]) == 2
    assert cpu_ms([Took(0.001)]) is None


def test_a_bound_is_met_on_its_own_side_and_never_by_what_was_not_measured() -> None:
    at_most, at_least = Bound("a", 2.0, 2.0, "x"), Bound("b", 2.0, 2.0, "x", at_least=True)
    assert at_most.met
    assert at_least.met
    assert not Bound("a", 2.1, 2.0, "x").met
    assert not Bound("b", 1.9, 2.0, "x", at_least=True).met
    assert not Bound("a", None, 2.0, "x").met
    assert verdicts([at_most, Bound("bb", None, 1.0, "ms")]).split() == (
        ["a", "2.00", "<=", "2.00", "x", "met", "bb", "—", "<=", "1.00", "ms", "missed"]
    )


def test_a_table_has_the_names_of_the_fields_and_a_dash_for_what_is_missing() -> None:
    title, names, line = table(
        "title", [start.Row(3, 0.123, 0.2, 1234.5, None, 12.34, 5.6, 7.8)]
    ).splitlines()
    assert title == "title"
    assert "first screen" in names
    assert line.split() == ["3", "0.12", "0.20", "1234", "—", "12.3", "5.60", "7.80"]
    assert len(names) == len(line)


def test_the_system_tells_of_a_process_and_not_of_one_that_is_not_there() -> None:
    spent, found = cpu_s(os.getpid()), memory(os.getpid())
    assert (spent is None) == (found is None) == (sys.platform != "linux")
    assert spent is None or spent > 0
    assert found is None or 0 < found.resident <= found.peak
    assert cpu_s(2**22 + 1) is None
    assert memory(2**22 + 1) is None


def test_the_page_and_its_plots_are_those_of_the_committed_result(tmp_path: Path) -> None:
    document = json.loads(RESULT.read_text(encoding="utf-8"))
    shown = re.search(r"<!-- results -->\n(.*?)<!-- /results -->", PAGE, re.DOTALL)
    assert shown is not None
    assert shown[1] == report.page(document)
    (tmp_path / "PERFORMANCE.md").write_text(PAGE, encoding="utf-8")
    report.write(document, tmp_path)
    assert (tmp_path / "PERFORMANCE.md").read_text(encoding="utf-8") == PAGE
    plots = {path.name for path in (tmp_path / "performance").iterdir()}
    assert plots == {f"{name}.svg" for name in report.NAMES}
    assert plots == set(re.findall(r"\(performance/(\w+\.svg)\)", PAGE))
    assert plots == {path.name for path in RESULT.parent.glob("*.svg")}
    for path in (tmp_path / "performance").iterdir():
        assert path.read_text(encoding="utf-8").count("<path") > 10
        assert "@font-face" not in path.read_text(encoding="utf-8")


def test_plots_are_the_same_bytes_each_time() -> None:
    document = json.loads(RESULT.read_text(encoding="utf-8"))
    assert report.plots(document) == report.plots(document)
    assert report.plots({**document, "ahead": []}).keys() == set(report.NAMES) - {"ahead"}
