"""The report of `token-explorer doctor`: what was proved of a model, and what the program stands on here.

Made from what an engine tells; knows nothing of how it found out.
"""

import math
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from token_explorer import __version__
from token_explorer.core.engine import Check, EngineInfo
from token_explorer.core.tokens import display

SCHEMA = 1
LIBRARIES = ("textual", "torch", "transformers", "numpy", "tomli")


def report(info: EngineInfo, paths: Mapping[str, Path | None]) -> dict[str, Any]:
    """What `doctor --json` prints.

    Args:
        paths: what is where; None for what isn't there.
    """
    return {
        "schema": SCHEMA,
        "checks": [_check(check) for check in info.checks],
        "model": {
            "name": info.model,
            "folder": info.folder,
            "architecture": info.architecture,
            "layers": info.layers,
            "context": info.context or None,
            "note": info.note or None,
            "lacks": dict(info.lacks),
        },
        "device": info.device,
        "dtype": info.dtype,
        "versions": {
            "token-explorer": __version__,
            "python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        "paths": {name: None if path is None else str(path) for name, path in paths.items()},
    }


def _check(check: Check) -> dict[str, Any]:
    # JSON has no NaN and no infinity.
    value = check.value if math.isfinite(check.value) else None
    return {"name": check.name, "passed": check.passed, "value": value, "bound": check.bound}


def text(made: Mapping[str, Any]) -> str:
    """The same report as a page of text, safe for a terminal."""
    checks, model = made["checks"], made["model"]
    passed = sum(check["passed"] for check in checks)
    lines = [f"{passed} of {len(checks)} checks passed", *map(_check_line, checks), ""]
    lines += _named("model", {name: value for name, value in model.items() if name != "lacks"})
    lines += [f"  not here: {kind}, as {reason}" for kind, reason in model["lacks"].items()]
    lines += ["", *_named("runs on", {"device": made["device"], "dtype": made["dtype"]})]
    lines += ["", *_named("versions", made["versions"]), "", *_named("paths", made["paths"])]
    return "\n".join(display(line) if line else "" for line in lines)


def _check_line(check: Mapping[str, Any]) -> str:
    value = "not a number" if check["value"] is None else f"{check['value']:.2g}"
    return f"  {'✓' if check['passed'] else '✗'} {check['name']}: {value}, at most {check['bound']:g}"


def _named(title: str, values: Mapping[str, Any]) -> list[str]:
    return [title, *(f"  {name:<15} {'none' if value is None else value}" for name, value in values.items())]
