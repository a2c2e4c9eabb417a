"""The doctor's report: true to what the engine says, valid JSON, and an exit code that scripts can use."""

import json
import math
from pathlib import Path

import pytest

from token_explorer import cli, doctor
from token_explorer.cli import doctor as command
from token_explorer.core.engine import Check, EngineInfo

GOOD = Check("good", 0.0, 1.0)
INFO = EngineInfo(
    "model \x1b[31m",
    "cpu",
    "float32",
    0,
    3,
    architecture="SomeForCausalLM",
    folder="/models/some",
    checks=(GOOD, Check("bad", math.nan, 1e-3)),
    lacks={"attention": "it has none"},
)


def made() -> dict[str, object]:
    return doctor.report(INFO, {"config": None, "cache": Path("/cache")})


def test_the_report_has_the_schemas_fields_and_survives_json() -> None:
    report = json.loads(json.dumps(made(), allow_nan=False))
    assert list(report) == ["schema", "checks", "model", "device", "dtype", "versions", "paths"]
    assert report["schema"] == 1
    assert report["checks"] == [
        {"name": "good", "passed": True, "value": 0.0, "bound": 1.0},
        {"name": "bad", "passed": False, "value": None, "bound": 1e-3},
    ]
    assert report["model"]["folder"] == "/models/some"
    assert report["model"]["architecture"] == "SomeForCausalLM"
    assert report["model"]["lacks"] == {"attention": "it has none"}
    assert report["paths"] == {"config": None, "cache": "/cache"}
    assert set(doctor.LIBRARIES) < set(report["versions"])


def test_the_text_says_what_failed_and_what_is_lacking_and_obeys_nothing() -> None:
    text = doctor.text(made())
    assert "1 of 2 checks passed" in text
    assert "✗ bad: not a number, at most 0.001" in text
    assert "not here: attention, as it has none" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("checks", "code"), [((GOOD,), 0), (INFO.checks, 1)])
def test_a_failed_check_is_exit_code_one(
    checks: tuple[Check, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = EngineInfo("model", "cpu", "float32", 0, 3, checks=checks)
    monkeypatch.setattr(command, "proved", lambda settings: info)
    assert cli.main(["doctor", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["schema"] == 1
    assert cli.main(["doctor"]) == code


def test_flags_before_the_command_are_refused_instead_of_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--model", "x", "doctor"]) == 2
    assert "--model stands before doctor" in capsys.readouterr().err
