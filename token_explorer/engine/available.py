"""Which models can be opened here without fetching anything: the embedded one, the tiny one, the hub's cache.

Asks no network, and loads no model.
"""

from collections.abc import Iterator
from pathlib import Path

from token_explorer.engine import embedded
from token_explorer.engine.hub import is_complete
from token_explorer.engine.models import EMBEDDED, TINY
from token_explorer.engine.storage import trained_folder


def available() -> list[tuple[str, str]]:
    """Names that --model takes, each with a few words about it."""
    tiny = [(TINY, "the GPT that tiny train made")] if (trained_folder() / "config.json").is_file() else []
    return [(EMBEDDED, embedded.NAME), *tiny, *sorted(_cached())]


def _cached() -> Iterator[tuple[str, str]]:
    """Hub models whose files are all here."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir()
    except (CacheNotFound, OSError):
        return
    for repo in found.repos:
        folders = (Path(revision.snapshot_path) for revision in repo.revisions)
        if repo.repo_type == "model" and any(map(is_complete, folders)):
            yield repo.repo_id, f"in the hub's cache, {repo.size_on_disk / 1e6:,.0f} MB"
