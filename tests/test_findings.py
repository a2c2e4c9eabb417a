"""The findings in the docs are what the commands beside them print."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "FINDINGS.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+")


def findings() -> Iterator[tuple[str, list[str]]]:
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        command, *lines = block.splitlines()
        yield command.removeprefix("$ .venv/bin/python docs/findings.py "), lines


FINDINGS = dict(findings())


@pytest.fixture(scope="module")
def printed(embedded_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the script prints of all findings, from one load of the model."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "models").mkdir()
    (cache / "models" / embedded_folder.name).symlink_to(embedded_folder, target_is_directory=True)
    command = [sys.executable, "docs/findings.py", *FINDINGS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN_EXPLORER_CACHE", str(cache))
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return result.stdout.splitlines()


def test_there_are_at_least_three_findings() -> None:
    assert len(FINDINGS) >= 3


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_what_its_command_prints(name: str, printed: list[str]) -> None:
    for told in FINDINGS[name]:
        wordings = [line for line in printed if NUMBER.sub("#", line) == NUMBER.sub("#", told)]
        assert wordings, f"nothing like {told!r} is printed"
        numbers = [float(number) for number in NUMBER.findall(told)]
        assert any(
            [float(number) for number in NUMBER.findall(line)] == pytest.approx(numbers, rel=0.02, abs=6e-4)
            for line in wordings
        ), f"{told!r} is now {wordings}"


def test_an_unknown_finding_is_refused_with_those_there_are() -> None:
    command = [sys.executable, "docs/findings.py", "nothing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "there are capital, sum" in result.stderr
