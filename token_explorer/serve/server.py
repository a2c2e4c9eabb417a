"""The explorer served to browsers: each tab runs one, behind a gate.

Knows nothing of models: what a tab needs to find the engine is in the environment that it is given.
"""

import asyncio
import contextlib
import json
import logging
import os
import shlex
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from token_explorer.errors import InputError
from token_explorer.serve import gate, messages
from token_explorer.serve.gate import Admitted, Gate
from token_explorer.serve.hardening import harden
from token_explorer.serve.sessions import Full, Key, Session, Sessions
from token_explorer.serve.tab import Hung, Tab

WORKSPACE = "TOKEN_EXPLORER_WORKSPACE"
PAGE = Path(__file__).parent / "page"
_ADMITTED = web.RequestKey("admitted", Admitted)
# How often it is looked for tabs that were left alone, and for browsers that have gone.
_LOOK_S, _HEARTBEAT_S = 5.0, 15.0
_CLOSE_S = 3.0
_FULL = (
    "No more tabs can be opened: the server runs at most {} at a time. Close one, and open this one again."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to serve, and how much.

    Attributes:
        host, port: to listen at; port 0 takes a free one.
        public_url: where a proxy makes it be found; None for nowhere else.
        sessions: most tabs at a time.
        idle_s: how long a tab may be left alone, seconds.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    sessions: int = 8
    idle_s: float = 4 * 3600.0


class ExplorerServer(Server):
    """Runs a command for each tab.

    Args:
        command: what a tab runs: the explorer.
        environment: what it is told beside what this process was.
        place: where to serve, and how much.
        folder: for workspaces; whoever made it takes it away.
        note: tells something to whoever runs the server.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        place: Place,
        folder: str,
        note: Callable[[str], None],
    ) -> None:
        super().__init__(shlex.join(command), place.host, place.port)
        self._arguments = command
        self._environment = environment
        self._place = place
        self._note = note
        self._gate, self._cookie = Gate(frozenset()), ""
        self.sessions = Sessions(Path(folder), place.sessions, place.idle_s, time.monotonic)

    async def run(self, ready: Callable[[str], None], stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then end all tabs. Raises InputError where it can't listen.

        Args:
            ready: called with the address to open, once it can be.
        """
        app = await self._make_app()
        runner = web.AppRunner(app, logger=_faults(), access_log=None, shutdown_timeout=_CLOSE_S)
        await runner.setup()
        try:
            port = await self._listen(runner)
            self._gate = gate.gate(self._place.host, port, socket.gethostname(), self._place.public_url)
            self._cookie = f"token-explorer-{port}"  # a machine's servers share their cookies
            ready(self._address(port))
            watch = asyncio.create_task(self._watch())
            await stop.wait()
            watch.cancel()
        finally:
            for site in list(runner.sites):
                await site.stop()
            await self._end_all("The server was stopped.")
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner) -> int:
        """Begin to listen, and give the port. Raises InputError."""
        place = self._place
        try:
            await web.TCPSite(runner, place.host, place.port).start()
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            hint = "Another program may have it: choose another one with --port, or a host of this machine."
            raise InputError("Can't listen", f"{place.host}, port {place.port}: {reason}.", hint) from None
        port: int = runner.addresses[0][1]
        return port

    def _address(self, port: int) -> str:
        place = self._place
        shown = gate.shown_host(place.host, socket.gethostname())
        return f"{place.public_url or f'http://{shown}:{port}'}/?token={self._gate.token}"

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._pass_gate])
        app.on_response_prepare.append(harden)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/why", self._tell_why),
                web.get("/ws/{tab:[0-9a-f]{32}}", self.handle_websocket),
                web.get("/download/{key:[0-9a-f]+}", self.handle_download),
                web.static("/page", PAGE),
                web.static("/static", self.statics_path),
            ]
        )
        return app

    @web.middleware
    async def _pass_gate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nothing in that the gate refuses."""
        decision = self._gate.decide(
            gate.Request(
                request.method,
                request.headers.get("Host"),
                request.headers.get("Origin"),
                request.path.startswith("/ws/"),
                request.query.get("token"),
                request.cookies.get(self._cookie),
            )
        )
        if isinstance(decision, gate.Refused):
            return web.Response(status=gate.FORBIDDEN, text=f"{decision.why}\n")
        request[_ADMITTED] = decision
        response = await handler(request)
        if decision.cookie is not None:
            secure = self._place.public_url == f"https://{request.host}".lower()
            response.set_cookie(
                self._cookie, decision.cookie, httponly=True, samesite="Strict", secure=secure
            )
        return response

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE / "index.html")

    @property
    def _why(self) -> str:
        """Why no tab can be opened; '' where one can."""
        return _FULL.format(self._place.sessions) if self.sessions.full else ""

    async def _tell_why(self, request: web.Request) -> web.StreamResponse:
        """What a page asks that got no WebSocket: browsers don't tell it."""
        return web.Response(text=self._why)

    async def handle_websocket(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
        """Run a tab for as long as its page is there."""
        if not web.WebSocketResponse().can_prepare(request):
            return web.Response(status=426, text="Only a WebSocket can be had here.")
        key = Key(request[_ADMITTED].browser, request.match_info["tab"])
        while (before := self.sessions.find(key)) is not None:
            before.end("This tab was opened again.")
            await before.over.wait()
        try:
            session = self.sessions.open(key)
        except Full:
            return web.Response(status=503, text=self._why)
        try:
            return await self._run(session, request)
        finally:
            self.sessions.close(session)

    async def _run(self, session: Session, request: web.Request) -> web.WebSocketResponse:
        """Run the process of a tab until its page or the process itself ends."""
        websocket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, timeout=_CLOSE_S)
        size = _size(request)
        await websocket.prepare(request)

        def ended(last_words: str) -> None:
            if last_words:
                self._note(last_words)
            session.end(last_words)

        environment = {**self._environment, WORKSPACE: str(session.workspace)}
        to_page = websocket.send_bytes, websocket.send_str
        tab = Tab(self._arguments, environment, *to_page, ended, self.download_manager)
        try:
            await tab.start(*size)
            await _first(self._pass_on(websocket, tab, session), _close(websocket, session))
        finally:
            await tab.stop()
        return websocket

    async def _pass_on(self, websocket: web.WebSocketResponse, tab: Tab, session: Session) -> None:
        """Give a tab what its page says."""
        try:
            async for message in websocket:
                if message.type is not WSMsgType.TEXT:
                    continue
                said = messages.parse(message.data)
                if said.kind == "ping":
                    await websocket.send_json(["pong", said.text])
                    continue
                if said.kind == "stdin":
                    self.sessions.touch(session)
                await tab.take(said)
        except (messages.Gibberish, ConnectionError):
            pass
        except Hung:
            self._note(f"A tab's process took no keys for so long that it was ended: {tab.pid}.")

    async def _watch(self) -> None:
        """Close tabs that were left alone for too long."""
        while True:
            await asyncio.sleep(min(_LOOK_S, self._place.idle_s / 4))
            for session in self.sessions.abandoned():
                session.end("Nothing was typed here for so long that it was closed; your prompts are kept.")

    async def _end_all(self, why: str) -> None:
        sessions = list(self.sessions)
        for session in sessions:
            session.end(why)
        for session in sessions:
            await session.over.wait()


def _faults() -> logging.Logger:
    """Tells of our faults, but not of what strangers send that is no request."""
    log = logging.getLogger(__name__)
    log.addFilter(_is_ours)
    return log


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _first(*works: Coroutine[Any, Any, None]) -> None:
    """Do several things until one of them is done."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _close(websocket: web.WebSocketResponse, session: Session) -> None:
    """Wait for a reason to close, and tell the page of it."""
    why = await session.endings.get()
    with contextlib.suppress(ConnectionError, RuntimeError):
        await websocket.send_str(json.dumps(["ended", why]))
    await websocket.close()


def _size(request: web.Request) -> tuple[int, int]:
    """The terminal's size that a page states, or the usual one."""
    try:
        return messages.clamped(request.query.get("width"), request.query.get("height"))
    except (ValueError, TypeError):
        return 80, 24


def serve_until_interrupted(server: ExplorerServer, ready: Callable[[str], None]) -> None:
    """Run a server until ctrl+c, or until its process is asked to end. Raises InputError."""
    asyncio.run(_until_interrupted(server, ready))


async def _until_interrupted(server: ExplorerServer, ready: Callable[[str], None]) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if os.name == "posix" else [])]
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set)) for number in numbers
    }
    try:
        await server.run(ready, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
