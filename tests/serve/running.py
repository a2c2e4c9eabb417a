"""The server as a program of its own, and tabs of it without a browser."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psutil
import pyte
from aiohttp import ClientSession, CookieJar, WSMsgType

PATIENCE_S = 120.0
COLUMNS, LINES = 120, 40
# A terminal that was quiet for so long has the whole frame.
FRAME_S = 0.5


class Running:
    """`token-explorer serve`, from its address on.

    Args:
        arguments: its flags.
    """

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        command = [
            sys.executable,
            "-m",
            "token_explorer",
            "serve",
            "--port",
            "0",
            "--device",
            "cpu",
            *arguments,
        ]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self.root = self.address.partition("/?")[0]

    @property
    def children(self) -> list[psutil.Process]:
        """All that it started and that runs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int = signal.SIGINT) -> int:
        """End it as ctrl+c does; its exit code, once nothing of it runs any more."""
        children = self.children
        os.kill(self.process.pid, number)
        self.process.communicate(timeout=PATIENCE_S)
        _, alive = psutil.wait_procs(children, PATIENCE_S)
        assert not alive
        return self.process.returncode


@contextmanager
def running(*arguments: str) -> Iterator[Running]:
    """The server, ended with whatever it started."""
    server = Running(arguments)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end()
        for stream in (server.process.stdout, server.process.stderr):
            assert stream is not None
            stream.close()


class Tab:
    """A tab, without the browser: its WebSocket, and the screen that comes over it."""

    def __init__(self, server: Running, name: str) -> None:
        self._server = server
        self._name = name
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    async def __aenter__(self) -> "Tab":
        self._client = ClientSession(cookie_jar=CookieJar(unsafe=True))
        async with self._client.get(self._server.address) as page:
            assert page.status == 200
        url = f"{self._server.root}/ws/{self._name}?width={COLUMNS}&height={LINES}"
        self._socket = await self._client.ws_connect(url, headers={"Origin": self._server.root})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._client.close()

    @property
    def text(self) -> str:
        """What its terminal shows."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    async def type(self, keys: str) -> None:
        await self._socket.send_json(["stdin", keys])

    async def wait_for(self, holds: Callable[[str], bool]) -> str:
        """Wait until its terminal shows something; what it shows."""
        while not holds(self.text):
            try:
                message = await self._socket.receive(PATIENCE_S)
            except asyncio.TimeoutError:
                raise AssertionError(f"waited in vain; the terminal shows:\n{self.text}") from None
            assert message.type in (WSMsgType.BINARY, WSMsgType.TEXT), f"{message}\n{self.text}"
            if message.type is WSMsgType.BINARY:
                self._stream.feed(message.data)
        return self.text

    async def settle(self) -> str:
        """Wait until nothing comes any more: a frame arrives in parts; what its terminal shows."""
        while True:
            try:
                message = await self._socket.receive(FRAME_S)
            except asyncio.TimeoutError:
                return self.text
            if message.type is WSMsgType.BINARY:
                self._stream.feed(message.data)


def table(text: str) -> list[tuple[int, int, float]]:
    """Rank, id and probability in each row of the table that a terminal shows."""
    found = re.findall(r"│ +(\d+)[ ▸]\S+ +(\d+) +(\d\S*)", text)
    return [(int(rank), int(id), float(chance)) for rank, id, chance in found]
