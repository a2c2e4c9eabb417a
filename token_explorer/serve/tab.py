"""What runs in a tab: a process with the explorer, its screen sent on, its end waited for.

Knows nothing of who may open one.
"""

import asyncio
import contextlib
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence

from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from token_explorer.serve.messages import Said

# How long a program gets to keep its prompts and end by itself when its tab is closed.
QUIT_S = 10.0
# How long a program may leave what is typed unread before it counts as hung.
HUNG_S = 30.0
# How much of what a program wrote to stderr is kept.
_KEPT_BYTES = 4096
_LINES_BEFORE_START = 10
_START = b"__GANGLION__\n"


class Hung(Exception):
    """The program takes no keys any more."""


class Tab(AppService):
    """A process with the explorer, for one tab.

    Args:
        command: what to run.
        environment: what it is told beside what this process was.
        write_bytes, write_str: send to the page.
        ended: called when the process has ended, or is about to, with what it last said of itself.
        downloads: where the files wait that it hands out.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        write_bytes: Callable[[bytes], Awaitable[None]],
        write_str: Callable[[str], Awaitable[None]],
        ended: Callable[[str], None],
        downloads: DownloadManager,
    ) -> None:
        super().__init__(
            "",
            write_bytes=write_bytes,
            write_str=write_str,
            close=self._told_exit,
            download_manager=downloads,
        )
        self._arguments = command
        self._environment = environment
        self._ended = ended
        self._errors = b""
        self._shows = False

    @property
    def pid(self) -> int | None:
        """Its process id; None where there is none."""
        return self._process.pid if self._process else None

    async def take(self, said: Said) -> None:
        """Pass on what the page said. Raises Hung."""
        passed = {
            "stdin": lambda: self.send_bytes(said.text.encode("utf-8", "replace")),
            "resize": lambda: self.set_terminal_size(*said.size),
            "focus": self.focus,
            "blur": self.blur,
        }[said.kind]()
        try:
            await asyncio.wait_for(passed, HUNG_S)
        except asyncio.TimeoutError:
            raise Hung from None

    async def stop(self) -> None:
        """End the process, politely where it listens, and wait until it has ended."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        if self._shows:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._quit(process), QUIT_S)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        await task

    async def run(self) -> None:
        """Send on what the process writes until it ends."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        assert process.stderr is not None
        reading = asyncio.create_task(self._read_errors(process.stderr))
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            await self._find_start(process.stdout)
            while self._shows:
                await self._pass_on(process.stdout)
        while await process.stdout.read(_KEPT_BYTES):
            pass  # what isn't read would keep it from ending
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reading, QUIT_S)
        self._ended(self._errors.decode("utf-8", "replace").strip())

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), **self._environment}

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=os.name == "posix",  # ctrl+c is the server's
        )
        assert self._process.stdin is not None
        self._stdin = self._process.stdin
        return self._process

    async def _quit(self, process: Process) -> None:
        await self.send_meta({"type": "quit"})
        await process.wait()

    async def _find_start(self, stdout: asyncio.StreamReader) -> None:
        """Skip what comes before the screen. Raises IncompleteReadError where it ends before."""
        for _ in range(_LINES_BEFORE_START):
            if await stdout.readuntil() == _START:
                self._shows = True
                return

    async def _pass_on(self, stdout: asyncio.StreamReader) -> None:
        kind = await stdout.readexactly(1)
        payload = await stdout.readexactly(int.from_bytes(await stdout.readexactly(4), "big"))
        # What goes to a page that has gone is read all the same: else the process couldn't end.
        with contextlib.suppress(ConnectionError, RuntimeError):
            if kind == b"D":
                await self.on_data(payload)
            elif kind == b"M":
                await self.on_meta(payload)
            elif kind == b"P":
                await self.on_packed(payload)

    async def _read_errors(self, stderr: asyncio.StreamReader) -> None:
        while data := await stderr.read(_KEPT_BYTES):
            self._errors = (self._errors + data)[-_KEPT_BYTES:]

    async def _told_exit(self) -> None:
        """The process says that it is about to end, which it shows by ending."""
