"""The server over the network: who gets in, what a tab lives and dies of, and that nothing is left behind."""

import asyncio
import gc
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psutil
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType, WSServerHandshakeError

from token_explorer.errors import InputError
from token_explorer.serve.server import ExplorerServer, Place

PROGRAM = [sys.executable, "-S", "-E", str(Path(__file__).with_name("program.py"))]
PATIENCE_S = 30.0
TAB, OTHER = "a" * 32, "b" * 32
PLACE = Place(port=0, sessions=3)

T = TypeVar("T")


class Visitor:
    """A browser, as far as the network can tell."""

    def __init__(self, client: ClientSession, server: ExplorerServer, address: str, notes: list[str]) -> None:
        self.client = client
        self.server = server
        self.address = address
        self.root = address.partition("/?")[0]
        self.notes = notes

    async def come(self) -> None:
        """Open the address, for the cookie."""
        async with self.client.get(self.address) as answer:
            assert answer.status == 200

    async def open(self, tab: str = TAB, **headers: str) -> ClientWebSocketResponse:
        """Open a tab, once its screen is there."""
        socket = await self.connect(tab, **headers)
        await heard(socket, "the screen")
        return socket

    async def connect(self, tab: str = TAB, **headers: str) -> ClientWebSocketResponse:
        url = f"{self.root}/ws/{tab}?width=120&height=40"
        return await self.client.ws_connect(url, headers={"Origin": self.root, **headers})

    async def status(self, path: str = "/", method: str = "GET", **headers: str) -> int:
        async with self.client.request(method, f"{self.root}{path}", headers=headers) as answer:
            return answer.status

    async def refusal(self, tab: str = TAB, **headers: str) -> int:
        """The status of a WebSocket that isn't opened."""
        with pytest.raises(WSServerHandshakeError) as caught:
            await self.connect(tab, **headers)
        return caught.value.status


@asynccontextmanager
async def serving(folder: Path, place: Place = PLACE, command: list[str] = PROGRAM) -> AsyncIterator[Visitor]:
    notes: list[str] = []
    server = ExplorerServer(command, {}, place, str(folder), notes.append)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(address.set_result, stop))
    try:
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
            yield Visitor(client, server, await asyncio.wait_for(address, PATIENCE_S), notes)
    finally:
        stop.set()
        await asyncio.wait_for(running, PATIENCE_S)


def run(check: Callable[[], Awaitable[T]]) -> T:
    return asyncio.run(asyncio.wait_for(check(), 4 * PATIENCE_S))  # type: ignore[arg-type]


async def heard(socket: ClientWebSocketResponse, text: str) -> str:
    """What the page hears, up to a text."""
    said = ""
    while text not in said:
        message = await socket.receive(PATIENCE_S)
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), f"{message} after {said!r}"
        said += message.data if message.type is WSMsgType.TEXT else message.data.decode()
    return said


async def closed(socket: ClientWebSocketResponse) -> str:
    """What the page is told last."""
    said = ""
    while (message := await socket.receive(PATIENCE_S)).type in (WSMsgType.TEXT, WSMsgType.BINARY):
        said = message.data if message.type is WSMsgType.TEXT else said
    return said


async def typed(socket: ClientWebSocketResponse, text: str) -> str:
    await socket.send_json(["stdin", text])
    return await heard(socket, f"typed: {text}")


async def empty(server: ExplorerServer) -> None:
    """Wait until no tab is open."""
    for session in server.sessions:
        await asyncio.wait_for(session.over.wait(), PATIENCE_S)


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if PROGRAM[-1] in child.cmdline()]


