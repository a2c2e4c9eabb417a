"""A real browser without a window, driven through two pipes by the Chrome DevTools Protocol.

Commands and events are JSON objects, each ended by a NUL (--remote-debugging-pipe). Waits for events, never
for a clock.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A browser that says nothing for so long has failed.
PATIENCE_S = 60.0
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-unsafe-swiftshader",  # terminals draw by WebGL, also where there is no graphics card
)
# The protocol's own numbers of file descriptors.
_READS, _WRITES = 3, 4
# The kind of a WebSocket's frame.
_BINARY = 2
_VIRTUAL_KEYS = {
    "Enter": 13,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Tab": 9,
}

Event = dict[str, Any]


def find_browser() -> str | None:
    """The path of a Chromium or Chrome; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserFailed(AssertionError):
    """The browser refused a command, or a page's script failed."""


class Browser:
    """One page of a browser that runs until `close`.

    Args:
        width, height: of the window, CSS pixels.
    """

    def __init__(self, width: int = 1280, height: int = 800) -> None:
        self.requests: list[str] = []
        """Addresses that were asked for since the last `open`."""
        self.complaints: list[str] = []
        """What went wrong since the last `open`: exceptions, errors and warnings of the console."""
        self.loads = 0
        """How many pages were asked for."""
        self.received: list[bytes] = []
        """What came over WebSockets as bytes since the last `open`."""
        self.sockets: list[str] = []
        """Addresses of the WebSockets that were opened since the last `open`."""
        path = find_browser()
        assert path is not None, f"none of {NAMES} is installed"
        self._folder = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._process, self._to, self._from = _started(path, self._folder.name)
        self._unread = b""
        self._number = 0
        self._session = ""
        self._events: list[Event] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{room}.enable")
        self.resize(width, height)

    def open(self, url: str) -> None:
        """Go to an address and wait until all of it is loaded."""
        # Another fragment alone would load nothing.
        self._go("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self._forget()
        self._go(url)

    def reload(self) -> None:
        """Load the page anew, and wait until all of it is there."""
        self._forget()
        self.ask("Page.reload")
        self._wait(lambda event: event["method"] == "Page.loadEventFired")

    def _forget(self) -> None:
        self.loads += 1
        self.received.clear()
        self.sockets.clear()
        self._events.clear()

    def _go(self, url: str) -> None:
        self._events.clear()
        failed = self.ask("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserFailed(f"{url}: {failed}")
        self._wait(lambda event: event["method"] == "Page.loadEventFired")

    def evaluate(self, script: str) -> Any:
        """The value of an expression, once it is there; anything that JSON can hold."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserFailed(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def move(self, x: float, y: float) -> None:
        """Move the pointer to a point of the window, CSS pixels."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        """Click there with the first button."""
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, name: str, ctrl: bool = False) -> None:
        """Press and release a key, named as the DOM does: 'a', 'Enter', 'ArrowLeft'."""
        code = _VIRTUAL_KEYS.get(name, ord(name.upper()) if len(name) == 1 else 0)
        press = {"key": name, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        typed = "\r" if name == "Enter" else name
        text = {"text": typed} if len(typed) == 1 and not ctrl else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **press, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **press)

    def insert(self, text: str) -> None:
        """Type a text as an input method does, at once."""
        self.ask("Input.insertText", text=text)

    def drag(self, x: float, y: float, to_x: float, to_y: float, shift: bool = False) -> None:
        """Press the first button at a point, move to another one, and let go."""
        with_shift = {"modifiers": 8 if shift else 0}
        mouse = "Input.dispatchMouseEvent"
        self.ask(mouse, type="mousePressed", x=x, y=y, button="left", clickCount=1, **with_shift)
        self.ask(mouse, type="mouseMoved", x=to_x, y=to_y, button="left", buttons=1, **with_shift)
        self.ask(mouse, type="mouseReleased", x=to_x, y=to_y, button="left", clickCount=1, **with_shift)

    def follow(self, key: str) -> None:
        """Press a key that loads another page, or this one anew, and wait until all of it is there."""
        self._forget()
        self.key(key)
        self._wait(lambda event: event["method"] == "Page.loadEventFired")

    def wait_for_event(self, method: str, **params: Any) -> None:
        """Wait until the browser tells of something, or has told since the page was loaded."""
        self._wait(
            lambda event: event["method"] == method and params.items() <= {**event.get("params", {})}.items()
        )

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, looking each time that the page does something."""
        while not holds():
            self._read()

    def resize(self, width: int, height: int, density: float = 1.0) -> None:
        """Give the window another size, CSS pixels, of so many pixels each."""
        size = {"width": width, "height": height, "deviceScaleFactor": density, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def prefer(self, scheme: str) -> None:
        """Have the user prefer 'dark' or 'light' pages."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def print(self, path: Path) -> None:
        """Write the page as a PDF, as its printer would get it."""
        path.write_bytes(base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"]))

    def close(self) -> None:
        """End the browser, and take its files away."""
        try:
            self._session = ""
            self.ask("Browser.close")
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._to)
            os.close(self._from)
            self._folder.cleanup()

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the protocol and wait for its answer; events that come before are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        _write_all(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                break
        if "error" in answer:
            raise BrowserFailed(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _wait(self, wanted: Callable[[Event], bool]) -> None:
        while not any(map(wanted, self._events)):
            self._read()

    def _read(self) -> Event:
        """The next message; what it tells of the page is kept."""
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], PATIENCE_S)
            part = os.read(self._from, 1 << 16) if ready else b""
            if not part:
                raise BrowserFailed("the browser ended" if ready else "the browser says nothing")
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        event: Event = json.loads(message)
        if "method" in event:
            self._events.append(event)
            self._note(event["method"], event.get("params", {}))
        return event

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.sockets.append(params["url"])
        elif method == "Network.webSocketFrameReceived" and params["response"]["opcode"] == _BINARY:
            self.received.append(base64.b64decode(params["response"]["payloadData"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"]))


def _started(path: str, folder: str) -> tuple[subprocess.Popen[bytes], int, int]:
    """A browser, with the ends of the pipes that lead to it and from it."""
    its_in, ours_out = os.pipe()
    ours_in, its_out = os.pipe()
    # A shell puts the ends where the browser looks for them: here these numbers may be taken.
    place = f'exec "$@" {_READS}<&{its_in} {_WRITES}>&{its_out}'
    process = subprocess.Popen(
        ["bash", "-c", place, "bash", path, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        pass_fds=(its_in, its_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(its_in)
    os.close(its_out)
    return process, ours_out, ours_in


def _write_all(to: int, data: bytes) -> None:
    while data:
        data = data[os.write(to, data) :]
