"""What every test stands on: folders of its own, no network, and the embedded model, provided once.

Environment variables are set here, at import, because libraries read them at theirs.
"""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from token_explorer.engine.models import Source

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TEXTUAL_ANIMATIONS"] = "none"
# The tests themselves are spread over the cores; threads that wait for each other take six times as long.
os.environ["OMP_NUM_THREADS"] = "1"
for _name in (
    "NO_COLOR",
    "FORCE_COLOR",
    "TOKEN_EXPLORER_CONFIG",
    "TOKEN_EXPLORER_DEBUG",
    "TOKEN_EXPLORER_WORKSPACE",
):
    os.environ.pop(_name, None)

# No test may fail on a clock.
settings.register_profile("tests", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1000)  # --hypothesis-profile=thorough
settings.load_profile("tests")


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: half of the time a test waits for a screen to come to rest, or for a process."""
    return 2 * (os.cpu_count() or 1)


class NetworkUsed(AssertionError):
    """A test asked for something beyond this machine."""


def _is_local(address: Any) -> bool:
    if not isinstance(address, tuple):
        return True  # a socket file
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Connections lead to this machine or nowhere."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if not _is_local(address):
            raise NetworkUsed(f"a connection to {address}")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session")
def embedded_folder() -> Path:
    """The embedded model, in the cache that is shared from run to run; provided when it isn't there."""
    from token_explorer.engine import embedded

    # Made before any test's own folders are, so the cache is the user's.
    return embedded.provide(lambda progress: None)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home, a cache and a configuration folder that are this test's alone."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.setenv("TOKEN_EXPLORER_CACHE", str(home / "cache" / "token-explorer"))
    monkeypatch.setenv("TOKEN_EXPLORER_DATA", str(home / "data" / "token-explorer"))
    return home


@pytest.fixture
def embedded_source(embedded_folder: Path, own_folders: Path) -> "Source":
    """Where the embedded model is; in this test 'embedded' leads there too, also in other processes."""
    from token_explorer.engine.models import Source

    models = own_folders / "cache" / "token-explorer" / "models"
    models.mkdir(parents=True)
    (models / embedded_folder.name).symlink_to(embedded_folder, target_is_directory=True)
    return Source("SmolLM2-135M-Instruct", str(embedded_folder))


@pytest.fixture(scope="session")
def embedded_model(embedded_folder: Path) -> "PreTrainedModel":
    """The embedded model's weights, float32 on the CPU; nobody may change them."""
    from token_explorer.engine import models

    source = models.Source("SmolLM2-135M-Instruct", str(embedded_folder))
    return models.load_weights(source, "cpu", "float32", lambda progress: None)
