"""The server as its user meets it: with the real model, with many tabs, and when something of it dies."""

import asyncio
import functools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.program import RIGHT, loaded, tokens
from tests.serve.running import Running, Tab, running, table
from token_explorer.core.cuts import Encoding
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.engine.local import LocalEngine

PROMPT = "Once upon a time"
TYPED = (" in France", ", two hungry wolves", " the number 17", " there lived an old queen who")
ADDED = 4
# A table shows three digits of a probability.
ROUNDED = 6e-3
# A process that holds the model's weights has more memory than this.
WEIGHTS_BYTES = 400_000_000

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals end the server there")


@pytest.fixture(scope="module")
def fresh(embedded_folder: Path) -> LocalEngine:
    """The model in this process, which has answered nobody else."""
    engine = LocalEngine(ModelSpec(str(embedded_folder), "cpu"))
    engine.load_tokenizer(lambda progress: None)
    engine.load_model(lambda progress: None)
    return engine


@pytest.fixture(autouse=True)
def own_temporary_folder(
    tmp_path: Path, embedded_source: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """What the server leaves behind can be seen in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(
        "TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch")
    )  # torch makes it when it is imported
    with tempfile.TemporaryDirectory(prefix="t-") as folder:  # the names of socket files must be short
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def expected(engine: LocalEngine, typed: str) -> list[tuple[int, int, float]]:
    """The table after what a tab did."""
    ids = engine.encode(PROMPT) + engine.observe((), Encoding(typed, whole=False), Stop()).tokens
    for _ in range(ADDED):
        ids = (*ids, int(engine.score(ids, 1, Stop()).next.ids[0]))
    following = engine.score(ids, 30, Stop()).next
    return [
        (rank, int(id), float(chance))
        for rank, (id, chance) in enumerate(zip(following.ids, following.probabilities, strict=True), 1)
    ]


async def explore(server: Running, number: int) -> list[tuple[int, int, float]]:
    """Type, and take the likeliest tokens; the table that is shown then."""
    async with Tab(server, f"{number:032x}") as tab:
        await tab.wait_for(loaded)
        await tab.type("i")
        await tab.wait_for(lambda text: "Enter appends" in text)
        await tab.type(TYPED[number])
        await tab.wait_for(lambda text: f"insert {TYPED[number]}" in text)
        await tab.type("\r")
        length = tokens(await tab.wait_for(lambda text: tokens(text) > 4 and loaded(text)))
        for step in range(1, ADDED + 1):
            await tab.type(RIGHT)
            await tab.wait_for(lambda text, step=step: tokens(text) == length + step and loaded(text))  # type: ignore[misc]
        one_model(server)
        return table(await tab.settle())


def one_model(server: Running) -> None:
    """Check that the weights are in memory once, however many tabs there are."""
    sizes = [child.memory_info().rss for child in server.children]
    assert len([size for size in sizes if size > WEIGHTS_BYTES]) == 1
    assert psutil.Process(server.process.pid).memory_info().rss < WEIGHTS_BYTES / 2


def test_four_tabs_that_type_at_once_show_each_its_own_true_numbers(fresh: LocalEngine) -> None:
    async def all_at_once(server: Running) -> list[list[tuple[int, int, float]]]:
        return await asyncio.gather(*(explore(server, number) for number in range(len(TYPED))))

    with running("--prompt", PROMPT) as server:
        shown = asyncio.run(all_at_once(server))
    for typed, rows in zip(TYPED, shown, strict=True):
        true = expected(fresh, typed)
        assert len(rows) > 10
        for (rank, id, chance), row in zip(true, rows, strict=False):
            assert row == (rank, id, pytest.approx(chance, rel=ROUNDED))


def test_ctrl_c_ends_all_of_it_and_leaves_nothing(own_temporary_folder: Path) -> None:
    async def open_and_end() -> None:
        async with Tab(server, "1" * 32) as tab:
            await tab.wait_for(loaded)
            assert len(server.children) >= 2
            assert await asyncio.to_thread(server.end) == 0

    with running("--prompt", PROMPT) as server:
        asyncio.run(open_and_end())
    assert list(own_temporary_folder.iterdir()) == []


def test_a_server_that_is_killed_takes_its_tabs_and_the_model_with_it() -> None:
    async def open_and_kill() -> None:
        async with Tab(server, "1" * 32) as tab:
            await tab.wait_for(loaded)
            assert await asyncio.to_thread(server.end, signal.SIGKILL) == -signal.SIGKILL

    with running("--prompt", PROMPT) as server:
        asyncio.run(open_and_kill())


async def both_show(one: Tab, other: Tab, holds: Callable[[str], bool]) -> None:
    """Wait until both tabs show something; at once, as who doesn't listen is taken for gone."""
    await asyncio.gather(one.wait_for(holds), other.wait_for(holds))


def test_an_engine_that_is_killed_is_started_again_once_for_all_tabs() -> None:
    async def open_and_kill() -> None:
        async with Tab(server, "1" * 32) as one, Tab(server, "2" * 32) as other:
            both = functools.partial(both_show, one, other)
            await both(lambda text: loaded(text) and "checks" in text)
            max(server.children, key=lambda child: child.memory_info().rss).kill()
            await both(lambda text: "started again" in text)
            for tab in (one, other):
                await tab.type(RIGHT)
            await both(lambda text: tokens(text) == 5 and loaded(text) and "checks" in text)
            one_model(server)

    with running("--prompt", PROMPT) as server:
        asyncio.run(open_and_kill())
