"""Models by hub id, against a hub on this machine; each in a process of its own, as the hub's address is
read when its library is imported."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.fake_hub import FakeHub, serve
from tests.engine.random_models import save_random

LOCATE = """
import json, sys
from token_explorer.engine import models
from token_explorer.errors import ExplorerError
seen = []
try:
    source = models.locate(sys.argv[1], seen.append)
    found = {"folder": source.folder, "label": source.label, "kind": "found"}
    found["bytes"] = max((each.total for each in seen if each.stage.startswith("fetching")), default=0)
    if "load" in sys.argv:
        models.load_tokenizer(source)
        model = models.load_weights(source, "cpu", "float32", seen.append)
        found["kind"] = model.config.model_type
except ExplorerError as error:
    found = {"kind": type(error).__name__, "title": error.title, "message": error.message, "hint": error.hint}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save_random("llama", folder)
    (folder / "consolidated.safetensors").write_bytes(b"the weights again, for another program")
    (folder / "README.md").write_text("a card")
    return folder


@pytest.fixture
def hub(model: Path, tmp_path: Path) -> Iterator[FakeHub]:
    only_gguf = tmp_path / "gguf"
    only_gguf.mkdir()
    (only_gguf / "model.Q4.gguf").touch()
    with serve({"who/llama": model, "who/gguf": only_gguf}) as running:
        yield running


def locate(name: str, url: str, *more: str, **environment: str) -> dict[str, str]:
    """What a process finds that looks for a model on a hub."""
    fresh = {"HF_ENDPOINT": url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}
    environment = {**os.environ, **fresh, **environment}
    command = [sys.executable, "-c", LOCATE, name, *more]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert ran.stderr == ""
    found: dict[str, str] = json.loads(ran.stdout)
    return found


def unused_url() -> str:
    """An address that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_model_is_fetched_once_and_then_used_without_asking(hub: FakeHub, model: Path) -> None:
    first = locate("who/llama", hub.url)
    assert first["label"] == "llama"
    assert first["bytes"] == (model / "model.safetensors").stat().st_size
    hub.asked.clear()
    assert locate("who/llama", hub.url)["folder"] == first["folder"]
    assert hub.asked == []
    assert locate("who/llama", unused_url(), "load")["kind"] == "llama"


def test_only_what_is_needed_is_fetched(hub: FakeHub) -> None:
    folder = Path(locate("who/llama", hub.url)["folder"])
    names = {each.name for each in folder.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not names & {"consolidated.safetensors", "README.md"}


def test_a_copy_without_its_weights_is_completed(hub: FakeHub) -> None:
    folder = Path(locate("who/llama", hub.url)["folder"])
    (folder / "model.safetensors").unlink()
    locate("who/llama", hub.url)
    assert (folder / "model.safetensors").exists()


def test_an_unknown_model_and_no_network_are_told_apart(hub: FakeHub) -> None:
    unknown, unreachable = locate("who/none", hub.url), locate("who/llama", unused_url())
    assert unknown["kind"] == unreachable["kind"] == "ModelNotFound"
    assert "no model who/none" in unknown["message"]
    assert "can't be reached" in unreachable["message"]


def test_no_network_by_wish_is_told_as_such(hub: FakeHub) -> None:
    found = locate("who/llama", hub.url, HF_HUB_OFFLINE="1")
    assert found["kind"] == "ModelNotFound"
    assert "isn't in the local cache" in found["message"]
    assert hub.asked == []


def test_a_gated_model_says_how_to_get_in(hub: FakeHub) -> None:
    found = locate("who/gated", hub.url)
    assert found["title"] == "Model is gated"
    assert "log in" in found["hint"]


def test_a_model_in_gguf_files_only_says_what_to_do(hub: FakeHub) -> None:
    found = locate("who/gguf", hub.url)
    assert found["kind"] == "ModelLoadError"
    assert ".gguf" in found["hint"]
