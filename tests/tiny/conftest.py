"""The demo model, trained once."""

from pathlib import Path

import pytest

from tests.tiny.trained import run, work
from token_explorer.tiny.settings import TinySettings
from token_explorer.tiny.work import ByHand, Work


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Work:
    """The demo model with the usual settings, its first steps recorded."""
    return run(work(tmp_path_factory.mktemp("trained") / "tiny", TinySettings(), by_hand=ByHand(3)))


@pytest.fixture
def tiny(demo: Work, own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder; in this test the name `tiny` leads there."""
    monkeypatch.setenv("TOKEN_EXPLORER_DATA", str(demo.folder.path.parent))
    return demo.folder.path
