"""Which requests get in. Pure decisions: knows nothing of the network, nor of what is behind the gate.

A name in Host that isn't ours is a foreign page that had a name of its own lead to this machine; a foreign
Origin is a page that lets the user's browser ask us. The token proves that who asks was told the address.
"""

import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from token_explorer.errors import InputError

FORBIDDEN = 403
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("", "0.0.0.0", "::")
# Ports that a browser leaves out.
_IMPLIED = {"http": 80, "https": 443}
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Request:
    """What a request says of itself; None for what it doesn't say.

    Attributes:
        socket: whether it wants to become a WebSocket.
        token: of the address.
        cookie: what an earlier visit was given.
    """

    method: str = "GET"
    host: str | None = None
    origin: str | None = None
    socket: bool = False
    token: str | None = None
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that doesn't get in, and what its sender is told."""

    why: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that gets in.

    Attributes:
        browser: names the browser that sent it.
        cookie: what that browser shall be given; None where it has it.
    """

    browser: str
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides by Host, Origin, and a token that is exchanged for a cookie.

    Attributes:
        hosts: what Host may be.
        origins: what Origin may be, beside that of an allowed Host.
        open_port: where all of the machine's addresses are listened at, the port: then Host may be any
            address of digits, which no name can be made to stand for; None elsewhere.
        token: what the address has.
        key: signs cookies.
    """

    hosts: frozenset[str]
    origins: frozenset[str] = frozenset()
    open_port: int | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def decide(self, request: Request) -> Admitted | Refused:
        """Whether a request gets in."""
        if request.host is None or not self._knows_host(request.host.lower()):
            return Refused("This address isn't one of the server's.")
        if not self._knows_origin(request):
            return Refused("Another page may not ask this server.")
        if request.method not in ("GET", "HEAD"):
            return Refused("There is nothing to send here.")
        if (browser := self._browser(request.cookie)) is not None:
            return Admitted(browser)
        if request.token is None or request.socket or not _same(request.token, self.token):
            return Refused("Open the whole address that the terminal shows, with its token.")
        browser = secrets.token_hex(_ID_BYTES)
        return Admitted(browser, f"{browser}.{self._signature(browser)}")

    def _knows_host(self, host: str) -> bool:
        return host in self.hosts or (self.open_port is not None and _is_address(host, self.open_port))

    def _knows_origin(self, request: Request) -> bool:
        if request.origin is None:
            return not request.socket  # browsers always say it there
        own = f"http://{request.host}".lower()
        return request.origin.lower() in (own, *self.origins)

    def _browser(self, cookie: str | None) -> str | None:
        """The browser that a cookie was given to; None where it wasn't given by this server."""
        browser, _, signature = (cookie or "").partition(".")
        return browser if _same(signature, self._signature(browser)) else None

    def _signature(self, browser: str) -> str:
        return hmac.new(self.key, browser.encode(errors="replace"), "sha256").hexdigest()


def gate(host: str, port: int, name: str, public_url: str | None = None) -> Gate:
    """The gate of a server.

    Args:
        host, port: where it listens.
        name: of the machine.
        public_url: where a proxy makes it be found, as `public_origin` gives it.
    """
    everywhere = host in _EVERYWHERE
    names = {*_LOOPBACK, *((name.lower(), f"{name.lower()}.local") if everywhere else (bracketed(host),))}
    hosts = {spelled for each in names for spelled in _spellings(each, "http", port)}
    origins = set[str]()
    if public_url is not None:
        parts = urlsplit(public_url)
        origins.add(public_url)
        implied = _IMPLIED[parts.scheme]
        hosts |= set(_spellings(bracketed(parts.hostname or ""), parts.scheme, parts.port or implied))
    return Gate(frozenset(hosts), frozenset(origins), port if everywhere else None)


def public_origin(url: str) -> str:
    """The scheme, the name and the port of a public address. Raises InputError for what is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        implied = _IMPLIED[parts.scheme]
        known = host != "" and port != 0 and "@" not in parts.netloc
    except (ValueError, KeyError):  # no port, no address of digits, no scheme for pages
        known = False
    if not known or parts.path not in ("", "/") or parts.query or parts.fragment:
        hint = "Write it as https://name or https://name:port; the proxy can't put it below a path."
        raise InputError("Not a public address", f"--public-url {url!r}.", hint)
    return f"{parts.scheme}://{_spellings(bracketed(host), parts.scheme, port or implied)[-1]}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bracketed(host: str) -> str:
    """A host as addresses spell it."""
    return f"[{host}]" if ":" in host else host.lower()


def shown_host(host: str, name: str) -> str:
    """The host to show in an address, for one to listen at."""
    return name.lower() if host in _EVERYWHERE else bracketed(host)


def _spellings(host: str, scheme: str, port: int) -> tuple[str, ...]:
    full = f"{host}:{port}"
    return (full, host) if port == _IMPLIED[scheme] else (full,)


def _is_address(host: str, port: int) -> bool:
    """Whether it is an address of digits, with this port."""
    try:
        parts = urlsplit(f"http://{host}")
        ipaddress.ip_address(parts.hostname or "")
        return (parts.port or _IMPLIED["http"]) == port and "@" not in parts.netloc
    except ValueError:
        return False


def _same(given: str, known: str) -> bool:
    """Compare secrets, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="replace"), known.encode())