def test_the_page_needs_the_token_and_everything_else_the_cookie(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            paths = ["/", "/page/page.js", "/static/js/textual.js", "/why", "/download/ab", "/nothing"]
            for path in (*paths, "/?token=wrong", "/?token="):
                assert await visitor.status(path) == 403
            assert await visitor.refusal() == 403
            await visitor.come()
            found = [await visitor.status(path) for path in paths]
            assert found == [200, 200, 200, 200, 404, 404]

    run(check)


def test_a_foreign_origin_and_a_foreign_host_are_refused_also_with_the_cookie(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            assert await visitor.status("/") == 200
            for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
                assert await visitor.status("/", **headers) == 403
                assert await visitor.refusal(**headers) == 403
            assert await visitor.status("/", "POST") == 403
            assert len(visitor.server.sessions) == 0

    run(check)


def test_what_is_no_request_is_refused_and_not_repeated_to_who_runs_the_server(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            port = int(visitor.root.rpartition(":")[2])
            for sent in (
                b"\x16\x03\x1b]2;x\x07",
                b"GET / HTTP/1.1\r\n",
                b"GET /\xff HTTP/1.1\r\nHost: a\r\nHost: b",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent + b"\r\n\r\n")
                assert (await reader.readline()).split()[1] == b"400"
                writer.close()

    run(check)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor, visitor.client.get(visitor.address) as answer:
            (cookie,) = answer.cookies.values()
            assert cookie.key == f"token-explorer-{visitor.root.rpartition(':')[2]}"
            assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Strict", "")
            assert visitor.address.rpartition("=")[2] not in cookie.value
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "http" not in policy
            assert answer.headers["Referrer-Policy"] == "no-referrer"

    run(check)


def test_behind_a_proxy_its_address_is_known_and_its_cookie_secure(tmp_path: Path) -> None:
    async def check() -> None:
        place = replace(PLACE, public_url="https://tokens.example.org")
        async with serving(tmp_path, place) as visitor:
            assert visitor.address.startswith("https://tokens.example.org/?token=")
            (host,) = (host for host in visitor.server._gate.hosts if host.startswith("127.0.0.1"))
            visitor.root = f"http://{host}"
            query, headers = visitor.address.partition("/?")[2], {"Host": "tokens.example.org"}
            async with visitor.client.get(f"{visitor.root}/?{query}", headers=headers) as answer:
                assert answer.status == 200
                (cookie,) = answer.cookies.values()
                assert cookie["secure"] is True
            cookie_header = {"Cookie": f"{cookie.key}={cookie.value}"}
            socket = await visitor.open(Origin="https://tokens.example.org", **cookie_header)
            await socket.close()
            assert await visitor.refusal(Origin="https://evil.example.org", **cookie_header) == 403

    run(check)


def test_a_tab_is_told_what_is_typed_and_how_large_it_is(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            assert "120x40" in await typed(socket, "where")
            await typed(socket, "two\nlines of é")
            await socket.send_json(["resize", {"width": 80, "height": 24}])
            await heard(socket, "resize: 80x24")
            await socket.send_json(["focus"])
            await heard(socket, "focus")
            await socket.send_json(["ping", "7"])
            await heard(socket, '["pong", "7"]')

    run(check)


def test_gibberish_ends_its_tab(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            await socket.send_str("[")
            await closed(socket)
            await empty(visitor.server)
            assert children() == []

    run(check)


def test_the_session_after_the_last_allowed_is_refused_until_one_is_closed(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            sockets = [await visitor.open(f"{number:032x}") for number in range(PLACE.sessions)]
            assert await visitor.refusal(OTHER) == 503
            async with visitor.client.get(f"{visitor.root}/why") as answer:
                assert "at most 3 at a time" in await answer.text()
            first = next(iter(visitor.server.sessions))
            await sockets[0].close()
            await asyncio.wait_for(first.over.wait(), PATIENCE_S)
            await visitor.open(OTHER)

    run(check)


def test_a_tab_that_is_loaded_anew_finds_its_workspace_and_its_old_process_gone(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path, replace(PLACE, sessions=1)) as visitor:
            await visitor.come()
            before = await visitor.open()
            await typed(before, "save")
            (old,) = children()
            # The page that is gone need not have said so yet.
            after = await visitor.open()
            assert await closed(before) == '["ended", "This tab was opened again."]'
            assert not old.is_running()
            assert "loaded: saved" in await typed(after, "load")

    run(check)


def test_tabs_of_one_browser_and_browsers_have_workspaces_of_their_own(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor, ClientSession(cookie_jar=CookieJar(unsafe=True)) as another:
            await visitor.come()
            sockets = [await visitor.open(TAB), await visitor.open(OTHER)]
            visitor.client = another
            await visitor.come()
            sockets.append(await visitor.open(TAB))
            said = [await typed(socket, "where") for socket in sockets]
            places = {re.findall(r"\S+\.json", each)[0] for each in said}
            assert len(places) == 3

    run(check)


def test_a_tab_that_was_left_alone_is_closed(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path, replace(PLACE, idle_s=0.2)) as visitor:
            await visitor.come()
            socket = await visitor.open()
            assert "closed; your prompts are kept" in await closed(socket)
            await empty(visitor.server)
            assert children() == []

    run(check)


def test_a_program_that_fails_says_why_in_its_tab_and_to_who_runs_the_server(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            await socket.send_json(["stdin", "die"])
            assert await closed(socket) == '["ended", "out of paper"]'
            assert visitor.notes == ["out of paper"]

    run(check)


def test_a_program_that_never_shows_a_screen_says_why(tmp_path: Path) -> None:
    async def check() -> None:
        command = [sys.executable, "-c", "import sys; print('x' * 70000); sys.exit('no such thing')"]
        async with serving(tmp_path, command=command) as visitor:
            await visitor.come()
            assert await closed(await visitor.connect()) == '["ended", "no such thing"]'

    run(check)


def test_a_program_that_hangs_is_ended_with_its_tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_explorer.serve.tab.QUIT_S", 0.1)

    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            await socket.send_json(["stdin", "hang"])
            await heard(socket, "hanging")
            (process,) = children()
            (session,) = visitor.server.sessions
            await socket.close()
            await asyncio.wait_for(session.over.wait(), PATIENCE_S)
            assert not process.is_running()

    run(check)


def test_a_program_that_takes_no_keys_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("token_explorer.serve.tab.QUIT_S", 0.1)
    monkeypatch.setattr("token_explorer.serve.tab.HUNG_S", 0.1)

    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            await typed(socket, "a")
            await socket.send_json(["stdin", "hang"])
            await heard(socket, "hanging")
            await socket.send_json(["stdin", "x" * 1_000_000])
            await closed(socket)
            assert len(visitor.notes) == 1

    run(check)


def test_what_a_program_hands_out_is_downloaded_once_by_who_has_the_cookie(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            socket = await visitor.open()
            await socket.send_json(["stdin", "hand out"])
            await heard(socket, '["deliver_file_start"')
            url = f"{visitor.root}/download/{'ab' * 16}"
            async with ClientSession() as stranger, stranger.get(url) as answer:
                assert answer.status == 403
            async with visitor.client.get(url) as answer:
                assert await answer.read() == b"handed out"
                assert "out.txt" in answer.headers["Content-Disposition"]
            assert await visitor.status(f"/download/{'ab' * 16}") == 404

    run(check)


def test_when_the_server_ends_its_tabs_are_told_and_no_process_is_left(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            await visitor.come()
            sockets = [await visitor.open(f"{number:032x}") for number in range(3)]
            processes = children()
            assert len(processes) == 3
            ends = [asyncio.create_task(closed(socket)) for socket in sockets]
            await visitor.server._end_all("The server was stopped.")
            assert await asyncio.gather(*ends) == ['["ended", "The server was stopped."]'] * 3
            assert not any(process.is_running() for process in processes)

    run(check)


def test_a_port_that_is_taken_and_a_host_that_is_none_are_told(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as visitor:
            port = int(visitor.root.rpartition(":")[2])
            for place in (replace(PLACE, port=port), replace(PLACE, host="no.such.host.invalid")):
                with pytest.raises(InputError, match="Can't listen"):
                    await ExplorerServer([], {}, place, "", print).run(print, asyncio.Event())

    run(check)


def memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


# What is allocated once and kept, such as for a code path's first time, is no growth.
LEEWAY_BYTES = 8_000_000


def test_a_flood_of_refused_requests_and_of_dropped_tabs_leaves_nothing(tmp_path: Path) -> None:
    async def flood(visitor: Visitor, stranger: Visitor, requests: int, tabs: int) -> None:
        for number in range(requests // 4):
            assert await stranger.status("/?token=wrong", Cookie=f"{number}={number}") == 403
            assert await visitor.status("/", Host=f"evil{number}.example") == 403
            assert await visitor.refusal(f"{number:032x}", Origin=f"https://evil{number}.example") == 403
            assert await stranger.refusal(f"{number:032x}") == 403
        for number in range(tabs):
            socket = await visitor.connect(f"{number:032x}")
            if number % 2:
                await heard(socket, "the screen")
            socket._response.close()  # without a farewell
            await empty(visitor.server)

    async def check() -> None:
        async with serving(tmp_path) as visitor, ClientSession() as client:
            stranger = Visitor(client, visitor.server, visitor.address, [])
            await visitor.come()
            await flood(visitor, stranger, 200, 10)
            threads, before = threading.active_count(), memory()
            files = psutil.Process().num_fds() if os.name == "posix" else 0
            await flood(visitor, stranger, 1000, 50)
            assert len(visitor.server.sessions) == 0
            assert children() == []
            assert threading.active_count() <= threads
            assert os.name != "posix" or psutil.Process().num_fds() <= files + 2
            assert memory() < before + LEEWAY_BYTES

    run(check)
