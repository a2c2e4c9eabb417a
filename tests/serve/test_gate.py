"""The gate, as a table of requests and what becomes of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.errors import InputError
from token_explorer.serve.gate import Admitted, Gate, Refused, Request, gate, is_loopback, public_origin

LOOPBACK = gate("127.0.0.1", 8000, "mypc")
EVERYWHERE = gate("0.0.0.0", 8000, "mypc")
PROXIED = gate("127.0.0.1", 8000, "mypc", "https://tokens.example.org")


def cookie_of(gate: Gate) -> str:
    """The cookie of a browser that came with the token."""
    admitted = gate.decide(Request(host=min(gate.hosts), token=gate.token))
    assert isinstance(admitted, Admitted)
    assert admitted.cookie is not None
    return admitted.cookie


def passes(gate: Gate, **said: object) -> bool:
    """Whether a request of a browser with a cookie gets in."""
    request = Request(cookie=cookie_of(gate), **said)  # type: ignore[arg-type]
    return isinstance(gate.decide(request), Admitted)


@pytest.mark.parametrize(
    ("gate", "host", "in_"),
    [
        (LOOPBACK, "127.0.0.1:8000", True),
        (LOOPBACK, "localhost:8000", True),
        (LOOPBACK, "LOCALHOST:8000", True),
        (LOOPBACK, "[::1]:8000", True),
        (LOOPBACK, "localhost", False),
        (LOOPBACK, "localhost:8001", False),
        (LOOPBACK, "evil.example:8000", False),
        (LOOPBACK, "127.0.0.1.evil.example:8000", False),
        (LOOPBACK, "evil.example#localhost:8000", False),
        (LOOPBACK, "192.168.1.5:8000", False),
        (LOOPBACK, "", False),
        (LOOPBACK, None, False),
        (EVERYWHERE, "192.168.1.5:8000", True),
        (EVERYWHERE, "[fe80::1]:8000", True),
        (EVERYWHERE, "mypc:8000", True),
        (EVERYWHERE, "mypc.local:8000", True),
        (EVERYWHERE, "192.168.1.5", False),
        (EVERYWHERE, "192.168.1.5:80000", False),
        (EVERYWHERE, "x@192.168.1.5:8000", False),
        (EVERYWHERE, "evil.example:8000", False),
        (PROXIED, "tokens.example.org", True),
        (PROXIED, "tokens.example.org:443", True),
        (PROXIED, "tokens.example.org:8000", False),
        (PROXIED, "127.0.0.1:8000", True),
        (gate("::1", 80, "mypc"), "[::1]", True),
        (gate("10.0.0.7", 8000, "mypc"), "10.0.0.7:8000", True),
        (gate("10.0.0.7", 8000, "mypc"), "10.0.0.8:8000", False),
    ],
)
def test_host_must_be_one_of_the_servers(gate: Gate, host: str | None, in_: bool) -> None:
    assert passes(gate, host=host) is in_


@pytest.mark.parametrize(
    ("gate", "host", "origin", "page", "socket"),
    [
        (LOOPBACK, "localhost:8000", None, True, False),
        (LOOPBACK, "localhost:8000", "http://localhost:8000", True, True),
        (LOOPBACK, "localhost:8000", "http://127.0.0.1:8000", False, False),
        (LOOPBACK, "localhost:8000", "https://localhost:8000", False, False),
        (LOOPBACK, "localhost:8000", "http://localhost:3000", False, False),
        (LOOPBACK, "localhost:8000", "http://localhost:8000.evil.example", False, False),
        (LOOPBACK, "localhost:8000", "https://evil.example", False, False),
        (LOOPBACK, "localhost:8000", "null", False, False),
        (LOOPBACK, "localhost:8000", "", False, False),
        (LOOPBACK, "evil.example:8000", "http://evil.example:8000", False, False),
        (EVERYWHERE, "192.168.1.5:8000", "http://192.168.1.5:8000", True, True),
        (EVERYWHERE, "192.168.1.5:8000", "http://192.168.1.6:8000", False, False),
        (PROXIED, "tokens.example.org", "https://tokens.example.org", True, True),
        (PROXIED, "127.0.0.1:8000", "https://tokens.example.org", True, True),
        (PROXIED, "127.0.0.1:8000", "https://evil.example", False, False),
    ],
)
def test_origin_must_be_the_page_itself(
    gate: Gate, host: str, origin: str | None, page: bool, socket: bool
) -> None:
    assert passes(gate, host=host, origin=origin) is page
    assert passes(gate, host=host, origin=origin, socket=True) is socket


HOST = "127.0.0.1:8000"
ORIGIN = f"http://{HOST}"


def test_the_token_is_exchanged_for_a_cookie_that_names_the_browser() -> None:
    cookie = cookie_of(LOOPBACK)
    again = LOOPBACK.decide(Request(host=HOST, cookie=cookie))
    assert again == Admitted(cookie.partition(".")[0])
    assert cookie_of(LOOPBACK) != cookie
    # A browser that has a cookie keeps it, also when it is given the token again.
    assert LOOPBACK.decide(Request(host=HOST, cookie=cookie, token=LOOPBACK.token)) == again


@pytest.mark.parametrize(
    "token",
    [None, "", "wrong", LOOPBACK.token[:-1], LOOPBACK.token + "x", "é", "\udcff"],
    ids=["none", "empty", "wrong", "shorter", "longer", "another letter", "half a letter"],
)
def test_without_the_token_and_without_a_cookie_nobody_gets_in(token: str | None) -> None:
    assert isinstance(LOOPBACK.decide(Request(host=HOST, token=token)), Refused)


def test_a_socket_opens_with_a_cookie_alone() -> None:
    request = Request(host=HOST, origin=ORIGIN, socket=True, token=LOOPBACK.token)
    assert isinstance(LOOPBACK.decide(request), Refused)
    assert isinstance(LOOPBACK.decide(replace(request, cookie=cookie_of(LOOPBACK))), Admitted)


@given(st.text())
def test_a_cookie_that_was_not_given_opens_nothing(cookie: str) -> None:
    given = cookie_of(LOOPBACK)
    browser, _, signature = given.partition(".")
    for forged in (cookie, f"{cookie}.{signature}", f"{browser}.{cookie}", f"{browser}{cookie}"):
        if forged != given:
            assert isinstance(LOOPBACK.decide(Request(host=HOST, cookie=forged)), Refused)


def test_a_cookie_of_another_server_opens_nothing() -> None:
    assert isinstance(LOOPBACK.decide(Request(host=HOST, cookie=cookie_of(EVERYWHERE))), Refused)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"])
def test_nothing_can_be_sent(method: str) -> None:
    assert not passes(LOOPBACK, host=HOST, method=method)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://tokens.example.org", "https://tokens.example.org"),
        ("https://Tokens.Example.org:443/", "https://tokens.example.org"),
        ("http://tokens.example.org:8080", "http://tokens.example.org:8080"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1]"),
    ],
)
def test_a_public_address_is_a_scheme_a_name_and_a_port(url: str, origin: str) -> None:
    assert public_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tokens.example.org",
        "ftp://a",
        "https://",
        "https://a/path",
        "https://a:x",
        "https://a:70000",
        "https://a?b",
        "https://a#b",
        "https://me@a",
        "https://a:0",
        "https://[::1",
    ],
)
def test_another_public_address_is_an_error(url: str) -> None:
    with pytest.raises(InputError, match="--public-url"):
        public_origin(url)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.9.9.9", True),
        ("0.0.0.0", False),
        ("", False),
        ("192.168.1.5", False),
        ("mypc", False),
        ("::", False),
    ],
)
def test_which_hosts_only_this_machine_reaches(host: str, own: bool) -> None:
    assert is_loopback(host) is own
